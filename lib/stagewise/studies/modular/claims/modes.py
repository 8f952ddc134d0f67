"""Claims on Fourier modes: G7, G8, G13."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import NOT_TESTABLE, Verdict, judged
from stagewise.core.intervals import mean_interval
from stagewise.studies.modular.claims.evidence import ModularEvidence
from stagewise.studies.modular.claims.support import count_text, interval_text
from stagewise.studies.modular.leads import last_before, lead_of_learned
from stagewise.studies.modular.phases import phases_in

_NARROW = "narrow"


@claim("G7")
def few_modes(
    found: ModularEvidence, *, min_auc: float, baseline_share: float, min_runs: float
) -> Verdict:
    """G7: fewer modes than there is room for, those that are ahead early; others do nothing."""
    modes = found.modes[_NARROW]
    runs = {seed: found.run(_NARROW, seed) for seed in modes["seed"].to_numpy().tolist()}
    kept = [seed for seed, run in runs.items() if run["outcome"] == "generalise"]
    if len(kept) < min_runs:
        return Verdict(NOT_TESTABLE, f"{len(kept)} of {len(runs)} runs generalise")
    bound = float(runs[kept[0]]["embed_dim"]) / 2
    numbers, leads, idle = [], [], []
    for seed in kept:
        own = modes.sel(seed=seed)
        learned = own["learned"].isel(step=-1).to_numpy().astype(bool)
        numbers.append(int(learned.sum()))
        at = (0, last_before(own, runs[seed]["rise_start"]))
        leads.append([lead_of_learned(own, index) for index in at])
        last = own.isel(step=-1)
        without = float(last["loss_without_modes"])
        worth = 1 - last["loss_with_mode"].to_numpy()[~learned] / without
        idle.append(float(np.median(worth)))
    table = np.array(leads)
    first, ahead = table[np.isfinite(table[:, 1])].T
    auc = mean_interval(ahead) if len(ahead) else (np.nan,) * 3
    others = bool(max(idle) <= baseline_share)
    flags = pd.Series([0 < number < bound for number in numbers])
    return Verdict(
        judged(bool(flags.all()) and auc[1] > min_auc and others, not flags.any()),
        f"{min(numbers)} to {max(numbers)} modes learned, room for {bound:g}: fewer in "
        f"{count_text(flags)} runs; chance that a winner was ahead of a loser before the rise "
        f"{interval_text(ahead)}, at step 0 already {interval_text(first)}; an unlearned mode alone "
        f"takes off at most {100 * max(idle):.2g} % of the loss",
        "mean and 95 % interval over runs; median over unlearned modes, largest over runs",
        tuple(int(seed) for seed in kept),
    )


@claim("G8")
def three_phases(found: ModularEvidence, *, factor: float, min_share: float) -> Verdict:
    """G8: a learned mode warms up, grows fast and saturates."""
    rows = found.growth[found.growth["setting"] == _NARROW]
    shares = {
        int(seed): float(np.mean([phases.are_three(factor) for phases in phases_in(own)]))
        for seed, own in rows.groupby("seed")
    }
    if len(shares) < 2:
        return Verdict(NOT_TESTABLE, f"{len(shares)} runs with learned modes")
    _, low, high = mean_interval(np.array(list(shares.values())))
    return Verdict(
        judged(low > min_share, high < min_share),
        f"share of learned modes with three phases {interval_text(list(shares.values()))}",
        f"mean and 95 % interval over runs; {len(rows)} modes",
        tuple(shares),
    )


@claim("G13")
def self_reinforcing(found: ModularEvidence, *, until: float, steady: float) -> Verdict:
    """G13: the power of a learned mode grows faster the larger it is."""
    rows = found.growth[found.growth["setting"] == _NARROW]
    if not np.isclose(rows["until"], until).all():
        raise ValueError(
            f"growth.csv does not follow modes until {until:g}: delete it and run again"
        )
    known = rows[np.isfinite(rows["exponent"])].groupby("seed")
    exponents = known["exponent"].median().to_numpy()
    rises = known["slope"].agg(lambda slopes: (slopes > 0).mean()).to_numpy()
    if len(exponents) < 2:
        return Verdict(NOT_TESTABLE, f"{len(exponents)} runs with modes that can be followed")
    _, low, high = mean_interval(exponents)
    return Verdict(
        judged(low > steady, high < steady),
        f"speed of growth as a power of size: exponent {interval_text(exponents)}; "
        f"growth rate rises with size in a share {interval_text(rises)} of modes",
        f"median over learned modes, mean and 95 % interval over runs; exponent {steady:g} is an "
        "amplitude that grows steadily, 1 exponential growth",
        tuple(int(seed) for seed in known.groups),
    )
