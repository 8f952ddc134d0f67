"""Choose sampler settings from a sweep and write them as a fragment of the configuration."""

import logging

from stagewise.llc.calibration_choice import config_fragment, ranked_cells, warnings_on
from stagewise.llc.layout import CALIBRATION
from stagewise.stores.files import read_dataset, write_text
from stagewise.workflow.jobs import job

logger = logging.getLogger(__name__)


def main(
    *,
    path_to_sweep: str,
    path_to_table: str,
    path_to_fragment: str,
    max_change: float,
    nested: list,
    names: dict,
) -> None:
    """Rank all cells; warn of what is wrong with the best one."""
    sweep = read_dataset(path_to_sweep)
    ranked = ranked_cells(sweep, max_change)
    best = ranked.iloc[0].to_dict()
    for sentence in warnings_on(best, sweep, max_change):
        logger.warning(sentence)
    CALIBRATION.write(path_to_table, ranked)
    fragment = config_fragment(best, sweep, max_change, nested=nested, names=names)
    write_text(path_to_fragment, fragment)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_sweep=snakemake.input.sweep,
            path_to_table=snakemake.output.table,
            path_to_fragment=snakemake.output.fragment,
            max_change=snakemake.params.max_change,
            nested=snakemake.params.nested,
            names=snakemake.params.names,
        )
