"""What a package leaves out of its libraries: what no function uses, and each cold start would unpack or load."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.aws import json_protocol

from .stacks import DeployFailed

SERVICES = frozenset({"cloudwatch", "dynamodb", "kms", "lambda", "s3", "secretsmanager", "sesv2", "sns", "sqs"})
"""The services that functions call. botocore brings the models of 440 services: half of the package and of its files.
"""

TABLES = json_protocol.OPERATIONS["dynamodb"]
"""The operations of DynamoDB that functions call. Its model has six times as many."""

COUNTRY = "indonesia"
"""The country of the holidays. The library has those of 250 countries, 12 MB with their languages, and imports all of
them for any one.
"""

_DOCSTRINGS = """\
ClientMethodDocstring = PaginatorDocstring = WaiterDocstring = lambda **_: ""
"""

IDLE = {
    "botocore/docs/__init__.py": "",
    "botocore/docs/docstring.py": _DOCSTRINGS,
    "urllib3/http2/__init__.py": "",
}
"""Modules that every process imports and no function uses: what writes botocore's documentation (with a parser of HTML)
and an experiment with HTTP/2 (which looks through the metadata of packages). They were a twentieth of a cold start.
Each is replaced by what others import of it.
"""

_PATTERN = '''\
import re


class _Pattern:
    """A pattern that is compiled when it is first used."""

    def __init__(self, *given):
        self._given = given

    def __getattr__(self, name):
        return getattr(re.compile(*self._given), name)
'''

_MEMBERS = '''\
def getmembers(kind, wanted):
    """What is wanted of a class, by name: as `inspect.getmembers`, which takes each method in its hands twice."""
    names = {name for base in kind.__mro__ for name, value in vars(base).items() if wanted(value)}
    return [(name, getattr(kind, name)) for name in sorted(names) if wanted(getattr(kind, name))]


'''

_PATTERNS = {"\nimport re\n": f"\n{_PATTERN}", "= re.compile(": "= _Pattern("}
_TYPES = "from __future__ import annotations\n"
"""With it types are not evaluated."""

CHANGED = {
    # Patterns of IPv6 addresses in several forms. The address of a service is a name.
    "botocore/compat.py": _PATTERNS,
    "urllib3/util/url.py": {
        **_PATTERNS,
        "= _IPV6_ADDRZ_RE.match(host)": '= host.startswith("[") and _IPV6_ADDRZ_RE.match(host)',
    },
    # Dictionaries are ordered.
    "botocore/loaders.py": {", object_pairs_hook=OrderedDict": ""},
    # All of it is in Python 3.11.
    "msgspec/_utils.py": {"from typing_extensions import": "from typing import"},
    "pynamodb/attributes.py": {
        "\nimport base64\n": f"\n{_TYPES}\nimport base64\n",
        "from inspect import getmembers\n": "",
        "\nclass AttributeContainerMeta(": f"\n{_MEMBERS}class AttributeContainerMeta(",
    },
    "pynamodb/models.py": {"from inspect import getmembers\n": "from pynamodb.attributes import getmembers\n"},
}
"""What libraries do when they are imported and when our items are defined, and could leave: by file, each text with
what stands in its place. These were a tenth of a cold start.
"""

CHALICE = {"chalice/app.py": {"\nimport re\n": f"\n{_TYPES}\nimport re\n"}}
"""The same of what comes with our own code."""

UNUSED = ("lxml/html", "lxml/includes", "lxml/isoschematron", "lxml/objectify*")
"""Of libraries what nobody imports: 7 MB."""

KEPT = f"{sorted(SERVICES)} {sorted(TABLES)} {COUNTRY} {IDLE} {CHANGED} {UNUSED}, with empty documentation"
"""All that decides what is left, as a text."""


def prune(folder: Path) -> None:
    """Take out of a folder of libraries what no function uses. Raises `DeployFailed` if one has changed."""
    _keep_services(folder / "botocore/data")
    _keep_country(folder / "holidays")
    _empty_idle_modules(folder)
    change_modules(folder, CHANGED)
    for found in (path for unused in UNUSED for path in folder.glob(unused)):
        shutil.rmtree(found) if found.is_dir() else found.unlink()


def _keep_services(data: Path) -> None:
    """Keep of what botocore knows only what a client of ours reads when it is made.

    Models of services that nothing calls go (a client for one then fails at once, by its name), the documentation in
    the others, and the places where those services are, 1.2 MB of JSON that every process would read.
    """
    called = set()
    for service in (path for path in data.iterdir() if path.is_dir()):
        if service.name not in SERVICES:
            shutil.rmtree(service)
        for model in service.glob("*/service-2.json.gz"):
            description = json.loads(gzip.decompress(model.read_bytes()), object_hook=_without_documentation)
            if service.name == "dynamodb":
                _keep_operations(description, TABLES)
            called.add(description["metadata"]["endpointPrefix"])
            model.write_bytes(gzip.compress(json.dumps(description).encode(), mtime=0))  # the same bytes every time
    places = json.loads((data / "endpoints.json").read_text())
    for partition in places["partitions"]:
        partition["services"] = {name: place for name, place in partition["services"].items() if name in called}
    (data / "endpoints.json").write_text(json.dumps(places))


def _keep_operations(description: dict[str, Any], names: frozenset[str]) -> None:
    """Keep these operations of a service's model, and the shapes of what they take, answer and raise."""
    shapes = description["shapes"]
    operations = {name: made for name, made in description["operations"].items() if name in names}
    used: set[str] = set()
    new = _shapes_in(operations)
    while new:
        used |= new
        new = _shapes_in([shapes[name] for name in new]) - used
    description |= {"operations": operations, "shapes": {name: shapes[name] for name in shapes if name in used}}


def _shapes_in(part: Any) -> set[str]:
    return set(re.findall(r'"shape": "(\w+)"', json.dumps(part)))


def _empty_idle_modules(folder: Path) -> None:
    for name, text in IDLE.items():
        if not (folder / name).is_file():
            raise DeployFailed(f"there is no {name} any more: look what is imported in its place, for nothing")
        (folder / name).write_text(text)


def change_modules(folder: Path, changed: Mapping[str, Mapping[str, str]]) -> None:
    """Put other texts into modules. Raises `DeployFailed` if one has changed."""
    for name, texts in changed.items():
        module = (folder / name).read_text("utf-8")
        for old, new in texts.items():
            if old not in module:
                raise DeployFailed(f"there is no {old!r} in {name} any more: look what it does in its place")
            module = module.replace(old, new)
        (folder / name).write_text(module, "utf-8")


def _without_documentation(node: dict[str, Any]) -> dict[str, Any]:
    # What is documented by a text, which some places must have; a member of this name has a shape.
    return {name: "" if name == "documentation" and isinstance(value, str) else value for name, value in node.items()}


def _keep_country(library: Path) -> None:
    """Drop the countries, stock exchanges and languages of `holidays` that nobody uses."""
    for country in (library / "countries").glob("*.py"):
        if country.stem != COUNTRY:
            country.unlink()
    (library / "countries/__init__.py").touch()
    shutil.rmtree(library / "financial")
    shutil.rmtree(library / "locale")
