"""Measure every checkpoint of one regression run on the fixed evaluation set."""

from stagewise.core.progress import Heartbeat
from stagewise.stores.checkpoints import checkpoint_index, params_reader
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.layout import METRICS
from stagewise.studies.regression.metrics import Evaluation, along_steps, layer_norm_weights
from stagewise.studies.regression.study import RegressionRun
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_checkpoints: str,
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
    run = RegressionRun.of(name, settings, root_seed, device)
    count, scales = evaluation["num_contexts"], evaluation["input_scales"]
    contexts = run.fixed_contexts("evaluation", count)
    scaled = {scale: run.fixed_contexts("evaluation", count, scale) for scale in scales}
    instrument = Evaluation(run.task, contexts, run.tasks(), scaled)
    steps = checkpoint_index(path_to_checkpoints).tolist()
    heartbeat = Heartbeat("checkpoint", len(steps))
    measures = []
    params_at = params_reader(path_to_checkpoints, identity, device)
    first = params_at(steps[0])
    initial = instrument.per_context(first, run.network)
    for count, step in enumerate(steps, start=1):
        params = params_at(step)
        measures.append(instrument.measure(params, run.network, initial))
        heartbeat.beat(count)
    joined = along_steps(measures, steps, instrument, list(layer_norm_weights(params)))
    attributes = {"run": name, "seed": seed, "identity": identity, "evaluation": evaluation}
    METRICS.write(path_to_metrics, joined, {**attributes, **provenance()})


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_checkpoints=snakemake.input.checkpoints,
        path_to_metrics=snakemake.output.metrics,
        name=snakemake.wildcards.run,
        seed=snakemake.params.seed,
        settings=snakemake.params.settings,
        evaluation=snakemake.params.evaluation,
        root_seed=snakemake.params.root_seed,
        device=snakemake.params.device,
        identity=snakemake.params.identity,
    )
