"""Claims on optimisers, learning rates and regularisation: G3 to G6."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import Verdict, judged
from stagewise.core.intervals import mean_interval, share_interval
from stagewise.studies.modular.claims.evidence import ModularEvidence
from stagewise.studies.modular.claims.support import (
    best_elsewhere,
    by_seed,
    cells,
    count_text,
    interval_text,
    larger,
    seeds_in,
    sooner,
)


@claim("G3")
def without_regularisation(found: ModularEvidence, *, common: float, level: float) -> Verdict:
    """G3: at some learning rate most runs generalise without weight decay."""
    parts = list(cells(found.of("free", "freemore")))
    adjusted = 1 - (1 - level) / len(parts)
    bounds = [share_interval(int(part["generalises"].sum()), len(part), adjusted) for part in parts]
    texts = [
        f"{part['train_fraction'].iloc[0]:g} of pairs, learning rate "
        f"{part['learning_rate'].iloc[0]:g}: {count_text(part['generalises'])}, test accuracy "
        f"{part['test_accuracy'].median():.3f}"
        for part in parts
    ]
    return Verdict(
        judged(any(low > common for low, _ in bounds), all(high < common for _, high in bounds)),
        "; ".join(texts),
        f"Wilson intervals at {100 * adjusted:.1f} % each, {100 * level:.0f} % over {len(parts)} "
        "cells; median final test accuracies",
        seeds_in(pd.concat(parts)),
    )


@claim("G4")
def frozen_sides(found: ModularEvidence, *, margin: float) -> Verdict:
    """G4: without decay, frozen sides reach at least the test accuracy of free ones."""
    differences, texts, rows = [], [], found.of("free", "frozen", "freemore", "frozenmore")
    for names in (("free", "frozen"), ("freemore", "frozenmore")):
        parts = [found.of(name) for name in names]
        accuracies = [by_seed(part, "learning_rate", "test_accuracy") for part in parts]
        free, frozen = (best_elsewhere(table.fillna(0)) for table in accuracies)
        difference = (frozen - free).dropna().to_numpy()
        differences.append(mean_interval(difference))
        rates = [float(table.fillna(0).mean().idxmax()) for table in accuracies]
        counts = [
            count_text(part.loc[part["learning_rate"] == rate, "generalises"])
            for part, rate in zip(parts, rates, strict=True)
        ]
        texts.append(
            f"{parts[0]['train_fraction'].iloc[0]:g} of pairs: frozen less free "
            f"{interval_text(difference)} at their best learning rates {rates[1]:g} and "
            f"{rates[0]:g}; generalise {counts[1]} against {counts[0]}"
        )
    return Verdict(
        judged(
            all(low > -margin for _, low, _ in differences),
            all(high < 0 for _, _, high in differences),
        ),
        "; ".join(texts),
        "difference of final test accuracies, mean and 95 % interval over seeds, each at the learning "
        "rate that is best for the others",
        seeds_in(rows),
    )


@claim("G5")
def learning_rates(found: ModularEvidence, *, alpha: float) -> Verdict:
    """G5: the best learning rate is an inner one, and large ones beat small ones at equal lr x steps."""
    rows = found.of("adam")
    shares = by_seed(rows, "learning_rate")
    counts = {float(rate): part["generalises"] for rate, part in rows.groupby("learning_rate")}
    best, ends = float(shares.mean().idxmax()), [min(counts), max(counts)]
    inside = best_elsewhere(shares.drop(columns=ends))
    inner = [larger(inside, shares[end]) for end in ends]
    parts = [_sign(best not in ends and max(inner) < alpha, best in ends)]
    text = [
        f"Adam: best at learning rate {best:g}, {count_text(counts[best])}; "
        + ", ".join(f"{count_text(counts[end])} at {end:g}" for end in ends)
    ]
    for optimiser in ("adam", "sgd"):
        names = [f"{optimiser}large", f"{optimiser}small"]
        large, small = (found.of(name).set_index("seed") for name in names)
        often = [larger(*pair) for pair in _both(large["generalises"], small["generalises"])]
        soon = [sooner(*pair) for pair in _both(_flow_time(large), _flow_time(small))]
        parts.append(
            _sign(often[0] < alpha and soon[0] < alpha, often[1] < alpha or soon[1] < alpha)
        )
        text.append(
            f"{optimiser} at equal learning rate x steps: {count_text(large['generalises'])} at "
            f"{large['learning_rate'].iloc[0]:g}, {count_text(small['generalises'])} at "
            f"{small['learning_rate'].iloc[0]:g}, p = {often[0]:.2g} for more often, "
            f"{soon[0]:.2g} for sooner"
        )
    return Verdict(
        judged(min(parts) == 1, max(parts) < 1 and min(parts) == -1),
        "; ".join(text),
        f"permutation tests by seed, one-sided; p = {max(inner):.2g} that the inner rate that is best "
        "for the other seeds beats both ends, weight decays averaged",
        seeds_in(pd.concat([rows, found.of("adamlarge", "sgdlarge")])),
    )


def _sign(agrees: bool, contradicts: bool) -> int:
    return 1 if agrees else -1 if contradicts else 0


def _both(first: pd.Series, second: pd.Series) -> list[tuple[pd.Series, pd.Series]]:
    return [(first, second), (second, first)]


def _flow_time(rows: pd.DataFrame) -> pd.Series:
    """Return learning rate x step of generalisation; runs that do not generalise count as last."""
    return (rows["generalised_step"] * rows["learning_rate"]).fillna(np.inf)


@claim("G6")
def adam_over_sgd(found: ModularEvidence, *, alpha: float) -> Verdict:
    """G6: Adam generalises more often than SGD after as many batches, each at its best setting."""
    maps = {name: found.of(name) for name in ("adam", "sgd", "momentum")}
    best = {
        name: max(cells(part), key=lambda cell: float(cell["generalises"].mean()))
        for name, part in maps.items()
    }
    pair = [by_seed(maps[name]) for name in ("adam", "sgd")]
    p_best = [larger(*order) for order in _both(*(best_elsewhere(table) for table in pair))]
    whole = interval_text((pair[0].mean(axis=1) - pair[1].mean(axis=1)).dropna())
    texts = [
        f"{name}: {count_text(part['generalises'])} at learning rate "
        f"{part['learning_rate'].iloc[0]:g} and decay {part['weight_decay'].iloc[0]:g}, "
        f"{count_text(maps[name]['generalises'])} over its whole map"
        for name, part in best.items()
    ]
    return Verdict(
        judged(p_best[0] < alpha, p_best[1] < alpha),
        "; ".join(texts),
        f"cells that are best for the other seeds, permutation test by seed: p = {p_best[0]:.2g} for "
        f"Adam, {p_best[1]:.2g} for SGD; whole maps: Adam less SGD {whole}, which depends on the "
        "learning rates chosen",
        seeds_in(found.of(*best)),
    )
