"""Finished LLC curves: those of several runs, and the table of one that a person reads.

Apart from `llc.estimate`, so that what only joins estimates need not load what makes them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import xarray as xr

from stagewise.llc.layout import LLC


def read_curves(paths: Sequence[str]) -> dict[str, xr.Dataset]:
    """Read the LLC of several runs, layout `llc.layout.LLC` checked, by the name of the run."""
    return {str(one.attrs["run"]): one for one in map(LLC.read, paths)}


def summary_table(judged: xr.Dataset, run: str, setting: str) -> pd.DataFrame:
    """Return one row a checkpoint of estimates whose locality has been judged.

    Parameters
    ----------
    judged : xarray.Dataset
        Estimates along ``step`` merged with `llc.diagnostics.locality` and `judge_all`.
    run, setting : str
        Entered in every row.
    """
    return pd.DataFrame(
        {
            "run": run,
            "setting": setting,
            "step": judged.step.values.astype(int),
            "loss": judged.init_loss,
            "llc": judged.llc_mean,
            "llc_stderr": judged.llc_stderr,
            "mean_loss": judged.mean_loss,
            "rhat": judged.rhat,
            "ess": judged.ess,
            "drift": judged.drift.mean("chain"),
            "num_diverged": judged.num_diverged.astype(int),
            "displacement": judged.mean_displacement,
            "forgotten_share": judged.forgotten_share,
            "saturated": judged.saturated.astype(bool),
            "verdict": judged.verdict.values.astype(str),
            "reason": judged.reason.values.astype(str),
        }
    )
