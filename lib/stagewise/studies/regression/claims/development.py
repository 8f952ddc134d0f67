"""Claims on stages and their boundaries: R1, R2, R11, R12."""

from __future__ import annotations

import numpy as np
import xarray as xr

from stagewise.claims.registry import claim
from stagewise.claims.run_evidence import Curve, RunEvidence, sound_runs
from stagewise.claims.verdicts import MIXED, NOT_TESTABLE, REFUTED, SUPPORTED, Verdict, overall
from stagewise.claims.words import listed
from stagewise.development.llc_curve import fit_llc_curve
from stagewise.development.stages import find_milestones
from stagewise.studies.regression.claims.evidence import RegressionEvidence


@claim("R1")
def stage_types(found: RegressionEvidence, *, min_sound: float) -> Verdict:
    """R1: the stage types are those published."""
    runs, wrong = sound_runs(found.of("base", "published"), "published", min_sound)
    if not runs:
        return Verdict(NOT_TESTABLE, listed(wrong))
    sequences = {run.seed: run.curves["published"].sequence for run in runs}
    verdict = overall({seed: s == found.published_types for seed, s in sequences.items()})
    return Verdict(verdict, listed(sequences | wrong), _certainty(runs), tuple(sequences))


@claim("R2")
def same_stages(
    found: RegressionEvidence, *, min_sound: float, min_seeds: float, max_spread: float
) -> Verdict:
    """R2: every seed has the same stages at about the same time."""
    runs, wrong = sound_runs(found.of("base", "published"), "published", min_sound)
    if len(runs) < min_seeds:
        return Verdict(NOT_TESTABLE, listed(wrong))
    seeds = tuple(run.seed for run in runs)
    sequences = [run.curves["published"].sequence for run in runs]
    shown = listed(dict(zip(seeds, sequences, strict=True)) | wrong)
    if len(set(sequences)) == len(sequences):
        return Verdict(REFUTED, shown, _certainty(runs), seeds)
    if len(set(sequences)) > 1:
        return Verdict(MIXED, shown, _certainty(runs), seeds)
    times = np.array([run.curves["published"].milestones["log_step"] for run in runs])
    if not times.size:
        return Verdict(MIXED, f"{shown}; no milestone to compare", "", seeds)
    spread = np.ptp(times, axis=0)
    verdict = SUPPORTED if (spread < max_spread).all() else MIXED
    widths = ", ".join(f"{value:.2f}" for value in spread)
    return Verdict(verdict, f"{shown}; spread in log step: {widths}", _certainty(runs), seeds)


def _certainty(runs: list[RunEvidence]) -> str:
    """Say how often the milestones appear in the posterior draws."""
    found = [p for run in runs for p in run.curves["published"].milestones["probability"]]
    if not found:
        return "no milestone found"
    return f"milestones in {100 * min(found):.0f} to {100 * max(found):.0f} % of posterior draws"


@claim("R11")
def visible_in_loss(found: RegressionEvidence, *, min_sound: float) -> Verdict:
    """R11: the loss shows the first two boundaries and hides those inside the fall of the LLC."""
    runs, wrong = sound_runs(found.of("base", "published"), "published", min_sound)
    outcomes: dict[int, bool | None] = {}
    texts: dict[int, str] = {}
    for run in runs:
        outcomes[run.seed], texts[run.seed] = _visibility(run, found)
    verdict = overall(outcomes)
    seeds = tuple(seed for seed, outcome in outcomes.items() if outcome is not None)
    width = found.stage_settings.match_width
    uncertainty = f"matched within {width:g} in log step" if texts else ""
    return Verdict(verdict, listed(texts | wrong), uncertainty, seeds)


def _visibility(run: RunEvidence, found: RegressionEvidence) -> tuple[bool | None, str]:
    """Return whether one seed agrees (None: cannot be tested) and what was seen."""
    curve = run.curves["published"]
    peak = curve.peak()
    if peak is None:
        return False, f"{curve.sequence} has no plateau between a rise and a fall"
    visible = _seen_in_loss(run, curve, found)
    trough = curve.trough()
    inside = visible[peak + 1 : trough]
    shown = f"first {_seen(visible[0])}, end of the rise {_seen(visible[peak])}"
    if not inside:
        text = f"{shown}, no milestone inside the fall"
        return (None if visible[0] and visible[peak] else False), text
    text = f"{shown}, inside the fall {', '.join(map(_seen, inside))}"
    return visible[0] and visible[peak] and not any(inside), text


def _seen(visible: bool) -> str:
    return "visible" if visible else "hidden"


def _seen_in_loss(run: RunEvidence, curve: Curve, found: RegressionEvidence) -> list[bool]:
    """Return for each milestone of the LLC whether the test loss has one nearby."""
    metrics = run.metrics
    # All checkpoints meet the same contexts, so their errors over contexts move together and say
    # nothing of the curve's shape: the noise is left to be estimated from the scatter.
    smoothed = _smoothed(metrics.step.values, metrics["test_loss"].values, found)
    return _near(curve, smoothed, found)


@claim("R12")
def missed_by_curvature(
    found: RegressionEvidence,
    *,
    min_sound: float,
    min_boundaries: float,
    min_missed: float,
    max_scatter: float,
) -> Verdict:
    """R12: trace and largest eigenvalues of the Hessian miss boundaries that the LLC shows."""
    runs, texts = sound_runs(found.of("base", "published"), "published", min_sound)
    outcomes: dict[int, bool | None] = {}
    for run in runs:
        count = len(run.curves["published"].milestones)
        if count < min_boundaries:
            outcomes[run.seed], texts[run.seed] = None, f"{count} boundaries, too few to test"
            continue
        seen = _seen_in_curvature(run, found, max_scatter)
        if len(seen) < 2:
            outcomes[run.seed], texts[run.seed] = None, "curvature scatters too much to test"
            continue
        # Trace and eigenvalues move together: what half of them see counts as seen.
        missed = int((np.mean(seen, axis=0) < 0.5).sum())
        outcomes[run.seed] = missed >= min_missed
        texts[run.seed] = f"{missed} of {count} boundaries missed by {len(seen)} statistics"
    seeds = tuple(seed for seed, outcome in outcomes.items() if outcome is not None)
    width = found.stage_settings.match_width
    uncertainty = f"matched within {width:g} in log step" if seeds else ""
    return Verdict(overall(outcomes), listed(texts), uncertainty, seeds)


def _seen_in_curvature(
    run: RunEvidence, found: RegressionEvidence, max_scatter: float
) -> list[list[bool]]:
    """Return, for trace and eigenvalues in turn, which milestones of the LLC have one nearby.

    A statistic that scatters by more than a share of its range could miss any boundary: left out.
    """
    hessian, seen = found.hessian[run.name], []
    statistics = [hessian["trace"], *hessian["eigenvalue"].transpose("rank", "step")]
    for statistic in statistics:
        positive = statistic.where(statistic > 0)
        smoothed = _smoothed(hessian.step.values, np.log(positive.values), found)
        if smoothed.attrs["noise_sd"] <= max_scatter * float(np.ptp(smoothed["mean"].values)):
            seen.append(_near(run.curves["published"], smoothed, found))
    return seen


def _smoothed(steps: np.ndarray, values: np.ndarray, found: RegressionEvidence) -> xr.Dataset:
    """Return a curve as the LLC's is made, with its noise estimated from the scatter."""
    unknown = np.full(len(steps), np.nan)
    return fit_llc_curve(steps, values, unknown, found.stage_settings, found.draw_seed)


def _near(curve: Curve, smoothed: xr.Dataset, found: RegressionEvidence) -> list[bool]:
    """Return for each milestone of the LLC whether another curve has one nearby."""
    others = find_milestones(smoothed, found.stage_settings)["log_step"].to_numpy()
    distance = np.abs(curve.milestones["log_step"].to_numpy()[:, None] - others)
    return [bool((row <= found.stage_settings.match_width).any()) for row in distance]
