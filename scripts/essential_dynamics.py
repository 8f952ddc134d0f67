"""Principal components of one trajectory, read in blocks of features."""

from collections.abc import Iterator

import numpy as np

from stagewise.development.essential_dynamics import essential_dynamics
from stagewise.development.layout import ED
from stagewise.stores.data import identity_with
from stagewise.stores.files import open_store
from stagewise.stores.provenance import provenance
from stagewise.workflow.jobs import job

COLUMNS = 4096  # features a block: at most 5,000 steps x 4,096 features in memory


def main(
    *,
    path_to_trajectory: str,
    path_to_index: str | None,
    path_to_ed: str,
    run: str,
    num_components: int,
    identity: str,
) -> None:
    """Write scores, shares of variance, mean and components."""
    identity = identity_with(identity, path_to_index)
    with open_store(path_to_trajectory, identity) as store:
        outputs = store["outputs"]

        def blocks() -> Iterator[np.ndarray]:
            for start in range(0, outputs.shape[1], COLUMNS):
                yield outputs[:, start : start + COLUMNS]

        ed = essential_dynamics(blocks, store["step"][:], num_components)
    ED.write(path_to_ed, ed, {"run": run, "identity": identity, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_trajectory=snakemake.input.trajectory,
            path_to_index=snakemake.input.get("index"),
            path_to_ed=snakemake.output.ed,
            run=snakemake.wildcards.run,
            num_components=snakemake.params.num_components,
            identity=snakemake.params.identity,
        )
