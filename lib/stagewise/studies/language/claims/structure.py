"""Claims on stages, heads, positions and forms of language models: L1, L5, L6, L9, L10."""

from __future__ import annotations

import math

import numpy as np

from stagewise.claims.registry import claim
from stagewise.claims.run_evidence import sound_runs
from stagewise.claims.verdicts import Verdict, judged, of_seeds, overall
from stagewise.claims.words import listed
from stagewise.studies.language.claims.behaviour import within
from stagewise.studies.language.claims.evidence import (
    LanguageEvidence,
    best_head,
    best_scores,
    crossing,
    has_induction,
)

RANDOM_WALK_SHARE = 6 / math.pi**2
"""Share of variance in the first component of a long random walk (Antognini & Sohl-Dickstein 2018)."""


@claim("L1")
def language_stages(found: LanguageEvidence, *, min_sound: float) -> Verdict:
    """L1: the stage types of two layers are those published."""
    runs, wrong = sound_runs(found.of("twolayers"), "published", min_sound)
    sequences = {run.seed: run.curves["published"].sequence for run in runs}
    local = {run.seed: run.curves["local"].sequence for run in found.of("twolayers")}
    verdict = overall({seed: s == found.published_types for seed, s in sequences.items()})
    text = listed(sequences | wrong)
    return Verdict(verdict, text, f"local chains: {listed(local)}", tuple(sequences))


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
    for run in found.of("twolayers"):
        if not has_induction(run, min_prefix):
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
    return of_seeds(agrees, against, texts, "by the grid of checkpoints", "no induction heads")


@claim("L6")
def composition_first(
    found: LanguageEvidence, *, min_prefix: float, share: float, min_ratio: float
) -> Verdict:
    """L6: K-composition of the induction pair rises before the heads show."""
    agrees, against, texts = {}, {}, {}
    for run in found.of("twolayers"):
        if not has_induction(run, min_prefix):
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
    return of_seeds(agrees, against, texts, "by the grid of checkpoints", "no induction heads")


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
    found: LanguageEvidence, *, max_p: float, num_stderr: float, max_factor: float
) -> Verdict:
    """L9: forms near stage boundaries are about new words, then about induction patterns."""
    run = found.of("twolayers")[0]
    high = found.forms["side"] == "high"
    forms = found.forms[high & (found.forms["p_value"] <= max_p)]
    if forms.empty:
        return Verdict(judged(False, True), "no form beyond random walks", "", (run.seed,))
    milestones = run.curves["local"].milestones["step"].tolist()
    more = forms[forms["share"] - forms["base_rate"] > num_stderr * forms["stderr"]]
    about = {name: more[more["measure"] == name]["form_step"] for name in ("new_word", "induction")}
    placed = {
        name: [step for step in steps if any(within(step, m, max_factor) for m in milestones)]
        for name, steps in about.items()
    }
    ordered = any(word < pattern for word in placed["new_word"] for pattern in placed["induction"])
    texts = [
        f"form at step {row.form_step:.0f}: {row.measure.replace('_', ' ')} {row.share:.3f} +- "
        f"{row.stderr:.3f}, base {row.base_rate:.3f}"
        for row in forms.itertuples()
        if row.measure in about
    ]
    verdict = judged(ordered, more.empty)
    return Verdict(verdict, "; ".join(texts), "standard errors over contexts", (run.seed,))
