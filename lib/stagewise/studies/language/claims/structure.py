"""Claims on stages, heads, positions and forms of language models: L1, L5, L6, L9, L10."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import Verdict, of_seeds, overall
from stagewise.claims.words import listed
from stagewise.studies.language.claims.behaviour import within
from stagewise.studies.language.claims.evidence import (
    NO_HEADS,
    LanguageEvidence,
    best_head,
    best_scores,
    crossing,
    has_induction,
    unsound,
)

RANDOM_WALK_SHARE = 6 / math.pi**2
"""Share of variance in the first component of a long random walk (Antognini & Sohl-Dickstein 2018)."""


@claim("L1")
def language_stages(found: LanguageEvidence, *, min_sound: float) -> Verdict:
    """L1: the stage types of two layers are those published."""
    runs = found.of("twolayers")
    wrong = unsound(runs, "published", min_sound)
    types = {
        setting: {run.seed: run.curves[setting].sequence for run in runs if setting in run.curves}
        for setting in ("published", "local")
    }
    sequences = {seed: own for seed, own in types["published"].items() if seed not in wrong}
    verdict = overall({seed: own == found.published_types for seed, own in sequences.items()})
    text = listed(sequences | wrong)
    return Verdict(verdict, text, f"local chains: {listed(types['local'])}", tuple(sequences))


@claim("L5")
def heads_in_order(
    found: LanguageEvidence,
    *,
    min_previous: float,
    min_prefix: float,
    min_ratio: float,
    max_factor: float,
) -> Verdict:
    """L5: previous-token heads form in the first layer, induction heads later in the second."""
    agrees, against, texts = {}, {}, {}
    untestable: dict[int, str] = {}
    for run in found.of("twolayers"):
        if not has_induction(run, min_prefix):
            untestable[run.seed] = NO_HEADS
            continue
        previous = best_scores(run.metrics["previous_token_score"], 0)
        first, second = (
            best_scores(run.metrics["prefix_matching_score"], layer) for layer in (0, 1)
        )
        earlier, later = crossing(previous, 0.5), crossing(second, 0.5)
        placed = float(second.max()) > min_ratio * float(first.max())
        agrees[run.seed] = float(previous.max()) > min_previous and placed and earlier < later
        against[run.seed] = later * max_factor < earlier or float(first.max()) > float(second.max())
        other = best_scores(run.metrics["previous_token_score"], 1)
        texts[run.seed] = (
            f"previous token {float(previous.max()):.2f} in the first layer, half way at step "
            f"{earlier:.0f} (second layer {float(other.max()):.2f}, at {crossing(other, 0.5):.0f}); "
            f"prefix {float(second.max()):.2f} in the second, at {later:.0f} (first "
            f"{float(first.max()):.3f})"
        )
    return of_seeds(agrees, against, texts, "by the grid of checkpoints", untestable)


@claim("L6")
def composition_first(
    found: LanguageEvidence, *, min_prefix: float, share: float, min_ratio: float
) -> Verdict:
    """L6: K-composition of the induction pair rises before the heads show."""
    agrees, against, texts = {}, {}, {}
    untestable: dict[int, str] = {}
    for run in found.of("twolayers"):
        if not has_induction(run, min_prefix):
            untestable[run.seed] = NO_HEADS
            continue
        metrics = run.metrics
        first = best_head(metrics["previous_token_score"], 0)
        second = best_head(metrics["prefix_matching_score"], 1)
        composed = metrics["composition_key"].isel(earlier_head=first, later_head=second)
        prefix = best_scores(metrics["prefix_matching_score"], 1)
        steps = crossing(composed, share), crossing(prefix, share)
        ratio = float(composed.max()) / float(metrics["composition_random"])
        agrees[run.seed] = steps[0] < steps[1] and ratio >= min_ratio
        against[run.seed] = steps[0] > steps[1] or ratio < min_ratio
        texts[run.seed] = (
            f"heads 1:{first + 1} and 2:{second + 1} compose {ratio:.1f} times as much as random ones; "
            f"a quarter of the rise by step {steps[0]:.0f}, of the prefix score by {steps[1]:.0f}"
        )
    return of_seeds(agrees, against, texts, "by the grid of checkpoints", untestable)


@claim("L10")
def positions_curve(
    found: LanguageEvidence, *, min_share: float, min_correlation: float
) -> Verdict:
    """L10: positions lie on curves like a random walk's, with more variance in the first component."""
    agrees, against, texts = {}, {}, {}
    for run in found.of("twolayers"):
        last = run.metrics.isel(step=-1)
        share = float(last["position_variance_ratio"][0])
        scores = last["position_score"].to_numpy()
        phase = (np.arange(len(scores)) + 0.5) * math.pi / len(scores)
        correlations = [
            abs(float(np.corrcoef(scores[:, k], np.cos((k + 1) * phase))[0, 1])) for k in (0, 1)
        ]
        curved = min(correlations) > min_correlation
        agrees[run.seed] = share > min_share and curved
        against[run.seed] = share < RANDOM_WALK_SHARE and not curved
        texts[run.seed] = (
            f"share {share:.2f} (random walk {RANDOM_WALK_SHARE:.2f}), correlation with cosines "
            f"{correlations[0]:.2f} and {correlations[1]:.2f}"
        )
    return of_seeds(agrees, against, texts, "at the last checkpoint")


@claim("L9")
def forms_with_content(
    found: LanguageEvidence, *, max_p: float, max_factor: float, min_sound: float
) -> Verdict:
    """L9: forms near stage boundaries are about new words, then about induction patterns."""
    agrees, against, texts = {}, {}, {}
    untestable: dict[int, str] = {}
    runs = found.of("twolayers")
    wrong = unsound(runs, "local", min_sound)
    for run in runs:
        if run.name not in found.forms:
            untestable[run.seed] = "no essential dynamics"
            continue
        raised = found.forms[run.name].query("side == 'high' and measure in @_KINDS")
        forms = raised[raised["p_value"] <= max_p]
        if forms.empty:
            untestable[run.seed] = "no form beyond random walks at the run's pace"
            continue
        # The larger of two p-values: a form must stand out from training and among directions.
        worst = forms[["p_elsewhere", "p_directions"]].max(axis=1, skipna=False)
        about = forms[worst <= max_p / max(forms["form"].nunique(), 1)]
        texts[run.seed] = "; ".join(map(_content, forms.itertuples()))
        if run.seed in wrong and len(about):
            untestable[run.seed] = f"{texts.pop(run.seed)}; no milestones: {wrong[run.seed]}"
            continue
        milestones = [] if run.seed in wrong else run.curves["local"].milestones["step"].tolist()
        placed = {
            kind: [
                step
                for step in about.loc[about["measure"] == kind, "form_step"]
                if any(within(step, mark, max_factor) for mark in milestones)
            ]
            for kind in _KINDS
        }
        agrees[run.seed] = any(
            word < pattern for word in placed["new_word"] for pattern in placed["induction"]
        )
        against[run.seed] = not (worst <= 0.5).any()
    uncertainty = "ranks among other points of training and among directions"
    return of_seeds(agrees, against, texts, uncertainty, untestable)


_KINDS = ("new_word", "induction")


def _content(row: Any) -> str:
    """Say what a row of the table of forms found."""
    return (
        f"form at step {row.form_step:.0f}: {row.measure.replace('_', ' ')} {row.share:.3f}, "
        f"p {row.p_elsewhere:.3f} along training, {row.p_directions:.3f} among directions"
    )
