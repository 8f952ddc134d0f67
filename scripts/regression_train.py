"""Train one regression run and keep its checkpoints and its trajectory in function space."""

from pathlib import Path

from stagewise.core.schedules import checkpoint_steps, linear_steps
from stagewise.core.training import Recorder, train
from stagewise.stores.identity import digest_of
from stagewise.stores.provenance import provenance
from stagewise.stores.segments import discard_partial, merge_segments
from stagewise.studies.regression.study import RegressionRun
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_checkpoints: str,
    path_to_trajectory: str,
    name: str,
    seed: int,
    settings: dict,
    root_seed: int,
    device: str,
    identity: str,
    code: dict[str, str],
) -> None:
    """Train to the end, from the last finished segment if there is one.

    Segments belong to settings and code: those of an older state of the code are not continued.
    """
    run = RegressionRun.of(name, settings, root_seed, device)
    layout, tasks = run.layout(), run.tasks()
    contexts = run.fixed_contexts("trajectory", settings["trajectory"]["num_contexts"])
    num_steps = run.training.num_steps
    recorder = Recorder(
        frozenset(checkpoint_steps(num_steps, **settings["checkpoints"]).tolist()),
        frozenset(linear_steps(num_steps, settings["trajectory"]["num_steps"]).tolist()),
        lambda vector: run.function_vector(layout.unflatten(vector), contexts),
    )
    partial = Path(f"{path_to_checkpoints}.partial")
    segments = train(
        run.loss,
        layout,
        layout.flatten(run.initial()),
        lambda step: run.training_batch(step, tasks),
        run.training,
        recorder,
        partial,
        digest_of([identity, code]),
    )
    attributes = {"run": name, "seed": seed, "settings": settings, **provenance()}
    merge_segments(segments, layout, path_to_checkpoints, path_to_trajectory, identity, attributes)
    discard_partial(partial)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_checkpoints=snakemake.output.checkpoints,
        path_to_trajectory=snakemake.output.trajectory,
        name=snakemake.wildcards.run,
        seed=snakemake.params.seed,
        settings=snakemake.params.settings,
        root_seed=snakemake.params.root_seed,
        device=snakemake.params.device,
        identity=snakemake.params.identity,
        code=snakemake.params.code,
    )
