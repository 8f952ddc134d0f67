"""Train one language model and keep its checkpoints and its trajectory in function space."""

from pathlib import Path

from stagewise.core.schedules import checkpoint_steps, linear_steps
from stagewise.core.training import Recorder, train
from stagewise.stores.identity import digest_of
from stagewise.stores.provenance import provenance
from stagewise.stores.segments import discard_partial, merge_segments
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokens import open_split
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_index: str,
    path_to_train: str,
    path_to_validation: str,
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
    """Train to the end, from the last finished segment of the same settings and code."""
    run = LanguageRun.of(name, settings, root_seed, device)
    layout, num_steps = run.layout(), run.training.num_steps
    length, observed = settings["context_length"], settings["trajectory"]
    rows = run.training_rows(open_split(path_to_train, path_to_index, "train", length))
    validation = open_split(path_to_validation, path_to_index, "validation", length)
    contexts = run.tokens_in_context(validation, observed["num_contexts"])
    recorder = Recorder(
        frozenset(checkpoint_steps(num_steps, **settings["checkpoints"]).tolist()),
        frozenset(linear_steps(num_steps, observed["num_steps"]).tolist()),
        lambda vector: run.function_vector(
            layout.unflatten(vector), contexts, observed["precision"]
        ),
    )
    partial, initial = Path(f"{path_to_checkpoints}.partial"), layout.flatten(run.initial())
    progress = digest_of([identity, code])
    segments = train(
        run.loss, layout, initial, rows.batch_at, run.training, recorder, partial, progress
    )
    attributes = {"run": name, "seed": seed, "settings": settings, **provenance()}
    merge_segments(segments, layout, path_to_checkpoints, path_to_trajectory, identity, attributes)
    discard_partial(partial)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_index=snakemake.input.index,
        path_to_train=snakemake.input.train,
        path_to_validation=snakemake.input.validation,
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
