"""Divide the growth of every learned Fourier mode into phases, and compare its speed with its size."""

from stagewise.stores.groups import read_groups
from stagewise.studies.modular.layout import GROWTH, MODES
from stagewise.studies.modular.mode_growth import growth_table
from stagewise.workflow.jobs import job


def main(*, path_to_modes: str, path_to_growth: str, until: float) -> None:
    """Write a row a learned mode."""
    GROWTH.write(path_to_growth, growth_table(read_groups(path_to_modes, MODES), until))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_modes=snakemake.input.modes,
            path_to_growth=snakemake.output.growth,
            until=snakemake.params.until,
        )
