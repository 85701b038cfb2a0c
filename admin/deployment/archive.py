"""The zip that Lambda runs: the same bytes for the same code, with compiled modules, within the budget of size."""

from __future__ import annotations

import compileall
import hashlib
import os
import py_compile
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from .stacks import DeployFailed

BUDGET_BYTES = 80_000_000
"""The most an unzipped package may have; Lambda itself allows 250 MB, but each cold start pays for the size."""

IMPORT_BUDGET_S = 0.4
"""What `import app` may take from a package with compiled modules; every cold start pays for it."""

IMPORT_LIMIT_S = 2.0
"""What is refused as too slow, even of a machine that is slow; above the budget it is only said."""

_TASK_ROOT = "/var/task"
"""Where Lambda unzips a package, so that tracebacks name the files as they are there."""

_TRIAL = (
    "import sys, time; sys.path[:0] = sys.argv[1:]; t = time.process_time(); import app; print(time.process_time() - t)"
)


def compile_modules(folder: Path) -> None:
    """Add a .pyc next to every module, valid without a look at its source (whose time in a zip says nothing).

    An import without them compiles each module anew at every cold start: about 0.9 s instead of 0.3 s.
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
    """The name of a release: a hash of every file it is made of, and of the Python it is compiled for.

    Compiled modules are left out: their bytes may differ between two machines that compile the same source.
    """
    digest = hashlib.sha256(f"python{sys.version_info.major}.{sys.version_info.minor}\n".encode())
    for name, path in _members(folders):
        if path.suffix != ".pyc":
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()[:32]


def unzipped_bytes(folders: Sequence[Path]) -> int:
    """The size of everything that would be in the zip."""
    return sum(path.stat().st_size for _, path in _members(folders))


def check(folders: Sequence[Path]) -> float:
    """How many seconds `import app` takes from the package alone; the best of three when the first are over budget.

    Raises `DeployFailed` if the package is over its budget of size, imports far too slowly, or needs anything that is
    not in it.
    """
    size = unzipped_bytes(folders)
    if size >= BUDGET_BYTES:
        raise DeployFailed(f"the package has {size / 1e6:.1f} MB unzipped; its budget is {BUDGET_BYTES / 1e6:.0f} MB")
    took = import_s(folders)
    for _ in range(2):  # the first also reads the files from the disk
        if took >= IMPORT_BUDGET_S:
            took = min(took, import_s(folders))
    if took >= IMPORT_LIMIT_S:
        raise DeployFailed(
            f"import app takes {took:.1f} s from the package; its budget is {IMPORT_BUDGET_S * 1e3:.0f} ms and "
            f"{IMPORT_LIMIT_S:.0f} s is refused (what takes so long: python -X importtime -c 'import app')"
        )
    return took


def import_s(folders: Sequence[Path]) -> float:
    """Seconds that a processor works for one `import app` in a fresh interpreter that has nothing but the package.

    On a machine that others use too it takes longer, and is no worse.

    Raises `DeployFailed` if that needs anything that is not in it.
    """
    # -I and -S: without this environment's packages, the current directory or the user's settings, as in Lambda.
    trial = subprocess.run(  # noqa: S603 - our own interpreter on the package just built
        [sys.executable, "-I", "-S", "-B", "-c", _TRIAL, *map(str, folders)],
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
