"""Results compared: bit for bit, but for the time at which they were made."""

import json
from pathlib import Path

import h5py

from stagewise.stores.seals import write_seal

# The time, and what NetCDF writes to link a variable with its dimensions: places in the file.
# An estimate's identity holds the digest of its checkpoints' file, which says when that was made.
NOT_COMPARED = {"created", "estimate_identity", "DIMENSION_LIST", "REFERENCE_LIST"}


def sealed(path: Path) -> Path:
    """Seal a file as it is, and return its path."""
    write_seal(path, path)
    return path


def visible(folder: Path) -> list[Path]:
    """Return the files of a folder without their seals, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix != ".seal")


def contents(path: Path) -> dict:
    """Return what a file holds: of a NetCDF or HDF5 file every array and attribute, else its bytes."""
    if path.suffix == ".seal":
        return {key: v for key, v in json.loads(path.read_text()).items() if key != "digest"}
    if path.suffix not in (".h5", ".nc"):
        return {"bytes": path.read_bytes()}
    found = {}

    def add(name, item):
        for key, value in item.attrs.items():
            if key not in NOT_COMPARED:
                found[f"{name}@{key}"] = repr(value)
        if isinstance(item, h5py.Dataset):
            value = item[()]
            # Text is read as Python objects, whose bytes would be addresses.
            found[name] = repr(value.tolist()) if item.dtype.kind == "O" else value.tobytes()
            found[f"{name}@type"] = (item.shape, str(item.dtype))

    with h5py.File(path) as handle:
        add("", handle)
        handle.visititems(add)
    return found


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of what two files do not share."""
    left, right = contents(one), contents(other)
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))


def different_files(one: Path, other: Path) -> dict[str, list[str]]:
    """Return by path below two folders what differs; a file that one of them lacks is "missing"."""
    left, right = (
        {p.relative_to(top) for p in top.rglob("*") if p.is_file()} for top in (one, other)
    )
    found = {str(name): ["missing"] for name in left ^ right}
    found |= {str(name): differences(one / name, other / name) for name in left & right}
    return {name: parts for name, parts in sorted(found.items()) if parts}
