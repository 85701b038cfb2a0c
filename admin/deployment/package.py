"""From the source to a CloudFormation template and a folder of code, by `chalice package`.

Code and dependencies are packaged apart, because they change at different times: dependencies are downloaded again only
when `requirements.txt` or the Python version has changed, and a template can be made without a network.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infrastructure import app_stack, data_stack

from . import archive
from .stacks import DeployFailed
from .stages import ROOT

_DEPENDENCIES_ONLY = """\
from chalice import Chalice

app = Chalice(app_name="dependencies")


@app.lambda_function()
def nothing(event, context):
    pass
"""
"""Chalice packages dependencies only for an application that has something in it."""

SERVICES = frozenset({"cognito-idp", "dynamodb", "kms", "s3", "secretsmanager", "sesv2", "sns", "sqs"})
"""What the functions call. botocore brings the models of 440 services: half of the package and of its files."""

COUNTRY = "indonesia"
"""Whose holidays are asked for. The library has those of 250 countries, 12 MB with their languages, and imports all of
them for any one."""

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
"""Linux's name for a machine's processor, and Lambda's."""

DEPLOYED = "x86_64"
"""The processor of every stage's functions; those of the stage `local` run on this machine's own."""

_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"

_MISSING_WHEEL = "Could not install dependencies"
"""What Chalice prints, with exit code 0, when a dependency has no wheel for Lambda."""


@dataclass(frozen=True)
class Package:
    """A release that is ready to be uploaded. In the template each `CodeUri` still names a local file."""

    template: dict[str, Any]
    release: str
    zip: Path
    unzipped_bytes: int
    import_s: float
    """How long `import app` took here, from the package alone."""

    @property
    def figures(self) -> str:
        """Size and speed beside their budgets."""
        size = f"{self.unzipped_bytes / 1e6:.1f} MB unzipped (budget {archive.BUDGET_BYTES / 1e6:.0f})"
        slow = ", OVER BUDGET" if self.import_s >= archive.IMPORT_BUDGET_S else ""
        return f"{size}, import app {self.import_s * 1e3:.0f} ms (budget {archive.IMPORT_BUDGET_S * 1e3:.0f}{slow})"


def architecture(stage: str) -> str:
    """Lambda's name of the processor that a stage's functions run on.

    Raises `DeployFailed` unless this machine can run such a package: each is tried before it goes out, and the local
    cloud runs it right here.
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

    Raises `DeployFailed` if it can't be packaged completely, is over its budget or does not import by itself.
    """
    processor = architecture(stage)
    libraries = dependencies(root, region, work, processor)
    with tempfile.TemporaryDirectory(prefix="gelombang-package-") as scratch:
        template, code = chalice_package(root, stage, region, Path(scratch), processor)
        archive.compile_modules(code)
        folders = [code, libraries]
        import_s = archive.check(folders)
        release = archive.release_of(folders)
        target = work / "packages" / f"{release}.zip"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            archive.write_zip(folders, target)
        return Package(template, release, target, archive.unzipped_bytes(folders), import_s)


def chalice_package(
    root: Path, stage: str, region: str, scratch: Path, processor: str = DEPLOYED
) -> tuple[dict[str, Any], Path]:
    """The merged template, and a folder with the application's own code (Chalice's part included), below `scratch`."""
    project = scratch / "project"
    shutil.copytree(root / "chalicelib", project / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    app_stack.write(project / ".chalice", processor)
    shutil.copy(root / "app.py", project)
    (project / "requirements.txt").touch()
    out = _run_chalice(project, stage, region, "--merge-template", f".chalice/{app_stack.MERGED}")
    template: dict[str, Any] = json.loads((out / "sam.json").read_text())
    return template, _unzip(out / "deployment.zip", scratch / "code")


def dependencies(root: Path, region: str, work: Path, processor: str = DEPLOYED) -> Path:
    """A folder with what `requirements.txt` names, for Lambda's platform and compiled; made once for each content."""
    requirements = (root / "requirements.txt").read_bytes()
    told = f"python{sys.version_info[:2]} {processor} {sorted(SERVICES)} {COUNTRY}"
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
        _keep_services(folder / "botocore/data")
        _keep_country(folder / "holidays")
        archive.compile_modules(folder)
        try:
            folder.replace(target)
        except OSError:
            if not target.exists():  # else another deployment was quicker, with the same content
                raise
    return target


def _keep_services(models: Path) -> None:
    """Drop the models of services that nothing calls; a client for one of them then fails at once, by its name."""
    for model in models.iterdir():
        if model.is_dir() and model.name not in SERVICES:
            shutil.rmtree(model)


def _keep_country(library: Path) -> None:
    """Drop the countries, stock exchanges and languages of `holidays` that nobody asks for."""
    for country in (library / "countries").glob("*.py"):
        if country.stem != COUNTRY:
            country.unlink()
    (library / "countries/__init__.py").touch()
    shutil.rmtree(library / "financial")
    shutil.rmtree(library / "locale")


def _run_chalice(project: Path, stage: str, region: str, *options: str) -> Path:
    out = project.parent / "out"
    # `app.py` must import without settings: a deployment's own would hide it if it did not.
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


def main() -> None:
    """Write the templates of both stacks to the folder named on the command line, for a linter."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="gelombang-package-") as scratch:
        try:
            app, _ = chalice_package(ROOT, "local", "ap-southeast-3", Path(scratch))
        except DeployFailed as error:
            sys.exit(str(error))
    folder.mkdir(parents=True, exist_ok=True)
    for name, template in {"app-stack.json": app, "data-stack.json": data_stack.template()}.items():
        (folder / name).write_text(json.dumps(template, indent=2))


if __name__ == "__main__":
    main()
