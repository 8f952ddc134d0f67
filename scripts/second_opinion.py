"""Sample small models by SGLD and by Hamiltonian Monte Carlo."""

from typing import Any

import torch

from lib.logs import log_to
from lib.schemas import write_table
from lib.second_opinion import Settings, second_opinion
from lib.seeding import StreamKey


def main(*, path_to_table: str, settings: dict[str, Any], root_seed: int) -> None:
    """Write one row a case."""
    torch.set_num_threads(1)  # the models are small: more threads only cost
    table = second_opinion(Settings(**settings), StreamKey(root_seed, ("second-opinion",)))
    write_table(path_to_table, table, "second_opinion")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_table=snakemake.output.table,
        settings=snakemake.params.settings,
        root_seed=snakemake.params.root_seed,
    )
