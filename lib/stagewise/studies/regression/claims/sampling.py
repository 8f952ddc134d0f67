"""Claims on the estimates themselves: R13, R14, R15."""

from __future__ import annotations

import numpy as np

from stagewise.claims.registry import claim
from stagewise.claims.run_evidence import Curve, RunEvidence
from stagewise.claims.verdicts import NOT_TESTABLE, Verdict, judged, overall
from stagewise.claims.words import listed
from stagewise.studies.regression.claims.evidence import RegressionEvidence


@claim("R13")
def same_order(
    found: RegressionEvidence, *, min_correlation: float, min_checkpoints: float
) -> Verdict:
    """R13: the likelihood-based and the loss-based LLC order checkpoints alike."""
    outcomes: dict[int, bool | None] = {}
    texts, errors = {}, {}
    for order in found.compared("local", "likelihood").itertuples():
        seed = int(order.Index)
        texts[seed] = f"{order.rank_checkpoints} checkpoints, too few to test"
        if order.rank_checkpoints < min_checkpoints or not np.isfinite(order.rank_correlation):
            continue
        outcomes[seed] = None
        if order.rank_low >= min_correlation:
            outcomes[seed] = True
        elif order.rank_high < min_correlation:
            outcomes[seed] = False
        texts[seed] = (
            f"rank correlation {order.rank_correlation:.3f} over {order.rank_checkpoints} checkpoints"
        )
        errors[seed] = f"5 % bounds {order.rank_low:.3f} and {order.rank_high:.3f}"
    told = tuple(seed for seed, outcome in outcomes.items() if outcome is not None)
    return Verdict(overall(outcomes), listed(texts), listed(errors), told)


@claim("R14")
def shared_noise(found: RegressionEvidence, *, max_ratio: float, min_correlation: float) -> Verdict:
    """R14: shared noise smooths the LLC curve and keeps its shape."""
    parts: list[bool] = []
    texts, errors = {}, {}
    for shape in found.compared("local", "fresh").itertuples():
        seed, ratio, correlation = int(shape.Index), shape.roughness_ratio, shape.correlation
        if not np.isfinite(ratio):
            continue
        parts += [ratio < max_ratio, correlation >= min_correlation]
        texts[seed] = f"roughness ratio {ratio:.2f}, correlation {correlation:.4f}"
        errors[seed] = f"{shape.checkpoints} checkpoints, one pair of curves"
    if not parts:
        return Verdict(NOT_TESTABLE)
    verdict = judged(all(parts), not any(parts))
    return Verdict(verdict, listed(texts), listed(errors), tuple(texts))


@claim("R15")
def local_chains(
    found: RegressionEvidence, *, min_correlation: float, min_saturated: float
) -> Verdict:
    """R15: saturated estimates restate the loss; local ones show the same plateaus."""
    parts: dict[int, tuple[bool, bool, bool]] = {}
    texts, errors = {}, {}
    for run in found.of("base", "published", "local"):
        published, local = run.curves["published"], run.curves["local"]
        steps = _saturated(published)
        if steps.size < min_saturated:
            texts[run.seed] = f"{steps.size} saturated checkpoints, too few to test"
            continue
        restated, restated_locally = (_as_loss(curve, steps) for curve in (published, local))
        remaining = int(local.llc["saturated"].sel(step=steps).astype(bool).sum())
        same, text = _same_plateaus(published, local)
        says_more = remaining == 0 and restated_locally < min_correlation
        parts[run.seed] = (restated >= min_correlation, says_more, same)
        texts[run.seed] = (
            f"{steps.size} saturated checkpoints with correlation {restated:.4f}, in local chains "
            f"{remaining} of them saturated and correlation {restated_locally:.4f}, {text}"
        )
        errors[run.seed] = _peak_intervals(run)
    if not parts:
        return Verdict(NOT_TESTABLE, listed(texts))
    affine, own, _ = zip(*parts.values(), strict=True)
    verdict = judged(all(map(all, parts.values())), not any(affine) or not any(own))
    return Verdict(verdict, listed(texts), listed(errors), tuple(parts))


def _saturated(curve: Curve) -> np.ndarray:
    """Return the saturated steps with an estimate."""
    at = curve.llc["saturated"].values.astype(bool) & np.isfinite(curve.llc["llc_mean"].values)
    return curve.llc["step"].values[at]


def _as_loss(curve: Curve, steps: np.ndarray) -> float:
    """Return the correlation of the LLC with minus the loss over some steps, 0 where neither varies."""
    llc = curve.llc.sel(step=steps)
    known = np.isfinite(llc["llc_mean"].values)
    values, loss = llc["llc_mean"].values[known], llc["init_loss"].values[known]
    if known.sum() < 2 or not np.ptp(values) > 0 or not np.ptp(loss) > 0:
        return 0.0
    return float(np.corrcoef(values, -loss)[0, 1])


def _same_plateaus(published: Curve, local: Curve) -> tuple[bool, str]:
    """Return whether the plateaus of two curves agree, and what was seen."""
    names = ("end of the rise", "end of the fall")
    wanted = ((published.peak(), local.peak()), (published.trough(), local.trough()))
    if published.peak() is None:
        return False, "no end of the rise with the published settings"
    agree, texts = True, []
    for name, (ours, theirs) in zip(names, wanted, strict=True):
        if ours is None:
            continue
        if theirs is None:
            agree, text = False, "missing in local chains"
        else:
            overlap = _overlap(published, ours, local, theirs)
            agree, text = agree and overlap, "agrees" if overlap else "differs"
        texts.append(f"{name} {text}")
    return agree, ", ".join(texts)


def _overlap(first: Curve, index: int, second: Curve, other: int) -> bool:
    """Return whether the intervals of two milestones overlap; an unknown interval does not."""
    one, two = first.milestone(index), second.milestone(other)
    return bool(
        one["interval_low"] <= two["interval_high"] and two["interval_low"] <= one["interval_high"]
    )


def _peak_intervals(run: RunEvidence) -> str:
    """Say where the rise ends under both settings."""
    texts = []
    for setting in ("published", "local"):
        curve = run.curves[setting]
        peak = curve.peak()
        if peak is None:
            continue
        at = curve.milestone(peak)
        texts.append(f"{setting} {at['interval_low']:.0f} to {at['interval_high']:.0f}")
    return f"end of the rise at {', '.join(texts)}" if texts else "no end of the rise"
