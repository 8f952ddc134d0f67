"""Join the LLC shards of one run in the order of time and judge every estimate."""

from stagewise.llc.along import gathered
from stagewise.llc.layout import LLC, LLC_SHARD, SUMMARY
from stagewise.llc.table import summary_table
from stagewise.stores.provenance import provenance
from stagewise.workflow.jobs import job


def main(
    *,
    paths_to_shards: list[str],
    path_to_llc: str,
    path_to_summary: str,
    run: str,
    setting: str,
    steps: list[int],
) -> None:
    """Write all estimates of a run with their verdicts, and the table that a person reads."""
    judged = gathered([LLC_SHARD.read(path) for path in paths_to_shards], steps)
    LLC.write(path_to_llc, judged, {"setting": setting, **provenance()})
    SUMMARY.write(path_to_summary, summary_table(judged, run, setting))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths_to_shards=list(snakemake.input.shards),
            path_to_llc=snakemake.output.llc,
            path_to_summary=snakemake.output.summary,
            run=snakemake.wildcards.run,
            setting=snakemake.wildcards.setting,
            steps=snakemake.params.steps,
        )
