"""The figures that a configuration asks for: files, code and settings of every one of them.

Read whenever the workflow is parsed: standard library and light modules only.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from stagewise.plots.registry import PLACEHOLDER, Figure, Input, plain_name
from stagewise.workflow.plan import Plan
from stagewise.workflow.studies import OWN, TITLED

REGISTRIES: Mapping[str, Mapping[str, Figure]] = {
    study: import_module(f"stagewise.studies.{study}.figures.registry").FIGURES for study in TITLED
}
"""Figures by study, in the order of the report."""

CALIBRATED = ("rrr", "transformer", "modular")
"""Models on which sampler settings are swept."""

OF_RUNS = ("llc_runs", "finite_task_runs", "regression_curve", "modular_llc_runs")
"""Placeholders that stand for runs of one kind, of which a figure shows those that there are."""

Selection = str | Mapping[str, str]
"""What a placeholder stands for: one name, or several by the key under which they are read."""


class FigureError(ValueError):
    """A figure is not known, or its registry cannot be used; the message names it and the remedy."""


@dataclass(frozen=True)
class PlannedFigure:
    """A figure with all that a configuration says of it.

    Parameters
    ----------
    study, name : str
    caption : str
        Path of the caption from the root of the project.
    bound : dict of str to str
        What the placeholder in the figure's name stands for.
    module : str
        Module below ``stagewise`` that draws it.
    inputs : dict of str to list of str
        Paths by keyword.
    reading : dict of str to dict
        How each is read; see `stores.inputs.read_inputs`.
    values : dict of str to Any
        What else the drawing function is told.
    """

    study: str
    name: str
    caption: str
    bound: dict[str, str]
    module: str
    inputs: dict[str, list[str]]
    reading: dict[str, dict[str, Any]]
    values: dict[str, Any]

    @property
    def modules(self) -> list[str]:
        """Modules that its job imports by name."""
        layouts = {how["layout"].partition(":")[0] for how in self.reading.values()}
        return [f"stagewise.{name}" for name in (self.module, *sorted(layouts))]


class FigurePlan:
    """The figures of every study under one configuration.

    Parameters
    ----------
    plan : Plan
        Runs and paths of the configuration.
    registries : mapping of str to mapping of str to Figure, optional
        Figures by study.

    Raises
    ------
    FigureError
        If a registry names a placeholder or a setting that there is not.
    """

    def __init__(
        self, plan: Plan, registries: Mapping[str, Mapping[str, Figure]] = REGISTRIES
    ) -> None:
        chosen, values = selections(plan), derived_values(plan)
        self.folder = f"{plan.results}/figures"
        self._figures = {
            (study, planned.name): planned
            for study, registry in registries.items()
            for name, figure in registry.items()
            for planned in _planned(study, name, figure, plan, chosen, values)
        }

    def __iter__(self) -> Iterator[PlannedFigure]:
        """Iterate over all figures, study by study in the order of their registries."""
        return iter(self._figures.values())

    def files(self, ending: str) -> list[str]:
        """Return the paths of all figures with one ending."""
        return [f"{self.folder}/{one.study}/{one.name}.{ending}" for one in self]

    def figure(self, study: str, name: str) -> PlannedFigure:
        """Return one figure.

        Raises
        ------
        FigureError
            If the study has no figure of this name.
        """
        if (study, name) in self._figures:
            return self._figures[study, name]
        known = [own for where, own in self._figures if where == study]
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known) or 'none'}"
        raise FigureError(f"the study {study!r} has no figure {name!r}; {hint}")


def selections(plan: Plan) -> dict[str, Selection]:
    """Return what the placeholders of registries stand for under a configuration."""
    samplers = plan.config["regression"]["llc"]["settings"]
    common = [name for name, setting in samplers.items() if setting["seeds"] is None]
    with_llc = plan.runs_of("regression", "llc", variant="base")
    on_tasks = plan.runs_of("regression", "metrics", variant="tasks16")
    own = list(plan.config[OWN]["llc"]["settings"]) if OWN in plan.config else []
    first = {depth: plan.first_run("language", depth).name for depth in ("twolayers", "onelayer")}
    return {
        "shown_run": plan.shown_run.name,
        "llc_runs": {run.name: run.name for run in with_llc},
        "finite_task_runs": {run.name: run.name for run in on_tasks},
        "common_setting": {name: name for name in common},
        "first_common_setting": common[0],
        "regression_curve": {
            f"{run}, {name}": f"{study}/{run}/llc/{name}"
            for study, run, name in plan.curves_of(with_llc)
        },
        "modular_llc_runs": {run.name: run.name for run in plan.runs_of("modular", "llc")},
        "two_layers": first["twolayers"],
        "one_layer": first["onelayer"],
        "depth": first,
        "only_one_layer": {"onelayer": first["onelayer"]},
        "language_setting": {name: name for name in ("published", "local")},
        "calibrated_model": {name: name for name in CALIBRATED},
        "own_run": {run.name: run.name for run in plan.runs_of(OWN)},
        "own_setting": {name: name for name in own},
        "first_own_setting": next(iter(own), ""),
    }


def derived_values(plan: Plan) -> dict[str, Any]:
    """Return the values that figures are told and that no single key of a configuration holds."""
    tasks = {run.variant: run.settings["task"] for run in plan.runs_of("regression")}
    share = plan.config["language"]["training"]["repeated_share"]
    remark = f"Trained with {100 * share:.0f} % of rows that repeat a passage" if share else ""
    return {
        "shown_run": plan.shown_run.name,
        "noise_variance": tasks["base"]["noise_variance"],
        "task_dimension": tasks["base"]["dimension"],
        "num_finite_tasks": tasks.get("tasks16", {}).get("num_tasks"),
        "language_remark": remark,
    }


def _planned(
    study: str,
    name: str,
    figure: Figure,
    plan: Plan,
    chosen: Mapping[str, Selection],
    values: Mapping[str, Any],
) -> Iterator[PlannedFigure]:
    """Yield the figures that an entry of a registry stands for."""
    plain = plain_name(name)
    for bound in _choices(PLACEHOLDER.findall(name), chosen, name):
        names = {key: path for key, (_, path) in bound.items()}
        found = {
            keyword: _resolved(wanted, {**chosen, **names}, name)
            for keyword, wanted in figure.inputs.items()
        }
        told = {
            word: _value(key, values, plan.config, name) for word, key in figure.settings.items()
        }
        yield PlannedFigure(
            study=study,
            name=PLACEHOLDER.sub(lambda match: names[match[1]], name),  # noqa: B023
            caption=f"report/{study}/{plain}.rst",
            bound=names,
            module=figure.module or f"studies.{study}.figures.{plain}",
            inputs={k: [f"{plan.results}/{path}" for path, _ in own] for k, own in found.items()},
            reading={
                keyword: {
                    "layout": figure.inputs[keyword].layout,
                    "keys": [list(keys) for _, keys in own],
                    "groups": figure.inputs[keyword].groups,
                    "several": any(
                        f"{{{word}}}" in figure.inputs[keyword].paths[0] for word in OF_RUNS
                    ),
                }
                for keyword, own in found.items()
            },
            values={**told, **figure.constants},
        )


def _choices(
    placeholders: Sequence[str], chosen: Mapping[str, Selection], name: str
) -> Iterator[dict[str, tuple[tuple[str, ...], str]]]:
    """Yield every choice of what placeholders stand for: keys and the name in the path of each."""
    options: list[list[tuple[tuple[str, ...], str]]] = []
    for placeholder in placeholders:
        if placeholder not in chosen:
            raise FigureError(
                f"the figure {name!r} names {{{placeholder}}}, which workflow.figures.selections does "
                f"not have; it has {', '.join(chosen)}"
            )
        one = chosen[placeholder]
        if isinstance(one, str):
            options.append([((), one)])
        else:
            options.append([((key,), path) for key, path in one.items()])
    for choice in itertools.product(*options):
        yield dict(zip(placeholders, choice, strict=True))


def _resolved(
    wanted: Input, chosen: Mapping[str, Selection], name: str
) -> list[tuple[str, tuple[str, ...]]]:
    """Return the paths of an input with their keys in nested mappings."""
    return [
        (
            path.format_map({key: part for key, (_, part) in choice.items()}),
            tuple(itertools.chain.from_iterable(keys for keys, _ in choice.values())),
        )
        for path in wanted.paths
        for choice in _choices(PLACEHOLDER.findall(path), chosen, name)
    ]


def _value(key: str, values: Mapping[str, Any], config: Mapping[str, Any], name: str) -> Any:
    """Return a derived value, or what a configuration has under a dotted key."""
    if key in values:
        return values[key]
    found: Any = config
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise FigureError(
                f"the figure {name!r} asks for the setting {key!r}, which is no key of the "
                "configuration and not in workflow.figures.derived_values"
            )
        found = found[part]
    return found
