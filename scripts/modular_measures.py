"""Measure every run of the modular-addition study."""

import pandas as pd

from stagewise.stores.checkpoints import read_checkpoints
from stagewise.stores.groups import read_groups
from stagewise.studies.modular.layout import CURVES, RUNS
from stagewise.studies.modular.measures import measure_setting
from stagewise.studies.modular.program import Setting, study_key
from stagewise.studies.modular.thresholds import MeasureSettings
from stagewise.workflow.jobs import job


def main(
    *,
    paths_to_curves: list[str],
    paths_to_checkpoints: list[str],
    path_to_runs: str,
    settings: dict,
    measures: dict,
    root_seed: int,
) -> None:
    """Write one row a run, in the order of experiments, settings and replicas."""
    constants, key = MeasureSettings(**measures), study_key(root_seed)
    tables = []
    paths = zip(settings, paths_to_curves, paths_to_checkpoints, strict=True)
    for experiment, path_to_curves, path_to_checkpoints in paths:
        for name, curves in read_groups(path_to_curves, CURVES).items():
            setting = Setting.of(name, settings[experiment][name])
            identity = curves.attrs["identity"]
            checkpoints = read_checkpoints(path_to_checkpoints, identity, name)
            table = measure_setting(setting, curves, checkpoints, constants, key)
            tables.append(table.assign(experiment=experiment))
    RUNS.write(path_to_runs, pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths_to_curves=list(snakemake.input.curves),
            paths_to_checkpoints=list(snakemake.input.checkpoints),
            path_to_runs=snakemake.output.runs,
            settings=snakemake.params.settings,
            measures=snakemake.params.measures,
            root_seed=snakemake.params.root_seed,
        )
