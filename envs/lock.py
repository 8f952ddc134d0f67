"""Write the hashes of all versions in requirements.lock, as the package index lists them.

After a version in the lock was changed, or a line ``name==version`` was added::

    .venv/bin/python envs/lock.py
"""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

from packaging.utils import parse_wheel_filename

LOCK = Path(__file__).with_name("requirements.lock")

# Where the workflow runs: Linux and macOS with CPython 3.11 or newer.
PYTHON = re.compile(r"py3(1[1-9])?|cp31[1-9]")
PLATFORM = re.compile(r"any|manylinux\S+_(x86_64|aarch64)|macosx_\S+")


def hashes(name: str, version: str) -> Iterator[str]:
    """Yield the SHA-256 of each wheel of a version that the workflow may install, else of the source."""
    index = Request(
        f"https://pypi.org/simple/{name}/",
        headers={"Accept": "application/vnd.pypi.simple.v1+json"},
    )
    with urlopen(index) as page:
        listed = {one["filename"]: one["hashes"]["sha256"] for one in json.load(page)["files"]}
    wheels = {file for file in listed if f"-{version}" in file and file.endswith(".whl")}
    if not wheels:
        yield from (digest for file, digest in listed.items() if f"-{version}.tar.gz" in file)
    for file in sorted(wheels):
        _, of, _, tags = parse_wheel_filename(file)
        fits = any(
            (PYTHON.fullmatch(tag.interpreter) or tag.abi == "abi3")
            and not tag.abi.endswith("t")
            and PLATFORM.fullmatch(tag.platform)
            for tag in tags
        )
        if of.public == version and fits:
            yield listed[file]


def main() -> None:
    """Write the lock again, with the versions that it names."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    lines = []
    for name, version in re.findall(r"^(\S+)==(\S+)", LOCK.read_text(), re.MULTILINE):
        found = list(hashes(name.lower().replace("_", "-"), version))
        if not found:
            raise SystemExit(
                f"{name}=={version}: the package index has nothing of it for Linux or macOS"
            )
        lines.append(
            " \\\n    ".join([f"{name}=={version}", *(f"--hash=sha256:{h}" for h in found)])
        )
        logging.info("%s==%s: %d files", name, version, len(found))
    LOCK.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
