"""How often forms are found where there are none, and how often where one is planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from stagewise.core.progress import Heartbeat
from stagewise.development.forms import detect_forms
from stagewise.development.settings import FormRateSettings, FormSettings
from stagewise.development.synthetic_trajectories import NULLS, PLANTED, disturbed

LAST_STEP = 25_000
PLANTED_AT = 3_000.0
"""Steps at which a synthetic run ends and at which its form is planted."""

LEVEL = 0.05
"""Largest p-value of a form that counts as significant."""

NUM_CHECKPOINTS, SMOOTHING = 120, 0.06
"""Checkpoints of a synthetic run; width of the kernel at its end as a share of them, as published."""

Process = Callable[[np.ndarray, np.random.Generator], np.ndarray]
Path = Callable[[np.ndarray, float], np.ndarray]


def form_rates(settings: FormRateSettings, root_seed: int) -> pd.DataFrame:
    """Count the trajectories with a form, and with one beyond random walks at their own pace.

    Parameters
    ----------
    settings : FormRateSettings
        Numbers of trajectories and of surrogates, and sizes of disturbances.
    root_seed : int
        Seed of all trajectories and surrogates.

    Returns
    -------
    pandas.DataFrame
        One row a process without forms (``disturbance`` zero), and one a planted path and size of
        the walk that is added to it; layout `development.layout.FORM_RATES`. Of a planted path only
        forms near the planted time count. ``cosine`` is the median over trajectories of the least
        correlation of a score with its cosine (Appendix B.7).
    """
    steps = np.linspace(0, LAST_STEP, NUM_CHECKPOINTS).round().astype(int)
    cases = _cases(settings, steps, root_seed)
    heartbeat, done = Heartbeat("trajectory", sum(case.count for case in cases)), 0
    rows = []
    for case in cases:
        counts, alike = np.zeros(2, dtype=int), []
        for number in range(case.count):
            scores = case.draw(number)
            counts += _has_form(scores, steps, settings, case.planted, number)
            alike.append(_likeness_to_cosines(scores, steps))
            done += 1
            heartbeat.beat(done, case.process)
        rows.append(
            {
                "process": case.process,
                "planted": case.planted,
                "disturbance": case.disturbance,
                "num_trajectories": case.count,
                "num_with_form": counts[0],
                "num_significant": counts[1],
                "cosine": np.median(alike),
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _Case:
    """Trajectories of one kind; `draw` makes the one of a number."""

    process: str
    planted: bool
    disturbance: float
    count: int
    draw: Callable[[int], np.ndarray]


def _cases(settings: FormRateSettings, steps: np.ndarray, root_seed: int) -> list[_Case]:
    cases = []
    for kind, (name, process) in enumerate(NULLS.items()):

        def undeveloped(number: int, kind: int = kind, process: Process = process) -> np.ndarray:
            return process(steps, np.random.default_rng([root_seed, kind, number]))

        cases.append(_Case(name, False, 0.0, settings.num_trajectories, undeveloped))
    for name, path in PLANTED.items():
        for share in settings.disturbances:

            def developed(number: int, path: Path = path, share: float = share) -> np.ndarray:
                # The same walks at every size and for every path: only what is compared differs.
                rng = np.random.default_rng([root_seed, len(NULLS), number])
                return disturbed(path(steps, PLANTED_AT), share, steps, rng)

            cases.append(_Case(name, True, share, settings.num_planted, developed))
    return cases


def _has_form(
    scores: np.ndarray, steps: np.ndarray, settings: FormRateSettings, planted: bool, seed: int
) -> tuple[bool, bool]:
    """Tell whether a trajectory has a form, and whether it has one beyond its surrogates."""
    detector = FormSettings(sigma_end=SMOOTHING * NUM_CHECKPOINTS, num_surrogates=0)
    near = FormSettings.cluster_width if planted else np.inf

    def counted(forms: xr.Dataset) -> np.ndarray:
        away = np.log1p(forms["form_step"].to_numpy()) - np.log1p(PLANTED_AT)
        return np.abs(away) <= near

    if not counted(detect_forms(scores, steps, detector, lifted=False)).any():
        # Without a form there is no p-value to ask surrogates for, which are most of the work.
        return False, False
    searched = replace(detector, num_surrogates=settings.num_surrogates)
    forms = detect_forms(scores, steps, searched, seed=seed, lifted=False)
    return True, bool((forms["p_value"].to_numpy()[counted(forms)] <= LEVEL).any())


def _likeness_to_cosines(scores: np.ndarray, steps: np.ndarray) -> float:
    """Least correlation of score k with cos(pi k t / T), whatever its sign, over the components."""
    share = steps / steps[-1]
    return min(
        abs(np.corrcoef(score, np.cos(np.pi * (k + 1) * share))[0, 1])
        for k, score in enumerate(scores.T)
    )
