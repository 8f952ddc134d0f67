"""Join the LLC shards of one run in the order of time and judge every estimate."""

import xarray as xr

from stagewise.llc.diagnostics import judge_all, locality
from stagewise.llc.layout import LLC, SUMMARY
from stagewise.llc.table import summary_table
from stagewise.stores.files import read_dataset
from stagewise.stores.provenance import provenance
from stagewise.workflow.logs import log_to


def main(
    *,
    paths_to_shards: list[str],
    path_to_llc: str,
    path_to_summary: str,
    run: str,
    setting: str,
    constant_loss: float | None,
) -> None:
    """Write all estimates of a run with their verdicts, and the table that a person reads.

    The loss of the best constant predictor is given, or else is an attribute of the shards.
    """
    shards = [read_dataset(path) for path in paths_to_shards]
    joined = xr.concat(shards, "step", combine_attrs="drop_conflicts").sortby("step")
    untrained_loss = float(joined.init_loss[0])
    constant = joined.attrs["constant_loss"] if constant_loss is None else constant_loss
    judged = joined.merge(locality(joined, untrained_loss, constant))
    judged = judged.merge(judge_all(joined, untrained_loss))
    judged.attrs = {**joined.attrs, "setting": setting, **provenance()}
    LLC.write(path_to_llc, judged, {})
    SUMMARY.write(path_to_summary, summary_table(judged, run, setting))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_shards=list(snakemake.input.shards),
        path_to_llc=snakemake.output.llc,
        path_to_summary=snakemake.output.summary,
        run=snakemake.wildcards.run,
        setting=snakemake.wildcards.setting,
        constant_loss=snakemake.params.constant_loss,
    )
