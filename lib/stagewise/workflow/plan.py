"""What a configuration asks for: its runs, their sampler settings, and where the stores of each are.

Light: it is read at every start of Snakemake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from stagewise.workflow.runs import Run, expand_runs, followed_runs, own_runs
from stagewise.workflow.studies import OWN, STUDIES


@dataclass(frozen=True)
class Plan:
    """Runs and paths of one checked configuration.

    Parameters
    ----------
    config : mapping
        A configuration that `workflow.config.checked` has passed.
    """

    config: Mapping[str, Any] = field(hash=False)

    @property
    def results(self) -> str:
        """Folder of everything that the preset makes."""
        return f"results/{self.config['preset']}"

    @property
    def studies(self) -> list[str]:
        """Names of the studies, in the order of the report."""
        return [*STUDIES, *([OWN] if OWN in self.config else [])]

    @property
    def studies_with_llc(self) -> list[str]:
        """Names of the studies whose LLC is followed along training."""
        return [name for name in self.studies if "llc" in self.config.get(name, {})]

    @cached_property
    def runs(self) -> dict[tuple[str, str], Run]:
        """Runs by study and name, in the order of the configuration."""
        runs = (*expand_runs(self.config), *followed_runs(self.config), *own_runs(self.config))
        return {(run.study, run.name): run for run in runs}

    @property
    def trained_together(self) -> list[list[Run]]:
        """Runs that one job trains, several of a variant, where there is a GPU for it."""
        if self.config["device"] != "cuda":
            return []
        study, found = self.config["regression"], []
        for variant in study["variants"]:
            own = self.runs_of("regression", variant=variant)
            size = study["seeds_together"]
            found += [own[first : first + size] for first in range(0, len(own), size)]
        return [runs for runs in found if len(runs) > 1]

    @property
    def shown_run(self) -> Run:
        """Run of the regression study that figures of a single run show."""
        return self.runs["regression", f"base-s{self.config['figures']['shown_seed']}"]

    def first_run(self, study: str, variant: str) -> Run:
        """Return the run of a variant's first seed."""
        return self.runs_of(study, variant=variant)[0]

    def runs_of(
        self, study: str, analysis: str | None = None, variant: str | None = None
    ) -> list[Run]:
        """Return the runs of a study; only those for which an analysis is asked, if it is named.

        With a variant, only its runs.
        """
        own = [run for run in self.runs.values() if run.study == study]
        if variant is not None:
            own = [run for run in own if run.variant == variant]
        return [run for run in own if analysis is None or analysis in run.analyses]

    def asked_for(self, analysis: str) -> list[Run]:
        """Return the runs of every study for which an analysis is asked."""
        return [run for run in self.runs.values() if analysis in run.analyses]

    def settings_of(self, run: Run) -> list[str]:
        """Return the names of the sampler settings under which a run's LLC is estimated."""
        wanted = self.config[run.study]["llc"]["settings"].items()
        return [name for name, s in wanted if not s.get("seeds", None) or run.seed in s["seeds"]]

    def compared(self, run: Run) -> list[list[str]]:
        """Return pairs of a run's sampler settings that differ in the loss or in the noise alone."""
        own = self.settings_of(run)
        pairs = [["local", other] for other in ("likelihood", "fresh")]
        return [pair for pair in pairs if set(pair) <= set(own)]

    def curves_of(self, runs: Sequence[Run]) -> list[list[str]]:
        """Return study, run and sampler setting, by name, of each LLC curve of some runs."""
        return [[run.study, run.name, name] for run in runs for name in self.settings_of(run)]

    def stores(self, name: str, runs: Sequence[Run]) -> list[str]:
        """Return the paths of one store of several runs."""
        return [f"{self.results}/{run.study}/{run.name}/{name}" for run in runs]

    def llc_stores(
        self, name: str, runs: Sequence[Run], settings: Sequence[str] | None = None
    ) -> list[str]:
        """Return the paths of one store of several runs, under each of their settings or those given."""
        return [
            f"{self.results}/{run.study}/{run.name}/llc/{setting}/{name}"
            for run in runs
            for setting in settings or self.settings_of(run)
        ]
