"""The figures of the study of S-curves; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from stagewise.plots.registry import Figure, Input

_MEASURES = Input("scurves/measures.csv", "studies.scurves.layout:MEASURES")
_FLOW = Input("scurves/flow.nc", "studies.scurves.layout:FLOW", groups=True)
_SHOWN_SEED = {"shown_seed": "scurves.shown_seed"}


def _curves(*experiments: str) -> Input:
    """Return the curves of experiments, by setting."""
    paths = tuple(f"scurves/{name}/curves.nc" for name in experiments)
    return Input(paths, "studies.scurves.layout:CURVES", groups=True)


FIGURES: Mapping[str, Figure] = {
    "s01_one_component": Figure(inputs={"curves": _curves("linear"), "measures": _MEASURES}),
    "s02_rank_one": Figure(
        inputs={"curves": _curves("lowrank"), "flow": _FLOW, "measures": _MEASURES},
        settings=_SHOWN_SEED,
    ),
    "s03_ranks_two_and_four": Figure(
        inputs={"curves": _curves("lowrank"), "measures": _MEASURES},
        settings={**_SHOWN_SEED, "bump_prominence": "scurves.measures.bump_prominence"},
    ),
    "s04_rank_ten": Figure(
        inputs={"curves": _curves("lowrank"), "measures": _MEASURES}, settings=_SHOWN_SEED
    ),
    "s05_full_rank_tail": Figure(
        inputs={"curves": _curves("lowrank", "tail"), "measures": _MEASURES}, settings=_SHOWN_SEED
    ),
    "s06_attention_head": Figure(
        inputs={"curves": _curves("attention"), "measures": _MEASURES}, settings=_SHOWN_SEED
    ),
    "s07_adam": Figure(
        inputs={"curves": _curves("adam", "fullrank")},
        settings=_SHOWN_SEED,
        constants={
            "labels": {
                "adam2": "Adam, rank 2",
                "adam10": "Adam, rank 10",
                "adamfull": "Adam, full rank",
            },
            "logarithmic": False,
        },
        module="studies.scurves.figures.stacked",
    ),
    "s08_weight_decay": Figure(
        inputs={"curves": _curves("variants")},
        constants={
            "labels": {"decay1": r"$\lambda$ = {decay:g}"},
            "logarithmic": False,
            "last": 300.0,
        },
        module="studies.scurves.figures.compared",
    ),
    "s09_adamw": Figure(
        inputs={"curves": _curves("variants")},
        constants={
            "labels": {"slow1": "gradient descent", "adamw1": "AdamW"},
            "logarithmic": True,
            "last": None,
        },
        module="studies.scurves.figures.compared",
    ),
    "s10_cross_entropy": Figure(
        inputs={"curves": _curves("entropy")},
        settings=_SHOWN_SEED,
        constants={
            "labels": {
                "entropy2": "cross-entropy, rank 2",
                "entropy10": "cross-entropy, rank 10",
                "entropyfull": "cross-entropy, full rank",
            },
            "logarithmic": True,
        },
        module="studies.scurves.figures.stacked",
    ),
    "s11_plateau_lengths": Figure(inputs={"measures": _MEASURES}),
    "s12_bumps": Figure(
        inputs={
            "measures": _MEASURES,
            "contrasts": Input("scurves/contrasts.csv", "studies.scurves.layout:CONTRASTS"),
        },
    ),
    "s13_self_term": Figure(inputs={"curves": _curves("lowrank", "variants")}),
}
