"""What moved between two results folders of one preset: claims, numbers behind figures, tables, stores.

    python -m benchmarks.compare before/results/laptop after/results/laptop [--names old_to_new.csv]

Figures that were renamed are matched by a table with the columns ``old`` and ``new``, names of
figures without folder and ending. Exits with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

CLAIM = ["verdict", "value", "uncertainty", "seeds"]
"""What a claim says, apart from its wording."""


def read_names(path: str | None) -> dict[str, str]:
    """Return new names of figures by their old ones."""
    if path is None:
        return {}
    with open(path, newline="", encoding="utf-8") as handle:
        return {row["old"]: row["new"] for row in csv.DictReader(handle)}


def claims(before: Path, after: Path) -> Iterator[str]:
    """Yield a line for each claim that is not the same."""
    old, new = (
        pd.read_csv(folder / "claims.csv", dtype=str, keep_default_na=False).set_index("id")
        for folder in (before, after)
    )
    for claim in old.index.union(new.index):
        if claim not in old.index or claim not in new.index:
            yield f"claim {claim}: only {'after' if claim in new.index else 'before'}"
            continue
        for part in CLAIM:
            if old.loc[claim, part] != new.loc[claim, part]:
                yield (
                    f"claim {claim}, {part}: {old.loc[claim, part]!r} before, "
                    f"{new.loc[claim, part]!r} after"
                )


def figures(before: Path, after: Path, names: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each figure whose numbers are not equal to the byte."""
    old = {path.stem: path for path in (before / "figures").rglob("*.csv")}
    new = {path.stem: path for path in (after / "figures").rglob("*.csv")}
    matched = {names.get(name, name) for name in old}
    for name, path in sorted(old.items()):
        other = new.get(names.get(name, name))
        if other is None:
            yield f"figure {name}: only before"
        elif path.read_bytes() != other.read_bytes():
            yield f"figure {name}: {table_difference(path, other)}"
    for name in sorted(new.keys() - matched):
        yield f"figure {name}: only after"


def table_difference(one: Path, other: Path) -> str:
    """Say how far apart two tables are."""
    try:
        old, new = pd.read_csv(one), pd.read_csv(other)
    except pd.errors.EmptyDataError:
        return "one of the two is empty"
    if list(old.columns) != list(new.columns) or len(old) != len(new):
        return f"{old.shape} before, {new.shape} after, or other columns"
    parts = []
    for name in old:
        if pd.api.types.is_numeric_dtype(old[name]) and pd.api.types.is_numeric_dtype(new[name]):
            apart = (old[name].astype(float) - new[name].astype(float)).abs()
            moved = apart.gt(0) | (old[name].isna() != new[name].isna())
            if moved.any():
                size = old[name].abs().max()
                parts.append(
                    f"{name} in {int(moved.sum())} of {len(old)} rows, by at most "
                    f"{apart.max():.3g} of {size:.3g}"
                )
        elif not old[name].astype(str).equals(new[name].astype(str)):
            parts.append(f"{name} as text")
    return "; ".join(parts) or "the same numbers, written otherwise"


def stores(before: Path, after: Path) -> Iterator[str]:
    """Yield a line for each NetCDF store of both whose numbers are not the same."""
    for path in sorted(before.rglob("*.nc")):
        other = after / path.relative_to(before)
        if not other.exists():
            yield f"store {path.relative_to(before)}: only before"
            continue
        one, two = xr.load_datatree(path), xr.load_datatree(other)
        apart = sorted(set(_variables(one)) ^ set(_variables(two)))
        parts = [f"{name} in one of them only" for name in apart]
        for name, value in _variables(one).items():
            same = _variables(two).get(name)
            if same is not None and not _equal(value, same):
                parts.append(name)
        if parts:
            yield f"store {path.relative_to(before)}: {', '.join(parts)}"


def _variables(tree: xr.DataTree) -> dict[str, np.ndarray]:
    return {
        f"{node.path}/{name}": variable.to_numpy()
        for node in tree.subtree
        for name, variable in node.variables.items()
    }


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    numeric = one.dtype.kind in "fc"
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=numeric)


def main() -> int:
    """Print what differs, and how much was the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--names", help="CSV with columns old, new: names of figures")
    given = parser.parse_args()
    found = [
        *claims(given.before, given.after),
        *figures(given.before, given.after, read_names(given.names)),
        *stores(given.before, given.after),
    ]
    print("\n".join(found))
    counts = {
        "claims": len(pd.read_csv(given.before / "claims.csv")),
        "figures": len(list((given.before / "figures").rglob("*.csv"))),
        "stores": len(list(given.before.rglob("*.nc"))),
    }
    print(f"compared {', '.join(f'{n} {what}' for what, n in counts.items())}: {len(found)} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
