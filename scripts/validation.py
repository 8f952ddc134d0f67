"""Estimate every model of known learning coefficient."""

from typing import Any

import torch

from stagewise.core.seeding import StreamKey
from stagewise.exact.layout import VALIDATION
from stagewise.exact.settings import ValidationSettings
from stagewise.exact.suite import validate
from stagewise.workflow.jobs import job


def main(*, path_to_table: str, settings: dict[str, Any], root_seed: int) -> None:
    """Write one row a case."""
    torch.set_num_threads(1)  # the models are small: more threads only cost
    table = validate(ValidationSettings(**settings), StreamKey(root_seed, ("validation",)))
    VALIDATION.write(path_to_table, table)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_table=snakemake.output.table,
            settings=snakemake.params.settings,
            root_seed=snakemake.params.root_seed,
        )
