"""Claims on the shape of single curves: S1 to S4, S6, S7, S10, S11, S16, S17, S18."""

from __future__ import annotations

import numpy as np
import scipy.stats

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import Verdict, judged
from stagewise.claims.words import seeds_of, share_text, spread_text
from stagewise.studies.scurves.claims.evidence import ScurvesEvidence

_LOW_RANKS = {"rank1": 1, "rank2": 2, "rank4": 4, "rank10": 10}


@claim("S1")
def exponential(found: ScurvesEvidence, *, max_error: float, min_explained: float) -> Verdict:
    """S1: scalars and vectors converge exponentially at the predicted rate."""
    agree, texts, tables = [], [], []
    for setting in ("scalar", "vector"):
        for rows in found.cases(setting):
            rate = float(rows["learning_rate"].iloc[0])
            error = (rows["rate"] / (-2 * np.log1p(-rate)) - 1).abs()
            agree += list((error <= max_error) & (rows["rate_explained"] >= min_explained))
            texts.append(f"{setting}, learning rate {rate:g}: error at most {error.max():.1e}")
            tables.append(rows)
    return Verdict(
        judged(all(agree), not any(agree)),
        "; ".join(texts),
        f"largest over seeds; {found.excluded('scalar', 'vector')}",
        seeds_of(*tables),
    )


@claim("S2")
def rank_one(
    found: ScurvesEvidence, *, min_share: float, low_share: float, max_deviation: float
) -> Verdict:
    """S2: plateau and drop at rank 1, and descent follows its flow."""
    plateau = found.runs("rank1")["num_plateaus"] >= 1
    cases = sorted(found.cases("rank1"), key=lambda rows: rows["learning_rate"].iloc[0])
    medians = [float(rows["flow_deviation"].median()) for rows in cases]
    follows = medians[0] <= max_deviation and bool((np.diff(medians) > 0).all())
    share = float(plateau.mean())
    rates = ", ".join(
        f"{rows['flow_deviation'].median():.3f} at {rows['learning_rate'].iloc[0]:g}"
        for rows in cases
    )
    return Verdict(
        judged(share >= min_share and follows, share < low_share and medians[0] > max_deviation),
        f"share with a plateau {share_text(plateau)}; the rate falls to "
        f"{spread_text(found.runs('rank1')['least_rate'])} of the largest beside it; distance from "
        f"the flow {rates}",
        f"95 % interval of the share; medians over {int(cases[0]['flow_deviation'].count())} "
        f"seeds; {found.excluded('rank1')}",
        seeds_of(plateau.to_frame()),
    )


@claim("S3")
def four_phases(found: ScurvesEvidence, *, min_share: float, low_share: float) -> Verdict:
    """S3: decay of the irrelevant part, then linear, exponential and no growth of the aligned one."""
    rows = found.runs("rank1")
    names = {
        "decay_first": "decay first",
        "early_linear": "early growth linear",
        "later_exponential": "later growth exponential",
        "levels_off": "levels off",
    }
    flags = {text: rows[name] > 0 for name, text in names.items()}
    shares = [float(flag.mean()) for flag in flags.values()]
    return Verdict(
        judged(min(shares) >= min_share, max(shares) < low_share),
        "; ".join(f"{text} {share_text(flag)}" for text, flag in flags.items()),
        f"95 % intervals; {found.excluded('rank1')}",
        seeds_of(rows),
    )


@claim("S4")
def low_ranks(
    found: ScurvesEvidence, *, max_loss: float, min_difference: float, min_share: float
) -> Verdict:
    """S4: ranks 2 and 4 have plateaus as often as rank 1, and end exponentially."""
    tables = {rank: found.runs(f"rank{rank}") for rank in (1, 2, 4)}
    plateau = {rank: rows["num_plateaus"] >= 1 for rank, rows in tables.items()}
    tail = {r: rows["tail_aic_difference"] >= min_difference for r, rows in tables.items()}
    least = float(plateau[1].mean()) - max_loss
    agree = [plateau[k].mean() >= least and tail[k].mean() >= min_share for k in (2, 4)]
    texts = [
        f"rank {k}: plateau {share_text(plateau[k])}, exponential tail {share_text(tail[k])}, rate "
        f"down to {spread_text(rows['least_rate'])} of the largest beside it"
        for k, rows in tables.items()
    ]
    return Verdict(
        judged(all(agree), not any(agree)),
        "; ".join(texts),
        f"95 % intervals; {found.excluded('rank1', 'rank2', 'rank4')}",
        seeds_of(*tables.values()),
    )


@claim("S6")
def tails(
    found: ScurvesEvidence, *, min_difference: float, min_share: float, max_share: float
) -> Verdict:
    """S6: a power law ends full rank, an exponential low ranks."""
    full = found.runs("fulltail")
    power = full["tail_aic_difference"] <= -min_difference
    low = {
        rank: found.runs(name)["tail_aic_difference"] >= min_difference
        for name, rank in _LOW_RANKS.items()
    }
    ends = all(flags.mean() >= min_share for flags in low.values())
    share = float(power.mean())
    texts = [f"full rank: power law {share_text(power)}"]
    texts += [f"rank {rank}: exponential {share_text(flags)}" for rank, flags in low.items()]
    exponents = f"exponent at full rank {spread_text(full['tail_exponent'])}"
    return Verdict(
        judged(share >= min_share and ends, share <= max_share),
        f"{'; '.join(texts)}; {exponents}",
        f"95 % intervals, exponent: quartiles; {found.excluded('fulltail', *_LOW_RANKS)}",
        seeds_of(full, *(flags.to_frame() for flags in low.values())),
    )


@claim("S7")
def unaligned(found: ScurvesEvidence, *, max_cosine: float, max_angle: float) -> Verdict:
    """S7: at full rank vectors do not align with single targets although the matrix is learned."""
    rows = found.runs("fulltail")
    apart = rows["best_cosine"] < max_cosine
    same = rows["leading_angle"] < max_angle
    low = found.runs("rank10")
    return Verdict(
        judged(bool((apart & same).all()), not apart.any()),
        f"best |cosine| {spread_text(rows['best_cosine'])}, angle of leading directions "
        f"{spread_text(rows['leading_angle'])} rad; rank 10: best |cosine| "
        f"{spread_text(low['best_cosine'])}, angle of spans {spread_text(low['span_angle'])} rad",
        f"medians and quartiles over seeds; {found.excluded('fulltail')}",
        seeds_of(rows),
    )


@claim("S10")
def attention(found: ScurvesEvidence, *, min_share: float, low_share: float) -> Verdict:
    """S10: an attention head is learned after a plateau, suddenly."""
    rows = found.runs("attention2")
    plateau = rows["num_plateaus"] >= 1
    sudden = plateau & (rows["drop_steps"] < rows["plateau_steps"])
    supported = plateau.mean() >= min_share and sudden.mean() >= min_share
    return Verdict(
        judged(bool(supported), bool(plateau.mean() < low_share)),
        f"plateau {share_text(plateau)}; drop shorter than plateau {share_text(sudden)}; plateau "
        f"{spread_text(rows['plateau_steps'])} steps, drop {spread_text(rows['drop_steps'])} steps",
        f"95 % intervals, steps: quartiles; {found.excluded('attention2')}",
        seeds_of(rows),
    )


@claim("S11")
def adam_plateau(found: ScurvesEvidence, *, min_share: float, max_share: float) -> Verdict:
    """S11: with Adam the full-rank case has a plateau."""
    adam, descent = (found.runs(name) for name in ("adamfull", "full"))
    with_adam, without = adam["num_plateaus"] >= 1, descent["num_plateaus"] >= 1
    supported = with_adam.mean() >= min_share and without.mean() <= max_share
    return Verdict(
        judged(bool(supported), bool(with_adam.mean() <= max_share)),
        f"share with a plateau: Adam {share_text(with_adam)}, descent {share_text(without)}",
        f"95 % intervals; {found.excluded('adamfull', 'full')}",
        seeds_of(adam, descent),
    )


@claim("S16")
def entropy(found: ScurvesEvidence, *, min_share: float, low_share: float) -> Verdict:
    """S16: with cross-entropy rank 2 has two plateaus and full rank none."""
    two, ten, full = (found.runs(name) for name in ("entropy2", "entropy10", "entropyfull"))
    double, none = two["num_plateaus"] >= 2, full["num_plateaus"] == 0
    supported = double.mean() >= min_share and none.mean() >= min_share
    left = ten["final_loss"] / ten["initial_loss"]
    return Verdict(
        judged(bool(supported), bool(double.mean() < low_share)),
        f"rank 2: two plateaus {share_text(double)}; full rank: none {share_text(none)}; "
        f"rank 10 ends at {spread_text(left)} of its first loss",
        f"95 % intervals, loss: quartiles; {found.excluded('entropy2', 'entropyfull')}",
        seeds_of(two, full),
    )


@claim("S18")
def symmetry(found: ScurvesEvidence, *, alpha: float, min_share: float) -> Verdict:
    """S18: breaking the symmetry at rank 2 adds a second S-shape."""
    one, two = (found.runs(name)["num_plateaus"] >= 2 for name in ("rank1", "rank2"))
    table = [[int(two.sum()), int((~two).sum())], [int(one.sum()), int((~one).sum())]]
    p_value = float(scipy.stats.fisher_exact(table, alternative="greater").pvalue)
    larger = p_value < alpha
    return Verdict(
        judged(bool(larger and two.mean() >= min_share), not larger),
        f"two plateaus: rank 2 {share_text(two)}, rank 1 {share_text(one)}; p = {p_value:.2g}",
        f"95 % intervals; {found.excluded('rank1', 'rank2')}",
        seeds_of(one.to_frame(), two.to_frame()),
    )
