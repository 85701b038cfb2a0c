"""From the source to a CloudFormation template and a folder of code, by `chalice package`.

Code and dependencies are packaged apart, because they change at different times: dependencies are downloaded again only
when `requirements.txt` or the Python version has changed, and a template can be made without a network.
"""

from __future__ import annotations

import compileall
import hashlib
import json
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any

from chalicelib.administration.identity import SETS
from infrastructure import administration_stack, app_stack, data_stack

from ..commands.administered import COMMANDS
from ..office import route
from . import libraries
from .stacks import DeployFailed
from .stages import ROOT

BUDGET_BYTES = 80_000_000
"""The size limit of an unzipped package; Lambda itself allows 250 MB, but each cold start pays for the size."""

IMPORT_BUDGET_S = 0.4
"""What `import app` may take from a package with compiled modules; every cold start pays for it."""

IMPORT_LIMIT_S = 2.0
"""A slower import is refused, even on a slow machine; above the budget it is only reported."""

IMPORT_TRIES = 10
"""The first also reads the files from the disk, and other work on a processor's cores slows it by half and more."""

_TASK_ROOT = "/var/task"
"""Where Lambda unzips a package, so that tracebacks name the files as they are there."""

_TRIAL = (
    "import sys, time; sys.path[:0] = sys.argv[2:]; t = time.process_time(); __import__(sys.argv[1]); "
    "print(time.process_time() - t)"
)

_DEPENDENCIES_ONLY = """\
from chalice import Chalice

app = Chalice(app_name="dependencies")


@app.lambda_function()
def nothing(event, context):
    pass
"""
"""A minimal application, because Chalice packages no dependencies for an empty one."""

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
"""Linux's name for a machine's processor, and Lambda's."""

DEPLOYED = "x86_64"
"""The processor of every stage's functions; those of the stage `local` run on this machine's own."""

_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"

_MISSING_WHEEL = "Could not install dependencies"
"""What Chalice prints, with exit code 0, when a dependency has no wheel for Lambda."""


@dataclass(frozen=True)
class Package:
    """A release that is ready to be uploaded. In the templates each `CodeUri` still names a local file."""

    app: dict[str, Any]
    administration: dict[str, Any]
    release: str
    zip: Path
    unzipped_bytes: int
    import_s: float
    """How long `import app` took here, from the package alone."""

    @property
    def figures(self) -> str:
        size = f"{self.unzipped_bytes / 1e6:.1f} MB unzipped (budget {BUDGET_BYTES / 1e6:.0f})"
        slow = ", OVER BUDGET" if self.import_s >= IMPORT_BUDGET_S else ""
        return f"{size}, import app {self.import_s * 1e3:.0f} ms (budget {IMPORT_BUDGET_S * 1e3:.0f}{slow})"


def architecture(stage: str) -> str:
    """Lambda's name of the processor that a stage's functions run on.

    Raises `DeployFailed` unless this machine can run such a package: each is tried before it is uploaded, and the local
    cloud runs it here.
    """
    system, machine = platform.system(), platform.machine()
    if system != "Linux" or machine not in ARCHITECTURES:
        raise DeployFailed(
            f"packages are made on Linux (x86_64 or aarch64), and this is {system} on {machine}: "
            "use a Linux virtual machine or container; the image python:3.11 has all that is needed"
        )
    own = ARCHITECTURES[machine]
    if stage != "local" and own != DEPLOYED:
        raise DeployFailed(f"{stage} runs on {DEPLOYED}, and this machine is {own}: deploy from an {DEPLOYED} Linux")
    return own


def build(root: Path, stage: str, region: str, work: Path) -> Package:
    """Package the project at `root`; `work` keeps dependencies and zips for the next time.

    Raises `DeployFailed` if the package is incomplete, over its budget, or does not import by itself.
    """
    processor = architecture(stage)
    brought = dependencies(root, region, work, processor)
    with tempfile.TemporaryDirectory(prefix="gelombang-package-") as scratch:
        app, administration, code = chalice_package(root, stage, region, Path(scratch), processor)
        libraries.change_modules(code, libraries.CHALICE)
        compile_modules(code)
        folders = [code, brought]
        took_s = check(folders)
        import_s(folders, "administration")
        release = release_of(folders)
        target = work / "packages" / f"{release}.zip"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            write_zip(folders, target)
        return Package(app, administration, release, target, unzipped_bytes(folders), took_s)


def chalice_package(
    root: Path, stage: str, region: str, scratch: Path, processor: str = DEPLOYED
) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """The merged templates of both applications, and a folder with their code (Chalice's part included).

    The folder is below `scratch`. Both applications are in the same package.
    """
    project = scratch / "project"
    for name, target in {"chalicelib": "chalicelib", "admin": "vendor/admin"}.items():
        left_out = shutil.ignore_patterns("__pycache__", "deployment")
        shutil.copytree(root / name, project / target, ignore=left_out)
    shutil.copy(root / "administration.py", project / "vendor")  # Chalice packages what is in it at the top
    shutil.copy(root / "app.py", project)
    app_stack.write(project / ".chalice", processor)
    write_tables(project / "chalicelib")
    (project / "requirements.txt").touch()
    merge = ("--merge-template", f".chalice/{app_stack.MERGED}")
    out = _run_chalice(project, stage, region, *merge)
    app, code = json.loads((out / "sam.json").read_text()), _unzip(out / "deployment.zip", scratch / "code")
    shutil.copy(root / "administration.py", project / "app.py")  # Chalice makes a template of what has this name
    administration_stack.write(project / ".chalice", processor, permission_sets())
    out = _run_chalice(project, stage, region, *merge)
    return app, json.loads((out / "sam.json").read_text()), code


def permission_sets() -> dict[str, list[str]]:
    """The routes of each permission set: those of its commands."""
    return {name: [route(words) for words, command in COMMANDS.items() if name in command.sets] for name in SETS}


def write_tables(code: Path) -> None:
    """Write each TOML file also as JSON, which `chalicelib.tables` reads instead, in a tenth of the time."""
    for file in code.rglob("*.toml"):
        table = tomllib.loads(file.read_text("utf-8"))
        file.with_suffix(".json").write_text(
            json.dumps(table, default=methodcaller("isoformat"), ensure_ascii=False), "utf-8"
        )


def dependencies(root: Path, region: str, work: Path, processor: str = DEPLOYED) -> Path:
    """A folder with what `requirements.txt` names, for Lambda's platform and compiled; made once for each content."""
    requirements = (root / "requirements.txt").read_bytes()
    told = f"python{sys.version_info[:2]} {processor} {libraries.KEPT}"
    key = hashlib.sha256(requirements + told.encode()).hexdigest()[:16]
    target = work / "dependencies" / key
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{key}-", dir=target.parent) as scratch:
        project = Path(scratch) / "project"
        (project / ".chalice").mkdir(parents=True)
        config = {"version": "2.0", "app_name": "dependencies", "lambda_architecture": processor}
        (project / ".chalice/config.json").write_text(json.dumps(config))
        (project / "app.py").write_text(_DEPENDENCIES_ONLY)
        (project / "requirements.txt").write_bytes(requirements)
        out = _run_chalice(project, "dependencies", region)
        folder = _unzip(out / "deployment.zip", Path(scratch) / "libraries")
        (folder / "app.py").unlink()
        shutil.rmtree(folder / "chalice")  # Chalice itself comes with the code
        libraries.prune(folder)
        compile_modules(folder)
        try:
            folder.replace(target)
        except OSError:
            if not target.exists():  # otherwise another deployment was quicker, with the same content
                raise
    return target


def _run_chalice(project: Path, stage: str, region: str, *options: str) -> Path:
    out = project.parent / "out"
    # `app.py` must import without settings: those of a deployment would hide that it does not.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GELOMBANG_")}
    result = subprocess.run(  # noqa: S603 - our own interpreter, fixed arguments
        [sys.executable, "-c", _CHALICE, "package", "--stage", stage, *options, str(out)],
        cwd=project,
        env=environment | {"AWS_DEFAULT_REGION": region},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode or _MISSING_WHEEL in result.stdout:
        raise DeployFailed(f"chalice package failed:\n{result.stdout.strip()}")
    return out


def _unzip(file: Path, target: Path) -> Path:
    with zipfile.ZipFile(file) as package:
        package.extractall(target)
    return target


# The zip that Lambda runs: the same bytes for the same code, with compiled modules


def compile_modules(folder: Path) -> None:
    """Add a .pyc next to every module, valid without a look at its source (whose time in a zip means nothing).

    Without them each cold start compiles each module again: about 0.9 s instead of 0.3 s.
    """
    if not compileall.compile_dir(
        folder,
        quiet=1,
        workers=0,
        stripdir=str(folder),
        prependdir=_TASK_ROOT,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    ):
        raise DeployFailed(f"a module of the package does not compile (see above; in {folder})")


def release_of(folders: Sequence[Path]) -> str:
    """The name of a release: a hash of every file in it, and of the Python version it is compiled for.

    Compiled modules are left out: their bytes may differ between two machines that compile the same source.
    """
    digest = hashlib.sha256(f"python{sys.version_info.major}.{sys.version_info.minor}\n".encode())
    for name, path in _members(folders):
        if path.suffix != ".pyc":
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()[:32]


def unzipped_bytes(folders: Sequence[Path]) -> int:
    return sum(path.stat().st_size for _, path in _members(folders))


def check(folders: Sequence[Path]) -> float:
    """How many seconds `import app` takes from the package alone; the best of `IMPORT_TRIES` while over budget.

    Raises `DeployFailed` if the package is over its budget of size, imports far too slowly, or needs anything that is
    not in it.
    """
    size = unzipped_bytes(folders)
    if size >= BUDGET_BYTES:
        raise DeployFailed(f"the package has {size / 1e6:.1f} MB unzipped; its budget is {BUDGET_BYTES / 1e6:.0f} MB")
    took = import_s(folders)
    for _ in range(IMPORT_TRIES - 1):
        if took >= IMPORT_BUDGET_S:
            took = min(took, import_s(folders))
    if took >= IMPORT_LIMIT_S:
        raise DeployFailed(
            f"import app takes {took:.1f} s from the package; its budget is {IMPORT_BUDGET_S * 1e3:.0f} ms and "
            f"{IMPORT_LIMIT_S:.0f} s is refused (what takes so long: python -X importtime -c 'import app')"
        )
    return took


def import_s(folders: Sequence[Path], module: str = "app") -> float:
    """Seconds of processor time for one import of a module in a fresh interpreter that has nothing but the package.

    A busy machine takes longer by the clock, which does not matter. Raises `DeployFailed` if the import needs anything
    that is not in the package.
    """
    # -I and -S: without this environment's packages, the current directory or the user's settings, as in Lambda.
    trial = subprocess.run(  # noqa: S603 - our own interpreter on the package just built
        [sys.executable, "-I", "-S", "-B", "-c", _TRIAL, module, *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    if trial.returncode:
        raise DeployFailed(f"the package does not import by itself:\n{trial.stderr.strip()}")
    return float(trial.stdout.splitlines()[-1])


def write_zip(folders: Sequence[Path], target: Path) -> None:
    """Write the files of all folders into one zip: sorted, without times, whole or not at all."""
    unfinished = target.with_suffix(f".unfinished-{os.getpid()}")  # two deployments may write the same release at once
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in _members(folders):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    unfinished.replace(target)


def _members(folders: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Name in the zip and file, sorted by name; of two files with one name the first folder's counts."""
    files: dict[str, Path] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                files.setdefault(path.relative_to(folder).as_posix(), path)
    yield from sorted(files.items())


def main() -> None:
    """Write the templates of all stacks to the folder named on the command line, for a linter."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="gelombang-package-") as scratch:
        try:
            app, administration, _ = chalice_package(ROOT, "local", "ap-southeast-3", Path(scratch))
        except DeployFailed as error:
            sys.exit(str(error))
    folder.mkdir(parents=True, exist_ok=True)
    stacks = {"app": app, "administration": administration, "data": data_stack.template()}
    for name, template in stacks.items():
        (folder / f"{name}-stack.json").write_text(json.dumps(template, indent=2))


if __name__ == "__main__":
    main()
