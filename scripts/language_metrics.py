"""Measure every checkpoint of one language model on the fixed evaluation set."""

from stagewise.core.progress import Heartbeat
from stagewise.stores.checkpoints import checkpoint_index, params_reader
from stagewise.stores.provenance import provenance
from stagewise.studies.language.bigrams import counts_of
from stagewise.studies.language.layout import BIGRAMS, METRICS, NGRAMS
from stagewise.studies.language.metrics import along_steps, evaluation_set
from stagewise.studies.language.ngrams import ngrams_of
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokens import open_split
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_checkpoints: str,
    path_to_index: str,
    path_to_validation: str,
    path_to_bigrams: str,
    path_to_ngrams: str,
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
    split = open_split(path_to_validation, path_to_index, "validation", run.network.context_length)
    probes = {name: value for name, value in evaluation.items() if name != "num_rows"}
    instrument = evaluation_set(
        run.fixed_rows(split, "evaluation", evaluation["num_rows"]),
        counts_of(BIGRAMS.read(path_to_bigrams)),
        ngrams_of(NGRAMS.read(path_to_ngrams)),
        run.network,
        key=run.evaluation_key,
        **probes,
    )
    steps = checkpoint_index(path_to_checkpoints).tolist()
    heartbeat = Heartbeat("checkpoint", len(steps))
    params_at = params_reader(path_to_checkpoints, identity, device)
    measured = []
    for count, step in enumerate(steps, start=1):
        params = params_at(step)
        measured.append(instrument.measure(params, run.network))
        heartbeat.beat(count, f"test loss {measured[-1]['test_loss']:.3f}")
    joined = along_steps(measured, steps, instrument)
    attributes = {"run": name, "seed": seed, "identity": identity, "evaluation": evaluation}
    METRICS.write(path_to_metrics, joined, {**attributes, **provenance()})


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_checkpoints=snakemake.input.checkpoints,
        path_to_index=snakemake.input.index,
        path_to_validation=snakemake.input.validation,
        path_to_bigrams=snakemake.input.bigrams,
        path_to_ngrams=snakemake.input.ngrams,
        path_to_metrics=snakemake.output.metrics,
        name=snakemake.wildcards.run,
        seed=snakemake.params.seed,
        settings=snakemake.params.settings,
        evaluation=snakemake.params.evaluation,
        root_seed=snakemake.params.root_seed,
        device=snakemake.params.device,
        identity=snakemake.params.identity,
    )
