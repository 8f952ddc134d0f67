"""Claims on what the model does: R3, R4, R5, R5b, R6."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from stagewise.claims.registry import claim
from stagewise.claims.run_evidence import Curve, minimum, sound_runs
from stagewise.claims.verdicts import Verdict, overall
from stagewise.claims.words import listed
from stagewise.studies.regression.claims.evidence import RegressionEvidence


@claim("R3")
def task_prior(
    found: RegressionEvidence, *, min_sound: float, max_factor: float, num_stderr: float
) -> Verdict:
    """R3: predictions are smallest near the end of the first stage, and then below the noise."""
    outcomes: dict[int, bool | None] = {}
    texts, errors = {}, {}
    runs, wrong = sound_runs(found.of("base", "published"), "published", min_sound)
    for run in runs:
        step, value, stderr = minimum(run.metrics, "mean_squared_prediction")
        small = value + num_stderr * stderr < found.noise_variance
        milestones = run.curves["published"].milestones
        near, where = False, "no milestone, so this part fails"
        if len(milestones):
            first = float(milestones["step"].iloc[0])
            near = step > 0 and max(step / first, first / step) <= max_factor
            where = f"first milestone at {first:.0f}"
        outcomes[run.seed] = bool(small and near)
        texts[run.seed] = f"minimum {value:.3g} at step {step:.0f}, {where}"
        errors[run.seed] = f"± {stderr:.1g}"
    return Verdict(overall(outcomes), listed(texts | wrong), listed(errors), tuple(outcomes))


@claim("R4")
def mean_task(found: RegressionEvidence, *, num_stderr: float) -> Verdict:
    """R4: with finitely many tasks the mean task's prediction is nearer than zero."""
    outcomes: dict[int, bool | None] = {}
    texts, errors = {}, {}
    for run in found.of("tasks16"):
        _, to_mean, mean_error = minimum(run.metrics, "distance_to_mean_task")
        _, to_zero, zero_error = minimum(run.metrics, "mean_squared_prediction")
        joint = float(np.hypot(mean_error, zero_error))
        outcomes[run.seed] = to_zero - to_mean > num_stderr * joint
        texts[run.seed] = f"{to_mean:.3g} to the mean task, {to_zero:.3g} to zero"
        errors[run.seed] = f"± {joint:.1g}"
    return Verdict(overall(outcomes), listed(texts), listed(errors), tuple(outcomes))


@claim("R5")
def icl_emerges(found: RegressionEvidence, *, min_sound: float, min_share: float) -> Verdict:
    """R5: in-context learning emerges in stage 2."""
    outcomes: dict[int, bool | None] = {}
    texts: dict[int, str] = {}
    errors: dict[int, str] = {}
    runs, wrong = sound_runs(found.of("base", "published"), "published", min_sound)
    for run in runs:
        share, error, texts[run.seed] = _share_in_second_stage(run.metrics, run.curves["published"])
        outcomes[run.seed] = share >= min_share
        if np.isfinite(error):
            errors[run.seed] = f"± {100 * error:.1g} % of the fall"
    return Verdict(overall(outcomes), listed(texts | wrong), listed(errors), tuple(outcomes))


@claim("R5b")
def refining_worsens(
    found: RegressionEvidence, *, num_stderr: float, min_effect: float, bound_stderr: float
) -> Verdict:
    """R5b: refining the task gets worse first, while locating it already improves."""
    least = min_effect * found.noise_variance
    outcomes: dict[int, bool | None] = {}
    texts, errors = {}, {}
    for run in found.of("base"):
        refined, refine_error = _change(run.metrics, "icl_refine")
        located, locate_error = _change(run.metrics, "icl_locate")
        # Paired errors are tiny while nothing is learned: a fall is one of some size as well.
        lower = (refined <= -least) & (refined < -num_stderr * refine_error)
        fallen = np.flatnonzero(lower)
        early = np.arange(len(refined)) < (fallen[0] if fallen.size else len(refined))
        worse = early & (refined >= least) & (refined > num_stderr * refine_error)
        agrees = worse & (located < -num_stderr * locate_error)
        ruled_out = bool((refined + bound_stderr * refine_error < least)[early].all())
        # Neither a rise nor its absence: too few contexts to tell.
        told = bool(worse.any()) or ruled_out
        outcomes[run.seed] = bool(agrees.any()) if told else None
        candidates = np.flatnonzero(agrees if agrees.any() else early)
        top = candidates[np.argmax(refined[candidates])]
        texts[run.seed] = f"D:K {refined[top]:+.2g} at step {run.metrics.step.values[top]:.0f}"
        errors[run.seed] = f"± {refine_error[top]:.1g}"
    seeds = tuple(seed for seed, outcome in outcomes.items() if outcome is not None)
    return Verdict(overall(outcomes), listed(texts), listed(errors), seeds)


@claim("R6")
def large_inputs_suffer(
    found: RegressionEvidence, *, num_stderr: float, min_share: float, bound_stderr: float
) -> Verdict:
    """R6: on inputs of larger norm the ICL score gets worse again, while the test loss still falls."""
    outcomes: dict[int, bool | None] = {}
    texts, errors = {}, {}
    for run in found.of("base"):
        rises = [
            _rise_after_the_best(run.metrics, scale, num_stderr)
            for scale in run.metrics["input_scale"].values
            if scale > 1 and _learned(run.metrics, scale, num_stderr)
        ]
        if not rises:
            outcomes[run.seed], texts[run.seed] = None, "nothing is learned at any g to be lost"
            continue
        worse = [
            one
            for one in rises
            if one.falling and one.rise >= min_share and one.rise > num_stderr * one.error
        ]
        ruled_out = all(one.rise + bound_stderr * one.error < min_share for one in rises)
        outcomes[run.seed] = bool(worse) if worse or ruled_out else None
        shown = max(worse or rises, key=lambda one: one.rise)
        texts[run.seed] = (
            f"at g = {shown.scale:g} {100 * shown.rise:.0f} % of the score is lost after step "
            f"{shown.step:.0f}, {len(worse)} of {len(rises)} scales get worse"
        )
        errors[run.seed] = f"± {100 * shown.error:.0f} %"
    seeds = tuple(seed for seed, outcome in outcomes.items() if outcome is not None)
    return Verdict(overall(outcomes), listed(texts), listed(errors), seeds)


def _learned(metrics: xr.Dataset, scale: float, num_stderr: float) -> bool:
    """Return whether the best ICL score at a scale is below zero by more than its error."""
    score, error = (metrics[f"icl_scaled{end}"].sel(input_scale=scale) for end in ("", "_stderr"))
    best = int(np.argmin(score.values))
    return bool(score.values[best] + num_stderr * error.values[best] < 0)


class _Rise(NamedTuple):
    """How much of its best ICL score a scale of the inputs has lost at the end."""

    scale: float
    step: float
    rise: float
    error: float
    falling: bool


def _rise_after_the_best(metrics: xr.Dataset, scale: float, num_stderr: float) -> _Rise:
    """Return the loss of a score since its best checkpoint, as a share of the best score.

    Its error is that of the change, context by context; errors of the test loss are taken as
    independent, which is too much rather than too little.
    """
    score = metrics["icl_scaled"].sel(input_scale=scale).values
    error = metrics["icl_scaled_rest_stderr"].sel(input_scale=scale).values
    loss, loss_error = metrics["test_loss"].values, metrics["test_loss_stderr"].values
    best = int(np.argmin(score))
    depth = max(-float(score[best]), float(np.finfo(float).tiny))
    fall = loss[best] - loss[-1]
    return _Rise(
        float(scale),
        float(metrics.step.values[best]),
        float(score[-1] - score[best]) / depth,
        float(error[best]) / depth,
        bool(fall > num_stderr * np.hypot(loss_error[best], loss_error[-1])),
    )


def _share_in_second_stage(metrics: xr.Dataset, curve: Curve) -> tuple[float, float, str]:
    """Return the share of the fall of the ICL score in stage 2, its error, and both in words.

    Between checkpoints the score is interpolated linearly in log(1 + step).
    """
    score, error = metrics["icl_total"].values, metrics["icl_total_change_stderr"].values
    fall = float(score[0] - score[-1])
    if len(curve.stages) < 2:
        return 0.0, np.nan, "no second stage"
    if not fall > 0:
        return 0.0, np.nan, "the ICL score does not fall"
    second = curve.stages.iloc[1]
    edges = np.log1p([second["start"], second["end"]])
    before, after = np.interp(edges, np.log1p(metrics.step.values), score)
    share = float(before - after) / fall
    return (
        share,
        float(error[-1]) / fall,
        f"{100 * share:.0f} % of the fall in stage 2",
    )


def _change(metrics: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a score's change since the first checkpoint and its standard error."""
    score = metrics[name].values
    return score - score[0], metrics[f"{name}_change_stderr"].values
