"""The table of a run's LLC estimates that a person reads.

Apart from `llc.estimate`, so that what only joins estimates need not load what makes them.
"""

from __future__ import annotations

import pandas as pd
import xarray as xr


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
