"""Train one network of a study and keep its checkpoints and its trajectory in function space."""

from importlib import import_module
from pathlib import Path

from stagewise.core.schedules import checkpoint_steps, linear_steps
from stagewise.core.training import train
from stagewise.stores.checkpoints import write_checkpoints
from stagewise.stores.data import identity_with
from stagewise.stores.journal import SegmentFiles
from stagewise.stores.provenance import provenance
from stagewise.stores.trajectory import write_trajectory
from stagewise.workflow.jobs import job


def main(
    *,
    paths_to_data: dict[str, str],
    path_to_checkpoints: str,
    path_to_trajectory: str,
    study: str,
    name: str,
    seed: int,
    settings: dict,
    segment_steps: int,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Train to the end, from the last finished segment of the same settings, code and data."""
    module = import_module(f"stagewise.studies.{study}.training")
    training = module.network_training(name, settings, root_seed, device, paths_to_data)
    num_steps = settings["training"]["num_steps"]
    kept = checkpoint_steps(num_steps, **settings["checkpoints"]).tolist()
    observed = linear_steps(num_steps, settings["trajectory"]["num_steps"]).tolist()
    identity = identity_with(identity, paths_to_data.get("index"))
    journal = SegmentFiles(Path(f"{path_to_checkpoints}.partial"), identity, segment_steps)
    train(training.descent, num_steps, training.recorders(kept, observed), journal)
    attributes = {"run": name, "seed": seed, "settings": settings, **provenance()}
    checkpoints = training.checkpoints(journal), identity, attributes, training.optimiser_state()
    write_checkpoints(path_to_checkpoints, *checkpoints)
    write_trajectory(path_to_trajectory, journal, identity, attributes)
    journal.discard()


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths_to_data=dict(snakemake.input.items()),
            path_to_checkpoints=snakemake.output.checkpoints,
            path_to_trajectory=snakemake.output.trajectory,
            study=snakemake.wildcards.study,
            name=snakemake.wildcards.run,
            seed=snakemake.params.seed,
            settings=snakemake.params.settings,
            segment_steps=snakemake.params.segment_steps,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
            identity=snakemake.params.identity,
        )
