"""Claims on optimisers, learning rates and regularisation: G3 to G6."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import Verdict, judged
from stagewise.core.intervals import mean_interval, share_interval
from stagewise.studies.modular.claims.evidence import ModularEvidence
from stagewise.studies.modular.claims.support import (
    cells,
    count_text,
    interval_text,
    more_often,
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
    for free, frozen in (("free", "frozen"), ("freemore", "frozenmore")):
        best = [_best_by_accuracy(found.of(name)) for name in (free, frozen)]
        paired = pd.concat([part.set_index("seed")["test_accuracy"] for part in best], axis=1)
        difference = (paired.iloc[:, 1] - paired.iloc[:, 0]).dropna().to_numpy()
        differences.append(mean_interval(difference))
        rates = [part["learning_rate"].iloc[0] for part in best]
        texts.append(
            f"{best[0]['train_fraction'].iloc[0]:g} of pairs: frozen less free "
            f"{interval_text(difference)} at their best learning rates {rates[1]:g} and "
            f"{rates[0]:g}; generalise {count_text(best[1]['generalises'])} against "
            f"{count_text(best[0]['generalises'])}"
        )
    return Verdict(
        judged(
            all(low > -margin for _, low, _ in differences),
            all(high < 0 for _, _, high in differences),
        ),
        "; ".join(texts),
        "difference of final test accuracies, mean and 95 % interval over seeds",
        seeds_in(rows),
    )


def _best_by_accuracy(rows: pd.DataFrame) -> pd.DataFrame:
    return max(cells(rows), key=lambda part: float(part["test_accuracy"].fillna(0).mean()))


@claim("G5")
def learning_rates(found: ModularEvidence, *, alpha: float) -> Verdict:
    """G5: the best learning rate is an inner one, and large ones beat small ones at equal lr x steps."""
    rows = found.of("adam")
    rates = {float(rate): part["generalises"] for rate, part in rows.groupby("learning_rate")}
    best = max(rates, key=lambda rate: float(rates[rate].mean()))
    ends = [min(rates), max(rates)]
    inner = [2 * more_often(rates[best], rates[end]) for end in ends]
    parts = [_sign(best not in ends and max(inner) < alpha, best in ends)]
    text = [
        f"Adam: best at learning rate {best:g}, {count_text(rates[best])}; "
        + ", ".join(f"{count_text(rates[end])} at {end:g}" for end in ends)
    ]
    for optimiser in ("adam", "sgd"):
        names = [f"{optimiser}large", f"{optimiser}small"]
        large, small = (found.of(name) for name in names)
        often = [more_often(*pair) for pair in _both(large["generalises"], small["generalises"])]
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
        f"exact and rank tests, one-sided; p = {max(inner):.2g} that the best beats both ends; "
        "all weight decays of Adam together",
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
    best = {
        name: max(cells(found.of(name)), key=lambda part: float(part["generalises"].mean()))
        for name in ("adam", "sgd", "momentum")
    }
    whole = {name: found.of(name)["generalises"] for name in best}
    p_best = [
        more_often(*pair) for pair in _both(best["adam"]["generalises"], best["sgd"]["generalises"])
    ]
    _, low, high = _share_difference(whole["adam"], whole["sgd"])
    texts = [
        f"{name}: {count_text(part['generalises'])} at learning rate "
        f"{part['learning_rate'].iloc[0]:g} and decay {part['weight_decay'].iloc[0]:g}, "
        f"{count_text(whole[name])} over its whole map"
        for name, part in best.items()
    ]
    return Verdict(
        judged(p_best[0] < alpha, p_best[1] < alpha),
        "; ".join(texts),
        f"best cells: p = {p_best[0]:.2g} for Adam, {p_best[1]:.2g} for SGD; whole maps: difference "
        f"[{low:.2f}, {high:.2f}], which depends on the learning rates chosen",
        seeds_in(found.of(*best)),
    )


def _share_difference(first: pd.Series, second: pd.Series) -> tuple[float, float, float]:
    """Return the difference of two shares with its 95 % interval (Newcombe 1998, method 10)."""
    shares = [float(flags.mean()) for flags in (first, second)]
    bounds = [share_interval(int(flags.sum()), len(flags)) for flags in (first, second)]
    difference = shares[0] - shares[1]
    below = np.hypot(shares[0] - bounds[0][0], bounds[1][1] - shares[1])
    above = np.hypot(bounds[0][1] - shares[0], shares[1] - bounds[1][0])
    return difference, float(difference - below), float(difference + above)
