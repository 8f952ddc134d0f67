"""Claims on when and how suddenly networks generalise: G1, G2, G10, G11."""

from __future__ import annotations

import numpy as np

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import NOT_TESTABLE, Verdict, judged
from stagewise.claims.words import share_text, spread_text
from stagewise.studies.modular.claims.evidence import ModularEvidence
from stagewise.studies.modular.claims.support import (
    best_elsewhere,
    by_seed,
    cells,
    count_text,
    larger,
    seeds_in,
)
from stagewise.studies.modular.experiments import FRACTIONS, SIZES
from stagewise.studies.modular.laws import ALL, CRITICAL, NULLS, WORDS, laws_of


@claim("G1")
def sudden(
    found: ModularEvidence, *, max_width: float, max_delay: float, min_delay: float, min_runs: float
) -> Verdict:
    """G1: the rise of the test accuracy is short in log time, with memorisation and long after."""
    rows = found.of()
    rows = rows[rows["generalises"] & rows["rise_width"].notna()]
    groups = {
        "not after memorisation": rows[~(rows["delay"] > max_delay)],
        "long after it": rows[rows["delay"] >= min_delay],
    }
    if any(len(part) < min_runs for part in groups.values()):
        counts = ", ".join(f"{len(part)} {name}" for name, part in groups.items())
        return Verdict(NOT_TESTABLE, f"runs that generalise: {counts}")
    flags = {name: part["rise_width"] <= max_width for name, part in groups.items()}
    medians = [float(part["rise_width"].median()) for part in groups.values()]
    texts = [
        f"{name}: {spread_text(part['rise_width'])} in log t, sudden {share_text(flags[name])}"
        for name, part in groups.items()
    ]
    texts.append(f"test accuracy is first in {count_text(rows['test_first'])} runs")
    return Verdict(
        judged(max(medians) <= max_width, min(medians) > max_width),
        "; ".join(texts),
        f"medians and quartiles over {' and '.join(str(len(p)) for p in groups.values())} runs of "
        "all settings, 95 % intervals of shares",
        seeds_in(rows),
    )


@claim("G2")
def both_orders(
    found: ModularEvidence, *, max_delay: float, min_delay: float, min_share: float
) -> Verdict:
    """G2: some cells of the sweep generalise as they memorise, others long after."""
    at_once, after, total = [], [], 0
    for part in cells(found.of()):
        total += 1
        if (part["generalises"] & ~(part["delay"] > max_delay)).mean() >= min_share:
            at_once.append(part)
        if (part["generalises"] & (part["delay"] >= min_delay)).mean() >= min_share:
            after.append(part)
    example = max(after, key=lambda part: part["delay"].median(), default=None)
    text = f"{len(at_once)} cells generalise as they memorise, {len(after)} long after"
    if example is not None:
        ratio = float(np.exp(example["delay"].median()))
        text += f"; latest: {example['setting'].iloc[0]}, {ratio:.3g} times the time to memorise"
    return Verdict(
        judged(bool(at_once and after), not (at_once and after)),
        text,
        f"of {total} cells, each of at least {min(len(p) for p in cells(found.of()))} seeds",
        seeds_in(found.of()),
    )


@claim("G10")
def faster_than_exponential(
    found: ModularEvidence, *, alpha: float, min_power: float, draws: float
) -> Verdict:
    """G10: the time to generalise grows faster than exponentially as data shrink."""
    table = found.comparison
    if len(table) and not ((table["alpha"] == alpha) & (table["draws"] == draws)).all():
        raise ValueError("comparison.csv is of other thresholds: delete it and run again")
    texts = []
    for size, own in found.laws.groupby("size", sort=False):
        modulus, count, censored = own[["modulus", "runs", "censored"]].iloc[0]
        laws = laws_of(found.laws, str(size))
        if not np.isfinite(laws[CRITICAL].aic):
            texts.append(f"p = {modulus}: too few shares with a time")
            continue
        better = ", ".join(
            f"{laws[CRITICAL].log_likelihood - laws[name].log_likelihood:+.2g} over {WORDS[name]}"
            for name in NULLS
        )
        texts.append(
            f"p = {modulus}: diverges at a share of {laws[CRITICAL].critical_share:.2g}, "
            f"log-likelihood {better} ({censored} of {count} censored)"
        )
    if not len(table):
        return Verdict(NOT_TESTABLE, "; ".join(texts))
    whole = table[table["size"] == ALL].set_index("null")
    told = ", ".join(
        f"{WORDS[name]} p = {whole.at[name, 'p_value']:.2g} (power {whole.at[name, 'power']:.2f})"
        for name in NULLS
    )
    rejected = (whole["p_value"] < alpha).to_numpy()
    able = bool((whole["power"] >= min_power).all())
    return Verdict(
        judged(bool(rejected.all()), not rejected.any()) if able else NOT_TESTABLE,
        f"all moduli: {told}; " + "; ".join(texts),
        f"p that the other law explains the gain of one that diverges, power to see it diverge at half "
        f"the least share generalised at; {draws:g} simulations of each on these shares, runs and steps",
        seeds_in(found.of(*(name for name in FRACTIONS if name.startswith(SIZES[-1])))),
    )


@claim("G11")
def scale_for_decay(found: ModularEvidence, *, alpha: float) -> Verdict:
    """G11: without decay, networks generalise from a small start as they do with it."""
    rows = found.of("scaled")
    decays = sorted(rows["weight_decay"].unique())
    plain = rows[rows["weight_decay"] == decays[0]]
    usual = plain[np.isclose(plain["initial_scale"], 1.0)]
    decayed = rows[(rows["weight_decay"] == decays[-1]) & np.isclose(rows["initial_scale"], 1.0)]
    small = plain[plain["initial_scale"] < 1]
    best = best_elsewhere(by_seed(small, "initial_scale"))
    gain = larger(best, usual.set_index("seed")["generalises"])
    short = larger(decayed.set_index("seed")["generalises"], best)
    shares = ", ".join(
        f"scale {scale:g}: {count_text(part['generalises'])}"
        for scale, part in small.groupby("initial_scale")
    )
    needless = bool(usual["generalises"].mean() >= decayed["generalises"].mean())
    if needless:
        return Verdict(
            NOT_TESTABLE,
            f"decay is not needed here: {count_text(usual['generalises'])} generalise without it",
            "",
            seeds_in(rows),
        )
    return Verdict(
        judged(gain < alpha and short >= alpha, gain >= alpha and short < alpha),
        f"without decay {shares}, scale 1: {count_text(usual['generalises'])}; with decay "
        f"{decays[-1]:g} at scale 1: {count_text(decayed['generalises'])}",
        f"permutation tests by seed, the scale being the best for the other seeds: p = {gain:.2g} that "
        f"it generalises more often than scale 1, {short:.2g} that decay does more often than it",
        seeds_in(rows),
    )
