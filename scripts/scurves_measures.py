"""Measure every curve of the S-curve study."""

import pandas as pd

from stagewise.stores.groups import read_settings
from stagewise.stores.schemas import SCURVE_MEASURES, write_table
from stagewise.studies.scurves.measures import MeasureSettings, measure_setting
from stagewise.workflow.logs import log_to


def main(
    *, paths_to_curves: list[str], path_to_flow: str, path_to_measures: str, settings: dict
) -> None:
    """Write one row a run, in the order of experiments, settings, cases and seeds."""
    constants = MeasureSettings.of(settings)
    flows = read_settings(path_to_flow, "scurves_flow")
    tables = [
        measure_setting(dataset, constants, flows.get(name))
        for path in paths_to_curves
        for name, dataset in read_settings(path, "scurves").items()
    ]
    table = pd.concat(tables, ignore_index=True)
    identity = [name for name in table.columns if name not in SCURVE_MEASURES]
    columns = [*identity, *SCURVE_MEASURES]
    write_table(path_to_measures, table.reindex(columns=columns), "scurves_measures")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_curves=list(snakemake.input.curves),
        path_to_flow=snakemake.input.flow,
        path_to_measures=snakemake.output.measures,
        settings=snakemake.params.settings,
    )
