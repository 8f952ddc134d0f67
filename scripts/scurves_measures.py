"""Measure every curve of the S-curve study."""

import pandas as pd

from stagewise.stores.groups import read_groups
from stagewise.studies.scurves.layout import CURVES, FLOW, MEASURED, MEASURES
from stagewise.studies.scurves.measures import measure_setting
from stagewise.studies.scurves.thresholds import MeasureSettings
from stagewise.workflow.jobs import job


def main(
    *, paths_to_curves: list[str], path_to_flow: str, path_to_measures: str, settings: dict
) -> None:
    """Write one row a run, in the order of experiments, settings, cases and seeds."""
    constants = MeasureSettings(**settings)
    flows = read_groups(path_to_flow, FLOW)
    tables = [
        measure_setting(dataset, constants, flows.get(name))
        for path in paths_to_curves
        for name, dataset in read_groups(path, CURVES).items()
    ]
    table = pd.concat(tables, ignore_index=True)
    identity = [name for name in table.columns if name not in MEASURED]
    columns = [*identity, *MEASURED]
    MEASURES.write(path_to_measures, table.reindex(columns=columns))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths_to_curves=list(snakemake.input.curves),
            path_to_flow=snakemake.input.flow,
            path_to_measures=snakemake.output.measures,
            settings=snakemake.params.settings,
        )
