"""What a package leaves out of its libraries: nothing that a function would miss."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore
import botocore.loaders
import botocore.session
import chalice
import holidays
import msgspec
import pynamodb
import pytest
import urllib3

from admin.deployment import libraries, package
from admin.deployment.stacks import DeployFailed
from bench.harness import ENVIRONMENT
from tests.conftest import REGION, ROOT


def test_the_package_knows_the_services_that_the_application_calls():
    called = {
        service
        for folder in ("chalicelib", "admin/commands")
        for path in (ROOT / folder).rglob("*.py")
        for service in re.findall(r"client\(\"([a-z0-9-]+)\"", path.read_text())
    }

    # The tables are reached by pynamodb, which makes its own client.
    assert called | {"dynamodb"} == libraries.SERVICES


def test_the_package_has_only_the_botocore_data_that_our_clients_need(tmp_path):
    """The same clients, with the same operations at the same addresses, from a twentieth of the files."""
    data = tmp_path / "data"
    whole = Path(botocore.__file__).parent / "data"
    for name in (*libraries.SERVICES, "ec2"):
        shutil.copytree(whole / name, data / name)
    for file in whole.glob("*.json"):
        shutil.copy(file, data)

    libraries._keep_services(data)

    assert {path.name for path in data.iterdir() if path.is_dir()} == libraries.SERVICES
    assert (data / "endpoints.json").stat().st_size < 100_000
    for name in libraries.SERVICES:
        ours, theirs = (_made_of(folder, name) for folder in (data, whole))
        assert ours == theirs, name


def _made_of(data: Path, service: str) -> Any:
    """A client's address in two regions, and its model, but for the documentation; made of a folder of botocore's."""
    session = botocore.session.Session()
    loader = botocore.loaders.Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    made = [session.create_client(service, region) for region in (REGION, "us-east-1")]
    model = loader.load_service_model(service, "service-2")
    told = json.loads(json.dumps(model), object_hook=libraries._without_documentation)
    if service == "dynamodb":
        libraries._keep_operations(told, libraries.TABLES)
    # A call looks for an address once more, by the parameters that the client may be given.
    asked = [parameter.name for client in made for parameter in client.meta.service_model.client_context_parameters]
    return [client.meta.endpoint_url for client in made], asked, told


def test_the_packaged_holidays_are_those_of_the_whole_library(tmp_path):
    library = tmp_path / "holidays"
    shutil.copytree(Path(holidays.__file__).parent, library, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    libraries._keep_country(library)
    assert [path.name for path in library.glob("countries/*.py") if path.stat().st_size] == [f"{libraries.COUNTRY}.py"]

    asked = (
        "from datetime import date, timedelta\n"
        "from chalicelib.helpdesk.rules import is_holiday\n"
        "print([day for n in range(1500) if is_holiday(day := date(2023, 6, 1) + timedelta(n))])\n"
        "import holidays; print(holidays.__file__)\n"
    )
    answers = [
        subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
        for env in ({"PYTHONPATH": str(tmp_path)}, {})
    ]
    pruned, whole = (answer.stdout.splitlines() for answer in answers)
    assert pruned[0] == whole[0]
    assert pruned[0].count("datetime.date") > 60
    assert (pruned[1].startswith(str(tmp_path)), whole[1].startswith(str(tmp_path))) == (True, False)


def test_the_operations_that_are_left_need_no_shape_that_is_not():
    model = botocore.loaders.Loader().load_service_model("dynamodb", "service-2")
    kept = json.loads(json.dumps(model))
    libraries._keep_operations(kept, libraries.TABLES)

    assert kept["operations"] == {name: model["operations"][name] for name in libraries.TABLES}
    assert kept["shapes"].items() <= model["shapes"].items()
    assert libraries._shapes_in(kept) == set(kept["shapes"])
    assert len(json.dumps(kept)) < len(json.dumps(model)) / 2


def test_a_library_without_a_module_that_is_to_be_emptied_is_refused(tmp_path):
    with pytest.raises(DeployFailed, match=r"there is no botocore/docs/__init__\.py"):
        libraries._empty_idle_modules(tmp_path)


def test_a_library_without_a_text_that_is_to_be_changed_is_refused(tmp_path):
    (tmp_path / "module.py").write_text("new")
    with pytest.raises(DeployFailed, match=r"there is no 'old' in module\.py any more"):
        libraries.change_modules(tmp_path, {"module.py": {"old": ""}})


MODULES_MAX = 437
"""How many modules a join may load, those of the interpreter too. On average one takes 0.4 ms of a cold start."""

UNNEEDED = {"concurrent.futures.thread", "html.parser", "importlib.metadata", "tomllib", "botocore.docs.bcdoc"}
UNNEEDED |= {"typing_extensions"}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application's code and the libraries that are pruned, as a package has them."""
    folder = tmp_path_factory.mktemp("deployed")
    shutil.copytree(ROOT / "chalicelib", folder / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", folder)
    package.write_tables(folder / "chalicelib")
    for library in (botocore, urllib3, holidays, msgspec, pynamodb, chalice):
        whole = Path(library.__file__).parent
        shutil.copytree(whole, folder / whole.name, ignore=shutil.ignore_patterns("__pycache__", "*.mo", "data"))
    for name in libraries.SERVICES:
        shutil.copytree(Path(botocore.__file__).parent / "data" / name, folder / "botocore/data" / name)
    for file in (Path(botocore.__file__).parent / "data").glob("*.json"):
        shutil.copy(file, folder / "botocore/data")
    libraries.prune(folder)
    libraries.change_modules(folder, libraries.CHALICE)
    return folder


def ran(folder: Path, code: str) -> list[str]:
    """The words that code prints where a package is."""
    command = [sys.executable, "-c", code]
    environment = os.environ | ENVIRONMENT | {"PYTHONPATH": str(folder)}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def test_a_first_join_loads_no_more_modules_than_it_needs(deployed: Path):
    """Counted with the one client that it makes. Seconds would say what the machine does besides."""
    loaded = ran(
        deployed,
        "import app; from chalicelib.aws import dynamodb\n"
        "services = app.services(); services.waves; dynamodb._client(services.settings.region)\n"
        "import sys, botocore; print(botocore.__file__, *sys.modules)",
    )
    assert loaded[0] == str(deployed / "botocore/__init__.py")
    assert sorted(UNNEEDED & set(loaded)) == []
    assert {"chalicelib.waves.service", "botocore.client", "urllib3.connection"} <= set(loaded)
    assert len(loaded) - 1 <= MODULES_MAX, "see which is new: python -X importtime"


# Attributes and indexes of all items, and what becomes of addresses: as far as changed modules decide them
_MEANT = """
import importlib, pathlib
for path in sorted(pathlib.Path('chalicelib').rglob('*.py')):
    if 'public' not in path.parts and '__' not in path.name:
        importlib.import_module('.'.join(path.with_suffix('').parts))
from chalicelib.aws.table import Table
def kinds(kind):
    yield kind
    for each in kind.__subclasses__():
        yield from kinds(each)
for kind in kinds(Table):
    print(kind.__name__, *kind._attributes, *kind._dynamo_to_python_attrs.items(), *kind._indexes)
from urllib3.util.url import parse_url
from botocore.utils import is_valid_endpoint_url, is_valid_ipv6_endpoint_url
for host in ('db.example', 'DB.example:8000', '10.0.0.1', '[::1]:80', '[FE80::1%25en0]', '[::1', 'a b', '[x]'):
    for asked in (parse_url, is_valid_endpoint_url, is_valid_ipv6_endpoint_url):
        try:
            print(asked(f'http://{host}/a%2fb?c'))
        except Exception as error:
            print(type(error).__name__)
"""


def test_changed_modules_mean_what_they_meant(deployed: Path):
    changed = ran(deployed, f"{_MEANT}import urllib3, pynamodb; print(urllib3.__file__, pynamodb.__file__)")
    assert changed[-2:] == [str(deployed / name / "__init__.py") for name in ("urllib3", "pynamodb")]
    assert changed[:-2] == ran(ROOT, _MEANT)
    assert {"Profile", "registered", "LocationParseError"} <= set(changed)


def test_emptied_modules_are_missed_neither_by_clients_nor_by_what_clients_make(deployed: Path):
    """Clients, paginators and waiters are made as always, without documentation."""
    made = ran(
        deployed,
        "from chalicelib.aws import clients; import sys\n"
        f"for name in {sorted(libraries.SERVICES)}:\n"
        f"    client = clients.client(name, '{REGION}')\n"
        "    told = client._PY_TO_OP_NAME; operations = [getattr(client, one) for one in told]\n"
        "    for one in told:\n"
        "        client.can_paginate(one) and client.get_paginator(one)\n"
        "    # Waiters of DynamoDB are for operations that nobody calls.\n"
        "    for one in client.waiter_names * (name != 'dynamodb'): client.get_waiter(one)\n"
        "    print(name, len(operations) > 2, {*(one.__doc__ for one in operations)} == {''})",
    )
    assert made == [word for name in sorted(libraries.SERVICES) for word in (name, "True", "True")]
