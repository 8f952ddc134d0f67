"""Milestones of every seed and sampler setting against the published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn

PUBLISHED = "published result"

_CERTAINTY = ((0.9, "#1a1a1a", "≥ 0.9"), (0.5, "#9a9a9a", "0.5 to 0.9"), (0.0, "#ffffff", "< 0.5"))
_MARKERS = {"plateau": "o", "near-plateau": "s"}
_COLUMNS = ["step", "interval_low", "interval_high"]


def milestone_table(
    tables: Sequence[tuple[pd.DataFrame, pd.DataFrame]], published: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the milestones of all runs and settings as shares of training, with stage types.

    Parameters
    ----------
    tables : sequence of (milestones, stages)
        Of one run and setting each; a run without milestones still has a stage.
    published : mapping
        ``milestones``, ``num_steps`` and ``types`` of the published result.

    Returns
    -------
    DataFrame
        ``run, setting, kind, step, interval_low, interval_high, probability, fraction,
        fraction_low, fraction_high, types``, setting by setting; a run without milestones has one
        row without a step.
    """
    kinds = [
        "near-plateau" if before == after else "plateau"
        for before, after in zip(published["types"][:-1], published["types"][1:], strict=True)
    ]
    rows = pd.DataFrame({"step": np.array(published["milestones"], dtype=float), "kind": kinds})
    rows = rows.assign(
        run=PUBLISHED, setting="", types=published["types"], last=published["num_steps"]
    )
    parts = [rows]
    for milestones, stages in tables:
        run, setting = stages["run"].iloc[0], stages["setting"].iloc[0]
        if set(milestones["run"]) - {run} or set(milestones["setting"]) - {setting}:
            raise ValueError(f"milestones and stages of {run}, {setting} belong to different runs")
        if milestones.empty:
            milestones = pd.DataFrame({"step": [np.nan]})
        parts.append(
            milestones.assign(
                run=run, setting=setting, types="".join(stages["type"]), last=stages["end"].max()
            )
        )
    columns = ["run", "setting", "kind", *_COLUMNS, "probability", "types", "last"]
    table = pd.concat([part.reindex(columns=columns) for part in parts if len(part)])
    table = table.astype(dict.fromkeys([*_COLUMNS, "probability", "last"], float))
    for name in _COLUMNS:
        table[name.replace("step", "fraction").replace("interval", "fraction")] = (
            table[name] / table["last"]
        )
    order = {setting: place for place, setting in enumerate(table["setting"].unique())}
    table = table.sort_values("setting", key=lambda names: names.map(order), kind="stable")
    return table.drop(columns="last").reset_index(drop=True)


@style.context()
def draw(
    *,
    milestones: Mapping[str, pd.DataFrame],
    stages: Mapping[str, pd.DataFrame],
    published: Mapping[str, Any],
) -> Drawn:
    """Draw one row a run and setting: milestones with 95 % intervals, and the sequence of stages.

    Parameters
    ----------
    milestones, stages : mapping of str to DataFrame
        Of every run and setting, by the same keys.
    published : mapping
        As `milestone_table`.

    Returns
    -------
    Drawn
        The table of `milestone_table` is the data.
    """
    pairs = [(milestones[curve], stages[curve]) for curve in stages]
    table = milestone_table(pairs, published)
    stages_of = {(own["setting"].iloc[0], own["run"].iloc[0]): own for own in stages.values()}
    groups = list(table.groupby(["setting", "run"], sort=False))
    figure = style.new_figure(style.FULL_WIDTH, 1.3 + 0.24 * len(groups))
    ax = figure.subplots()
    low = (
        np.nanmin(table[["fraction", "fraction_low"]].to_numpy(dtype=float)) if len(table) else 1e-3
    )
    ax.set_xscale("log")
    ax.set_xlim(min(low if low > 0 else 1e-4, 1e-3) / 1.5, 1.0)
    for place, ((setting, run), rows) in enumerate(groups):
        if place and setting != groups[place - 1][0][0]:
            ax.axhline(place - 0.5, color=style.MUTED, linewidth=0.5)
        known = stages_of.get((setting, run))
        strength = 1.0 if known is None else style.stage_strength(known)
        for _, row in rows.iterrows():
            _milestone(ax, place, row, strength)
        ax.text(
            1.01,
            place,
            " ".join(rows["types"].iloc[0]),
            transform=ax.get_yaxis_transform(),
            va="center",
        )
        if rows["step"].isna().all():
            ax.text(
                0.01,
                place,
                "no milestones found",
                transform=ax.get_yaxis_transform(),
                va="center",
                style="italic",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
    for fraction in table.loc[table["run"] == PUBLISHED, "fraction"]:
        ax.axvline(fraction, color=style.ACCENT, linewidth=0.6, linestyle=(0, (3, 2)), zorder=0)
    ax.text(1.01, -0.75, "stages", transform=ax.get_yaxis_transform(), va="center", style="italic")
    ax.set_yticks(
        range(len(groups)),
        [_named(str(key[1]), str(key[0]), stages_of.get(key)) for key, _ in groups],
    )
    ax.set_ylim(len(groups) - 0.4, -0.6)
    ax.set_xlabel("Share of training t / T (log scale)")
    ax.set_ylabel("Run, setting")
    style.bottom_legend(figure, _handles(), columns=6)
    return Drawn(figure, table)


def _named(run: str, setting: str, stages: pd.DataFrame | None) -> str:
    """Return what stands before a row: its run and setting, and why it is pale if it is."""
    pale = (
        [] if stages is None else [str(one.get_label()) for one in style.soundness_handles(stages)]
    )
    return "; ".join([f"{run}, {setting}" if setting else run, *pale])


def _milestone(ax: Any, place: int, row: pd.Series, strength: float) -> None:
    if not np.isfinite(row["step"]):
        return
    shown = row["run"] == PUBLISHED
    face = (
        style.ACCENT
        if shown
        else next(color for least, color, _ in _CERTAINTY if row["probability"] >= least)
    )
    edge = style.ACCENT if shown else style.MAIN
    face, edge = style.paler(face, strength), style.paler(edge, strength)
    ax.plot(
        [row["fraction_low"], row["fraction_high"]],
        [place, place],
        color=edge,
        linewidth=0.9,
        zorder=2,
    )
    ax.plot(
        row["fraction"],
        place,
        _MARKERS[row["kind"]],
        markerfacecolor=face,
        markeredgecolor=edge,
        markersize=4.5,
        zorder=3,
    )


def _handles() -> list[Artist]:
    def dot(marker: str, face: str, edge: str, label: str) -> Line2D:
        return Line2D(
            [],
            [],
            marker=marker,
            linestyle="",
            markerfacecolor=face,
            markeredgecolor=edge,
            markersize=4.5,
            label=label,
        )

    return [
        dot("o", "none", style.MAIN, "LLC turns"),
        dot("s", "none", style.MAIN, "LLC pauses"),
        *[dot("o", face, style.MAIN, f"probability {name}") for _, face, name in _CERTAINTY],
        dot("o", style.ACCENT, style.ACCENT, "published"),
    ]
