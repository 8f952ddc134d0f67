"""Claims that compare runs of two kinds: S5, S8, S9, S12 to S15, S17."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import scipy.stats

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import NOT_TESTABLE, Verdict, judged
from stagewise.claims.words import seeds_of, share_text, spread_text
from stagewise.core.intervals import holm
from stagewise.studies.scurves.claims.evidence import ScurvesEvidence
from stagewise.studies.scurves.contrasts import ADAM, Contrast, contrast_of

_RATE = 0.2
"""Learning rate at which numbers of components are compared; every one of them has a case of it."""


def _longer(first: pd.Series, second: pd.Series) -> float:
    """Return the p-value of a one-sided Mann-Whitney test that the first is larger."""
    return float(scipy.stats.mannwhitneyu(first, second, alternative="greater").pvalue)


def _paired(first: pd.Series, second: pd.Series) -> float:
    """Return the p-value of a one-sided Wilcoxon test that the first is larger, seed by seed."""
    difference = (first - second).dropna()
    if not (difference != 0).any():
        return 1.0
    return float(scipy.stats.wilcoxon(difference, alternative="greater").pvalue)


@claim("S5")
def longer_per_target(found: ScurvesEvidence, *, alpha: float) -> Verdict:
    """S5: a target is captured later at rank 10 than at rank 1."""
    one, ten = found.runs("rank1"), found.runs("rank10")
    times = one["target_time"], ten["target_time"]
    later, earlier = _longer(times[1], times[0]), _longer(times[0], times[1])
    return Verdict(
        judged(later < alpha, earlier < alpha),
        f"flow time to half of a target: rank 1 {spread_text(times[0])}, rank 10 "
        f"{spread_text(times[1])}; p = {later:.2g} for longer, {earlier:.2g} for shorter",
        f"medians and quartiles over seeds; {found.excluded('rank1', 'rank10')}",
        seeds_of(one, ten),
    )


def _outlasts(longer: pd.DataFrame, shorter: pd.DataFrame) -> float:
    """Return the p-value of a one-sided log-rank test that plateaus of the first last longer.

    A run that ended on its plateau is censored; all are followed as long as the one that ended first.
    """
    tables = (longer, shorter)
    ended = [rows.loc[rows["censored"] > 0, "plateau_steps"].min() for rows in tables]
    horizon = float(np.nanmin([*ended, np.inf]))
    samples = []
    for rows in tables:
        steps = rows["plateau_steps"].clip(upper=horizon)
        unfinished = (rows["censored"] > 0) | (rows["plateau_steps"] > horizon)
        samples.append(
            scipy.stats.CensoredData(uncensored=steps[~unfinished], right=steps[unfinished])
        )
    if not any(sample.num_censored() < len(sample) for sample in samples):
        return 1.0  # nothing happened while all were followed
    return float(scipy.stats.logrank(*samples, alternative="less").pvalue)


def _in_words(p_values: list[float]) -> str:
    return ", ".join(f"{p:.2g}" for p in p_values)


@claim("S8")
def shorter_with_rank(found: ScurvesEvidence, *, alpha: float) -> Verdict:
    """S8: the plateau shortens as the rank grows."""
    names = {"1": "rank1", "2": "rank2", "4": "rank4", "10": "rank10", "full": "full"}
    tables = {rank: found.runs(name) for rank, name in names.items()}
    ratios = {rank: rows["plateau_ratio"] for rank, rows in tables.items()}
    adjusted = holm([_longer(a, b) for a, b in pairwise(ratios.values())])
    ends = _longer(ratios["1"], ratios["full"])
    texts = [f"rank {rank}: {spread_text(ratio)}" for rank, ratio in ratios.items()]
    return Verdict(
        judged(all(p < alpha for p in adjusted), ends >= alpha),
        f"{'; '.join(texts)}; rank 1 against full rank p = {ends:.2g}",
        f"medians and quartiles over seeds; adjusted p of neighbours {_in_words(adjusted)}; "
        f"{found.excluded(*names.values())}",
        seeds_of(*tables.values()),
    )


@claim("S9")
def longer_with_components(found: ScurvesEvidence, *, alpha: float) -> Verdict:
    """S9: the plateau grows with the number of components."""
    names = {5: "product5", 4: "product4", 3: "product3", 2: "rank1", 1: "vector"}
    tables = {count: found.runs(name, _RATE) for count, name in names.items()}
    adjusted = holm([_outlasts(a, b) for a, b in pairwise(tables.values())])
    texts = [
        f"c = {count}: {spread_text(rows['plateau_steps'])} steps"
        + (
            f" (run ended first in {share_text(rows['censored'] > 0)})"
            if rows["censored"].any()
            else ""
        )
        for count, rows in tables.items()
    ]
    return Verdict(
        judged(all(p < alpha for p in adjusted), not any(p < alpha for p in adjusted)),
        "; ".join(texts),
        f"medians and quartiles over seeds, bounds where runs ended first; adjusted p of neighbours, "
        f"log-rank, {_in_words(adjusted)}; {found.excluded(*names.values())}",
        seeds_of(*tables.values()),
    )


@claim("S12")
def adam_bumps(found: ScurvesEvidence, *, alpha: float) -> Verdict:
    """S12: Adam makes more bumps than descent, seed by seed."""
    p_values, texts, tables = [], [], []
    for descent, adam in ADAM.items():
        joined = found.runs(adam).join(found.runs(descent), how="inner", suffixes=("", "_descent"))
        more, fewer = joined["bumps"], joined["bumps_descent"]
        p_values.append(_paired(more, fewer))
        contrast = contrast_of(found.contrasts, "adam", descent)
        texts.append(
            f"rank {descent.removeprefix('rank')}: {more.mean():.2f} against {fewer.mean():.2f}, "
            f"difference {_interval_text(contrast)}, effect {_rank_biserial(more - fewer):.2f}"
        )
        unfinished = int(
            (joined["converged"] == 0).sum() + (joined["converged_descent"] == 0).sum()
        )
        texts[-1] += f" ({unfinished} runs unconverged)" if unfinished else ""
        tables.append(joined)
    adjusted = holm(p_values)
    names = [name for pair in ADAM.items() for name in pair]
    return Verdict(
        judged(all(p < alpha for p in adjusted), not any(p < alpha for p in adjusted)),
        "; ".join(texts),
        f"95 % intervals of the mean, effect: matched rank-biserial correlation; adjusted p "
        f"{_in_words(adjusted)}; {found.excluded(*names)}",
        seeds_of(*tables),
    )


def _rank_biserial(difference: pd.Series) -> float:
    """Return the matched-pairs rank-biserial correlation, from -1 to 1; ties are left out."""
    kept = difference[difference != 0]
    if not len(kept):
        return 0.0
    ranks = scipy.stats.rankdata(kept.abs())
    return float((ranks * np.sign(kept)).sum() / ranks.sum())


def _interval_text(contrast: Contrast | None) -> str:
    """Return a difference with its interval in words."""
    if contrast is None:
        return "not testable"
    return f"{contrast.difference:.2f} [{contrast.low:.2f}, {contrast.high:.2f}]"


@claim("S13")
def competition(found: ScurvesEvidence, *, alpha: float) -> Verdict:
    """S13: vectors with bumps are vectors that compete."""
    names = {
        "rank2": "descent, rank 2",
        "rank4": "descent, rank 4",
        "rank10": "descent, rank 10",
        "adam2": "Adam, rank 2",
        "adam10": "Adam, rank 10",
    }
    tables = {name: found.runs(name) for name in names}
    level = 1 - alpha / len(names)
    made = found.contrasts[found.contrasts["kind"] == "competition"]
    if set(made["setting"]) != set(names) or not np.isclose(made["level"], level).all():
        raise ValueError(
            f"contrasts.csv has other intervals than {level:g}: delete it and run again"
        )
    contrasts = {name: contrast_of(made, "competition", name) for name in names}
    texts = []
    for name, contrast in contrasts.items():
        rows = tables[name]
        explained = f"{rows['explained_bumps'].sum():.0f} of {rows['bumps'].sum():.0f} bumps"
        texts.append(
            f"{names[name]}: {_interval_text(contrast)}, {explained} after competing for that target"
        )
    known = [contrast for contrast in contrasts.values() if contrast is not None]
    if not known:
        return Verdict(NOT_TESTABLE, "; ".join(texts))
    positive = [contrast.low > 0 for contrast in known]
    return Verdict(
        judged(all(positive), not any(positive)),
        "; ".join(texts),
        f"{100 * level:.0f} % intervals (95 % over five settings); {found.excluded(*names)}",
        seeds_of(*tables.values()),
    )


@claim("S14")
def decay_extends(found: ScurvesEvidence, *, alpha: float) -> Verdict:
    """S14: weight decay extends the exponential phase."""
    cases = {float(rows["weight_decay"].iloc[0]): rows for rows in found.cases("decay1")}
    none = cases.pop(0.0)
    p_values = holm([_paired(r["norm_min_step"], none["norm_min_step"]) for r in cases.values()])
    shares = {decay: r["final_loss"] / r["initial_loss"] for decay, r in cases.items()}
    later = [p < alpha for p in p_values]
    start = f"shortest at step {spread_text(none['norm_min_step'])} without decay"
    texts = [
        f"{decay:g}: {spread_text(rows['norm_min_step'])}, final loss {spread_text(shares[decay])}"
        for decay, rows in cases.items()
    ]
    return Verdict(
        judged(all(later), not any(later)),
        f"{start}; {'; '.join(texts)}",
        f"medians and quartiles; adjusted p {_in_words(p_values)}; {found.excluded('decay1')}",
        seeds_of(none),
    )


@claim("S15")
def adamw_accelerates(found: ScurvesEvidence, *, max_difference: float) -> Verdict:
    """S15: AdamW is faster than descent and keeps the curve's shape."""
    fast, slow = found.runs("adamw1"), found.runs("slow1")
    joined = fast.join(slow, how="inner", suffixes=("", "_descent"))
    earlier = joined["half_drop"] < joined["half_drop_descent"]
    plateau = [rows["num_plateaus"] >= 1 for rows in (fast, slow)]
    same = abs(plateau[0].mean() - plateau[1].mean()) <= max_difference
    return Verdict(
        judged(bool(earlier.all() and same), not earlier.any()),
        f"half-drop at step {spread_text(fast['half_drop'])} with AdamW, "
        f"{spread_text(slow['half_drop'])} with descent, earlier in {share_text(earlier)}; plateau "
        f"{share_text(plateau[0])} and {share_text(plateau[1])}",
        f"medians and quartiles, 95 % intervals of shares; {found.excluded('adamw1', 'slow1')}",
        seeds_of(joined),
    )


@claim("S17")
def self_term(found: ScurvesEvidence, *, alpha: float, min_share: float) -> Verdict:
    """S17: without the self term the truth grows from the start."""
    without, whole = found.runs("noself1"), found.runs("rank1")
    joined = without.join(whole, how="inner", suffixes=("", "_whole"))
    starts = joined["aligned_start"], joined["aligned_start_whole"]
    earlier, at_once = _paired(starts[1], starts[0]), starts[0] == 0
    return Verdict(
        judged(bool(earlier < alpha and at_once.mean() >= min_share), earlier >= alpha),
        f"the part along the truth grows from the start in {share_text(at_once)}, with the self term in "
        f"{share_text(starts[1] == 0)}; from flow time {spread_text(starts[0])} against "
        f"{spread_text(starts[1])}",
        f"medians and quartiles, 95 % intervals of shares; p = {earlier:.2g} for earlier, paired by "
        f"seed; {found.excluded('noself1', 'rank1')}",
        seeds_of(joined),
    )
