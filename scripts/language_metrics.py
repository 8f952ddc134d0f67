"""Measure every checkpoint of one language model on the fixed evaluation set."""

from stagewise.stores.checkpoints import each_checkpoint
from stagewise.stores.data import identity_with
from stagewise.stores.provenance import provenance
from stagewise.studies.language.bigrams import counts_of
from stagewise.studies.language.layout import BIGRAMS, METRICS, NGRAMS
from stagewise.studies.language.metrics import along_steps, evaluation_set
from stagewise.studies.language.ngrams import ngrams_of
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokens import open_split
from stagewise.workflow.jobs import job


def main(
    *,
    paths: dict[str, str],
    path_to_metrics: str,
    name: str,
    seed: int,
    settings: dict,
    evaluation: dict,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Write the run's metrics along its checkpoints."""
    run = LanguageRun.of(name, settings, root_seed, device)
    split = open_split(
        paths["validation"], paths["index"], "validation", run.network.context_length
    )
    probes = {name: value for name, value in evaluation.items() if name != "num_rows"}
    instrument = evaluation_set(
        run.fixed_rows(split, "evaluation", evaluation["num_rows"]),
        counts_of(BIGRAMS.read(paths["bigrams"])),
        ngrams_of(NGRAMS.read(paths["ngrams"])),
        run.network,
        key=run.evaluation_key,
        **probes,
    )
    identity = identity_with(identity, paths["index"])
    checkpoints = each_checkpoint(paths["checkpoints"], identity, device)
    joined = along_steps(instrument, run.network, checkpoints)
    attributes = {"run": name, "seed": seed, "identity": identity, "evaluation": evaluation}
    METRICS.write(path_to_metrics, joined, {**attributes, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths=dict(snakemake.input.items()),
            path_to_metrics=snakemake.output.metrics,
            name=snakemake.wildcards.run,
            seed=snakemake.params.seed,
            settings=snakemake.params.settings,
            evaluation=snakemake.params.evaluation,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
            identity=snakemake.params.identity,
        )
