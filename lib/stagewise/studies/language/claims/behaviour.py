"""Claims on what language models predict: L2, L3, L4, L7, L8."""

from __future__ import annotations

import math

import numpy as np

from stagewise.claims.registry import claim
from stagewise.claims.run_evidence import RunEvidence
from stagewise.claims.verdicts import Verdict, of_seeds
from stagewise.studies.language.claims.evidence import (
    NO_HEADS,
    LanguageEvidence,
    best_scores,
    crossing,
    has_induction,
    paired_change,
    unsound,
)
from stagewise.studies.language.landmarks import BIGRAM, BUMP, NGRAM


def within(first: float, second: float, factor: float) -> bool:
    """Say whether two steps differ by no more than a factor; step 0 counts as 1."""
    return abs(math.log(max(first, 1) / max(second, 1))) <= math.log(factor)


@claim("L2")
def bigrams_first(
    found: LanguageEvidence,
    *,
    num_stderr: float,
    max_gap: float,
    max_factor: float,
    min_sound: float,
) -> Verdict:
    """L2: the bigram score is least at the first boundary, near the entropy."""
    agrees, against, texts = {}, {}, {}
    untestable: dict[int, str] = {}
    runs = found.of("twolayers")
    wrong = unsound(runs, "local", min_sound)
    for run in runs:
        metrics = run.metrics
        step, least, stderr = found.landmarks[run.name][BIGRAM]
        last = metrics.isel(step=-1)
        rise = float(last["bigram_score"]) - least
        error = math.hypot(stderr, float(last["bigram_score_stderr"]))
        entropy = float(metrics["bigram_entropy"])
        gap = (least - entropy) / (float(metrics["bigram_score"][0]) - entropy)
        rises = rise > num_stderr * error
        text = (
            f"least at step {step:.0f}, {least - entropy:.2f} nats above the entropy ({gap:.2f} of the "
            f"first gap), then up by {rise:.2f} +- {error:.2f}"
        )
        if run.seed in wrong and rises:
            untestable[run.seed] = f"{text}; no milestones: {wrong[run.seed]}"
            continue
        milestones = [] if run.seed in wrong else run.curves["local"].milestones["step"].tolist()
        near = bool(milestones) and within(milestones[0], step, max_factor)
        against[run.seed] = not rises
        agrees[run.seed] = rises and gap <= max_gap and near
        first = f"{milestones[0]:.0f}" if milestones else "none"
        texts[run.seed] = f"{text}; first milestone {first}"
    return of_seeds(agrees, against, texts, "standard errors over rows", untestable)


@claim("L3")
def ngrams_next(
    found: LanguageEvidence, *, num_stderr: float, min_ratio: float, small_ratio: float
) -> Verdict:
    """L3: scores of 3- and 4-grams rise several-fold after bigrams are learned."""
    agrees, against, texts = {}, {}, {}
    for run in found.of("twolayers"):
        marks = found.landmarks[run.name]
        growths = {n: marks[name] for n in (3, 4) if (name := NGRAM.format(n=n)) in marks}
        agrees[run.seed] = all(
            g.value - num_stderr * g.stderr > min_ratio for g in growths.values()
        )
        against[run.seed] = not agrees[run.seed] and all(
            g.value + num_stderr * g.stderr < small_ratio for g in growths.values()
        )
        texts[run.seed] = ", ".join(
            f"{n}-grams {g.value:.2f} +- {g.stderr:.2f}" for n, g in growths.items()
        )
    return of_seeds(agrees, against, texts, "standard errors by the delta method")


@claim("L4")
def positions_start(
    found: LanguageEvidence, *, share: float, max_factor: float, far_factor: float
) -> Verdict:
    """L4: the positional embedding starts to matter when bigrams have been learned."""
    near, far, texts = {}, {}, {}
    for run in found.of("twolayers"):
        metrics = run.metrics
        effect = metrics["ablation_effect"].sel(position=metrics["position"] > 1).mean("position")
        below = np.flatnonzero(effect.to_numpy() < share * float(effect.max()))
        onset = float(metrics["step"][min(below[-1] + 1 if len(below) else 0, len(effect) - 1)])
        step = found.landmarks[run.name][BIGRAM].step
        near[run.seed] = within(onset, step, max_factor)
        far[run.seed] = not within(onset, step, far_factor)
        texts[run.seed] = (
            f"from step {onset:.0f}, bigrams at {step:.0f}; the most it costs is "
            f"{float(effect.max()):.2f} nats"
        )
    return of_seeds(near, far, texts, "by the grid of checkpoints")


@claim("L7")
def context_with_induction(
    found: LanguageEvidence, *, min_prefix: float, num_stderr: float
) -> Verdict:
    """L7: the ICL score falls when induction heads form, and more than with one layer."""
    falls, against, texts = {}, {}, {}
    untestable: dict[int, str] = {}
    for run in found.of("twolayers"):
        control = found.control(run)
        if not has_induction(run, min_prefix) or control is None:
            untestable[run.seed] = "no one-layer model" if control is None else NO_HEADS
            continue
        scores = best_scores(run.metrics["prefix_matching_score"], 1)
        begins, ends = crossing(scores, 0.1), crossing(scores, 0.9)
        steps = scores["step"].to_numpy()
        span = float(steps[max(int((steps < begins).sum()) - 1, 0)]), ends
        own, other = paired_change(run.metrics, span), paired_change(control.metrics, span)
        more = paired_change(run.metrics, span, control.metrics)
        falls[run.seed] = all(value < -num_stderr * error for value, error in (own, more))
        against[run.seed] = any(value > num_stderr * error for value, error in (own, more))
        texts[run.seed] = (
            f"{_nats(own)} nats from step {span[0]:.0f} to {span[1]:.0f}; one layer {_nats(other)} "
            f"over the same steps, difference {_nats(more)}"
        )
    return of_seeds(falls, against, texts, "standard errors over rows, paired", untestable)


def _nats(change: tuple[float, float]) -> str:
    return f"{change[0]:+.2f} +- {change[1]:.2f}"


@claim("L8")
def one_layer(
    found: LanguageEvidence,
    *,
    max_factor: float,
    min_ratio: float,
    max_prefix: float,
    max_gain: float,
    num_stderr: float,
    min_sound: float,
) -> Verdict:
    """L8: one layer develops alike but for induction; a fall of the LLC precedes a bump of the loss."""
    alike, against, texts = {}, {}, {}
    untestable: dict[int, str] = {}
    wrong = unsound(found.of("onelayer"), "local", min_sound)
    for two, one in found.pairs():
        marks = found.landmarks[one.name]
        steps = [found.landmarks[two.name][BIGRAM].step, marks[BIGRAM].step]
        growth, bump = marks[NGRAM.format(n=3)], marks[BUMP]
        prefix, gain = (
            _share(one, two, name) for name in ("prefix_matching_score", "completion_gain")
        )
        without = prefix < max_prefix and gain < max_gain
        text = (
            f"least bigram score at {steps[1]:.0f} (two layers {steps[0]:.0f}); 3-grams "
            f"{growth.value:.2f} +- {growth.stderr:.2f}; prefix score {prefix:.2f} and completion gain "
            f"{gain:.2f} of two layers'; the loss rises by {bump.value:.3f} +- {bump.stderr:.3f} up to "
            f"step {bump.step:.0f}"
        )
        if one.seed in wrong and without:
            untestable[one.seed] = f"{text}; no stages of the LLC: {wrong[one.seed]}"
            continue
        stages = one.curves["local"].stages
        falls = [] if one.seed in wrong else stages.query("type == 'B'")["start"].tolist()
        bumps = bump.value > num_stderr * bump.stderr and bool(falls) and falls[0] < bump.step
        against[one.seed] = not without
        alike[one.seed] = (
            within(steps[0], steps[1], max_factor)
            and growth.value > min_ratio
            and without
            and bumps
        )
        fall = f"falls from step {falls[0]:.0f}" if falls else "has no falling stage"
        texts[one.seed] = f"{text}; the LLC {fall}"
    return of_seeds(alike, against, texts, "standard errors over rows", untestable)


def _share(one: RunEvidence, two: RunEvidence, name: str) -> float:
    """Return the best value of a measure of one layer at the end, over that of two layers."""
    ends = [float(run.metrics[name].isel(step=-1).max()) for run in (one, two)]
    return ends[0] / ends[1]
