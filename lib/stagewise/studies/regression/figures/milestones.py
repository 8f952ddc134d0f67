"""Milestones of every seed and sampler setting, and over seeds, against the published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.development.over_seeds import milestones_over_seeds
from stagewise.plots import style
from stagewise.plots.drawn import Drawn

PUBLISHED, OVER_SEEDS = "published result", "over seeds"

_CERTAINTY = ((0.9, "#1a1a1a", "≥ 0.9"), (0.5, "#9a9a9a", "0.5 to 0.9"), (0.0, "#ffffff", "< 0.5"))
_MARKERS = {"plateau": "o", "near-plateau": "s"}
_COLORS = {PUBLISHED: style.ACCENT, OVER_SEEDS: style.SERIES[0]}
_TIMES = ["step", "interval_low", "interval_high"]


def milestone_table(
    tables: Sequence[tuple[pd.DataFrame, pd.DataFrame]], published: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the milestones of all runs and settings, and over the seeds of each, with stage types.

    Parameters
    ----------
    tables : sequence of (milestones, stages)
        Of one run and setting each; a run without milestones still has a stage.
    published : mapping
        ``milestones``, ``num_steps`` and ``types`` of the published result.

    Returns
    -------
    DataFrame
        ``run, setting, kind, step, interval_low, interval_high, probability, types, num_seeds,
        num_all, fraction, fraction_low, fraction_high``, setting by setting, the fractions as
        shares of training. Rows of the run `OVER_SEEDS` are of the sequence of stages that most
        seeds have: `num_seeds` of `num_all`, with intervals over them. A run without milestones has
        one row without a step, and so has a setting in which no two seeds have the same stages.
    """
    kinds = [
        "near-plateau" if before == after else "plateau"
        for before, after in zip(published["types"][:-1], published["types"][1:], strict=True)
    ]
    rows = pd.DataFrame({"step": np.array(published["milestones"], dtype=float), "kind": kinds})
    rows = rows.assign(
        run=PUBLISHED, setting="", types=published["types"], last=published["num_steps"]
    )
    parts, settings = [rows], dict[str, list[tuple[pd.DataFrame, pd.DataFrame]]]()
    for milestones, stages in tables:
        run, setting = stages["run"].iloc[0], stages["setting"].iloc[0]
        if set(milestones["run"]) - {run} or set(milestones["setting"]) - {setting}:
            raise ValueError(f"milestones and stages of {run}, {setting} belong to different runs")
        settings.setdefault(setting, []).append((milestones, stages))
    for setting, own in settings.items():
        for milestones, stages in own:
            found = pd.DataFrame({"step": [np.nan]}) if milestones.empty else milestones
            parts.append(found.assign(run=stages["run"].iloc[0], types=_types(stages)))
            parts[-1] = parts[-1].assign(setting=setting, last=stages["end"].max())
        parts.append(_over_seeds(own).assign(setting=setting, last=own[0][1]["end"].max()))
    columns = ["run", "setting", "kind", *_TIMES, "probability", "types", "num_seeds", "num_all"]
    table = pd.concat([part.reindex(columns=[*columns, "last"]) for part in parts if len(part)])
    table = table.astype(dict.fromkeys([*_TIMES, "probability", "last"], float))
    for name in _TIMES:
        share = name.replace("step", "fraction").replace("interval", "fraction")
        table[share] = table[name] / table["last"]
    return table.drop(columns="last").reset_index(drop=True)


def _types(stages: pd.DataFrame) -> str:
    return "".join(stages["type"])


def _over_seeds(own: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> pd.DataFrame:
    """Return the milestones over seeds of one setting, of the sequence that most seeds have."""
    sequences = [_types(stages) for _, stages in own]
    most = max(sequences, key=sequences.count)
    alike = sequences.count(most)
    found = milestones_over_seeds([milestones for milestones, _ in own], sequences)
    found = found[(found["sequence"] == most) & (alike > 1)]
    if found.empty:
        found = pd.DataFrame({"step": [np.nan]})
    types = most if alike > 1 else ""
    return found.assign(run=OVER_SEEDS, types=types, num_seeds=alike, num_all=len(own))


@style.context()
def draw(
    *,
    milestones: Mapping[str, pd.DataFrame],
    stages: Mapping[str, pd.DataFrame],
    published: Mapping[str, Any],
) -> Drawn:
    """Draw one row a run and setting, and one over seeds: milestones with 95 % intervals, and stages.

    Parameters
    ----------
    milestones, stages : mapping of str to DataFrame
        Of every run and setting, by the same keys.
    published : mapping
        As `milestone_table`; drawn at the same share of training.

    Returns
    -------
    Drawn
        The table of `milestone_table` is the data.
    """
    pairs = [(milestones[curve], stages[curve]) for curve in stages]
    table = milestone_table(pairs, published)
    stages_of = {(own["setting"].iloc[0], own["run"].iloc[0]): own for own in stages.values()}
    last = max(float(own["end"].max()) for own in stages.values())
    groups = list(table.groupby(["setting", "run"], sort=False))
    figure = style.new_figure(style.FULL_WIDTH, 1.6 + 0.2 * len(groups))
    ax = figure.subplots()
    style.log_step_axis(ax, last)
    for place, ((setting, run), rows) in enumerate(groups):
        if place and setting != groups[place - 1][0][0]:
            ax.axhline(place - 0.5, color=style.MUTED, linewidth=0.5)
        known = [
            own
            for (name, one), own in stages_of.items()
            if name == setting and run in (one, OVER_SEEDS)
        ]
        strength = min([style.stage_strength(own) for own in known], default=1.0)
        for _, row in rows.iterrows():
            _milestone(ax, place, row, last, strength)
        ax.text(
            1.01,
            place,
            " ".join(rows["types"].iloc[0]),
            transform=ax.get_yaxis_transform(),
            va="center",
        )
        if rows["step"].isna().all():
            _say(ax, place, _absent(rows.iloc[0]))
    for fraction in table.loc[table["run"] == PUBLISHED, "fraction"]:
        ax.axvline(
            fraction * last, color=style.ACCENT, linewidth=0.6, linestyle=(0, (3, 2)), zorder=0
        )
    ax.text(1.01, -0.75, "stages", transform=ax.get_yaxis_transform(), va="center", style="italic")
    ax.set_yticks(range(len(groups)), [_named(rows.iloc[0], stages_of) for _, rows in groups])
    ax.set_ylim(len(groups) - 0.4, -0.6)
    ax.set_ylabel("Run, setting")
    _shares_above(ax, last)
    style.bottom_legend(figure, _handles(), columns=4)
    return Drawn(figure, table)


def _shares_above(ax: Axes, last: float) -> None:
    """Add an axis of shares of training at the top."""

    def share(step: Any) -> Any:
        return step / last

    def step(share: Any) -> Any:
        return share * last

    ax.secondary_xaxis("top", functions=(share, step)).set_xlabel("Share of training t / T")


def _say(ax: Axes, place: int, text: str) -> None:
    ax.text(
        0.01,
        place,
        text,
        transform=ax.get_yaxis_transform(),
        va="center",
        style="italic",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def _absent(row: pd.Series) -> str:
    """Say why a row has no milestone."""
    if row["run"] != OVER_SEEDS or row["num_seeds"] > 1:
        return "no milestones found"
    return "one seed: no interval" if row["num_all"] == 1 else "no two seeds with the same stages"


def _named(row: pd.Series, stages_of: Mapping[tuple[str, str], pd.DataFrame]) -> str:
    """Return what stands before a row: its run and setting, and why it is pale if it is."""
    parts = [str(part) for part in (row["run"], row["setting"]) if part]
    if row["run"] == OVER_SEEDS and row["num_seeds"] > 1:
        parts.append(f"{row['num_seeds']:.0f} of {row['num_all']:.0f}")
    stages = stages_of.get((row["setting"], row["run"]))
    pale = [] if stages is None else style.soundness_handles(stages)
    return "; ".join([", ".join(parts), *(str(one.get_label()) for one in pale)])


def _milestone(ax: Axes, place: int, row: pd.Series, last: float, strength: float) -> None:
    """Draw one milestone, at its share of training where that is `last` steps long."""
    if not np.isfinite(row["step"]):
        return
    edge = face = _COLORS.get(row["run"], style.MAIN)
    if row["run"] not in _COLORS:
        face = next(color for least, color, _ in _CERTAINTY if row["probability"] >= least)
    face, edge = style.paler(face, strength), style.paler(edge, strength)
    ax.plot(
        [row["fraction_low"] * last, row["fraction_high"] * last],
        [place, place],
        color=edge,
        linewidth=1.6 if row["run"] == OVER_SEEDS else 0.9,
        zorder=2,
    )
    ax.plot(
        row["fraction"] * last,
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
        dot("o", _COLORS[OVER_SEEDS], _COLORS[OVER_SEEDS], "mean over seeds, 95 %"),
        dot("o", style.ACCENT, style.ACCENT, "published, at the same share"),
    ]
