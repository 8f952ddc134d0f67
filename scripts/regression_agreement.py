"""Compare the LLC curves of a run in pairs of sampler settings."""

from stagewise.llc.agreement import agreement_table
from stagewise.llc.layout import AGREEMENT, LLC
from stagewise.workflow.jobs import job


def main(
    *,
    paths_to_llc: dict[str, str],
    path_to_agreement: str,
    run: str,
    pairs: list[list[str]],
    seed: int,
) -> None:
    """Write a row a pair; estimates come by sampler setting."""
    curves = {setting: LLC.read(path) for setting, path in paths_to_llc.items()}
    AGREEMENT.write(path_to_agreement, agreement_table(run, curves, pairs, seed))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths_to_llc=dict(snakemake.input.items()),
            path_to_agreement=snakemake.output.agreement,
            run=snakemake.wildcards.run,
            pairs=snakemake.params.pairs,
            seed=snakemake.params.root_seed,
        )
