"""Claims on losses, gradients and the LLC along training: G9, G12, G14."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import NOT_TESTABLE, Verdict, judged
from stagewise.core.intervals import mean_interval
from stagewise.studies.modular.claims.evidence import ModularEvidence
from stagewise.studies.modular.claims.support import interval_text, seeds_in
from stagewise.studies.modular.equal_loss import excess_at_equal_loss


@claim("G9")
def early_training(found: ModularEvidence, *, max_error: float) -> Verdict:
    """G9: early cross-entropy falls as the mean correct logit rises, better with more classes."""
    parts = [found.of(f"entropy{number}").dropna(subset="early_slope") for number in range(1, 5)]
    if any(len(part) < 2 for part in parts):
        return Verdict(NOT_TESTABLE, "too few runs with early records")
    intervals = [mean_interval(part["early_slope"].to_numpy()) for part in parts]
    _, low, high = intervals[-1]
    near = max(abs(low + 1), abs(high + 1)) <= max_error
    far = min(abs(low + 1), abs(high + 1)) > max_error and not low <= -1 <= high
    errors = [(part["early_slope"] + 1).abs().to_numpy() for part in parts]
    _, gain_low, gain_high = _difference(errors[0], errors[-1])
    texts = [
        f"K = {part['modulus'].iloc[0]}: slope {interval_text(part['early_slope'].to_numpy(), 3)}, "
        f"correlation {part['early_correlation'].median():.4f}"
        for part in parts
    ]
    return Verdict(
        judged(near and gain_low > 0, far and gain_high <= 0),
        "; ".join(texts),
        f"means and 95 % intervals over seeds; |slope + 1| falls from the fewest to the most classes "
        f"by [{gain_low:.2g}, {gain_high:.2g}]",
        seeds_in(pd.concat(parts)),
    )


def _difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of paired differences with its 95 % interval."""
    count = min(len(first), len(second))
    return mean_interval(first[:count] - second[:count])


@claim("G12")
def gradients_agree(found: ModularEvidence, *, min_runs: float) -> Verdict:
    """G12: gradients of samples agree more while and after the circuit forms than before."""
    outcomes, texts, seeds = [], [], set()
    for setting in ("late", "narrow"):
        pairs: dict[str, list[float]] = {"cosine": [], "cross_cosine": [], "signal_to_noise": []}
        for _, own, before, during in _around_rise(found, found.gradients[setting], setting):
            seeds.add(int(own["seed"]))
            for name, values in pairs.items():
                change = float(own[name][during].mean() - own[name][before].mean())
                values.append(change)
        if len(pairs["cosine"]) < min_runs:
            texts.append(f"{setting}: {len(pairs['cosine'])} runs with checkpoints in the rise")
            continue
        _, low, high = mean_interval(np.array(pairs["cosine"]))
        outcomes.append((low > 0, high < 0))
        texts.append(
            f"{setting}: mean cosine changes by {interval_text(pairs['cosine'])}, with test samples "
            f"by {interval_text(pairs['cross_cosine'])}, signal to noise towards the final modes by "
            f"{interval_text(pairs['signal_to_noise'])}"
        )
    if not outcomes:
        return Verdict(NOT_TESTABLE, "; ".join(texts))
    both = len(outcomes) == 2  # the criterion asks for either setting
    return Verdict(
        judged(
            both and all(rises for rises, _ in outcomes),
            both and all(falls for _, falls in outcomes),
        ),
        "; ".join(texts),
        "mean over checkpoints within the rise less mean before it (after the first tenth of its "
        "start), mean and 95 % interval over runs",
        tuple(sorted(seeds)),
    )


def _around_rise(
    found: ModularEvidence, along: xr.Dataset, setting: str
) -> Iterator[tuple[pd.Series, xr.Dataset, np.ndarray, np.ndarray]]:
    """Yield each run that generalises, with its checkpoints before and within the rise."""
    steps = along["step"].to_numpy()
    for seed in along["seed"].to_numpy().tolist():
        run = found.run(setting, seed)
        before = (steps < run["rise_start"]) & (steps > run["rise_start"] / 10)
        during = (steps >= run["rise_start"]) & (steps <= run["rise_end"])
        if run["outcome"] == "generalise" and before.any() and during.any():
            yield run, along.sel(seed=seed), before, during


@claim("G14")
def llc_falls(found: ModularEvidence, *, num_stderr: float, min_runs: float) -> Verdict:
    """G14: beyond what the training loss explains, the LLC is lower once the network generalises."""
    sound = {name: _sound(own) for name, own in found.llc.items()}
    agrees: dict[int, bool] = {}
    texts = []
    for name, own in sound.items():
        setting, _, number = name.partition("-s")
        table = sound.get(f"random-s{number}")
        if setting != "late" or table is None:
            continue
        seed, run = int(number), found.run("late", int(number))
        steps = own["step"].to_numpy()
        memorised = (steps >= run["memorised_step"]) & (steps < run["generalised_step"])
        excess, stderr = excess_at_equal_loss(own, table)
        after = (steps >= run["generalised_step"]) & np.isfinite(excess)
        if not after.any():
            continue
        # Checkpoints share their chains' noise: averaging over them does not make it smaller.
        gap, error = float(excess[after].mean()), float(stderr[after].mean())
        agrees[seed] = gap < -num_stderr * error
        text = f"seed {seed}: {gap:+.1f} ± {error:.1g} after generalising"
        before = memorised & np.isfinite(excess)
        if before.any():
            text += f", {excess[before].mean():+.1f} ± {stderr[before].mean():.1g} before"
        if memorised.any():
            high, low = (float(own["llc_mean"][flags].mean()) for flags in (memorised, after))
            text += f" (LLC {high:.3g} to {low:.3g})"
        texts.append(text)
    total = sum(own.sizes["step"] for own in found.llc.values())
    unsound = total - sum(own.sizes["step"] for own in sound.values())
    note = f"{unsound} of {total} estimates are not ok and left out"
    if len(agrees) < min_runs:
        return Verdict(NOT_TESTABLE, "; ".join(texts), note, tuple(agrees))
    return Verdict(
        judged(all(agrees.values()), not any(agrees.values())),
        "LLC less that on a random table at equal training loss: " + "; ".join(texts),
        f"means over checkpoints with standard errors over chains; {note}",
        tuple(agrees),
    )


def _sound(llc: xr.Dataset) -> xr.Dataset:
    return llc.isel(step=np.flatnonzero(llc["verdict"].to_numpy().astype(str) == "ok"))
