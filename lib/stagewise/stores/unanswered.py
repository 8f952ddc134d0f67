"""Files that hold no answer but the reason: what stands in the place of a result that there cannot be.

Whoever reads one as a store or table meets `core.unanswered.UnansweredError` with the same reason.
"""

from __future__ import annotations

import html
from pathlib import Path

import xarray as xr

from stagewise.core.unanswered import MARK
from stagewise.stores.files import write_attributes, write_netcdf, write_text, writing_hdf5

_TEXTS = {
    ".csv": MARK + "\n{}\n",
    ".html": "<p>Not testable: {}</p>\n",
    ".yaml": "# Not testable: {}\n",
}


def can_hold(path: str | Path) -> bool:
    """Say whether a file of this ending can hold a reason instead of a result."""
    return Path(path).suffix in (".nc", ".h5", *_TEXTS)


def write_unanswered(path: str | Path, reason: str) -> None:
    """Write a file that holds a reason and no result, atomically, in the form that its ending names."""
    ending = Path(path).suffix
    if ending == ".nc":
        write_netcdf(path, xr.Dataset(attrs={MARK: reason}))
        return
    if ending == ".h5":
        with writing_hdf5(path) as handle:
            write_attributes(handle, {MARK: reason})
        return
    said = {".html": html.escape(reason), ".csv": '"{}"'.format(reason.replace('"', '""'))}
    write_text(path, _TEXTS[ending].format(said.get(ending, reason)))
