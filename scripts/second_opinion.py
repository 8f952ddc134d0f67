"""Sample small models by SGLD and by Hamiltonian Monte Carlo."""

from typing import Any

import torch

from stagewise.core.seeding import StreamKey
from stagewise.exact.layout import SECOND_OPINION
from stagewise.exact.second_opinion import second_opinion
from stagewise.exact.settings import SecondOpinionSettings
from stagewise.workflow.jobs import job


def main(*, path_to_table: str, settings: dict[str, Any], root_seed: int) -> None:
    """Write one row a case."""
    torch.set_num_threads(1)  # the models are small: more threads only cost
    table = second_opinion(
        SecondOpinionSettings(**settings), StreamKey(root_seed, ("second-opinion",))
    )
    SECOND_OPINION.write(path_to_table, table)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_table=snakemake.output.table,
            settings=snakemake.params.settings,
            root_seed=snakemake.params.root_seed,
        )
