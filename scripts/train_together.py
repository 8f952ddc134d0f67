"""Train several networks of a study that differ in their seeds alone, side by side."""

from importlib import import_module
from pathlib import Path

from stagewise.core.schedules import checkpoint_steps, linear_steps
from stagewise.core.training import train
from stagewise.stores.checkpoints import write_checkpoints
from stagewise.stores.identity import digest_of
from stagewise.stores.journal import SegmentFiles
from stagewise.stores.provenance import provenance
from stagewise.stores.trajectory import write_trajectory
from stagewise.stores.unanswered import write_unanswered
from stagewise.workflow.jobs import job


def main(
    *,
    paths: list[tuple[str, str]],
    study: str,
    runs: dict[str, list],
    settings: dict,
    segment_steps: int,
    root_seed: int,
    device: str,
) -> None:
    """Train as `train.main` does one network; `paths` are each one's, `runs` seeds and identities."""
    module = import_module(f"stagewise.studies.{study}.training")
    trainings = module.network_trainings(list(runs), settings, root_seed, device, {})
    num_steps = settings["training"]["num_steps"]
    kept = checkpoint_steps(num_steps, **settings["checkpoints"]).tolist()
    observed = linear_steps(num_steps, settings["trajectory"]["num_steps"]).tolist()
    journal = SegmentFiles(Path(f"{paths[0][0]}.partial"), digest_of(runs), segment_steps)
    recorders = [each for one in trainings for each in one.recorders(kept, observed)]
    train(trainings[0].descent, num_steps, recorders, journal)
    for (name, (seed, own)), files, one in zip(runs.items(), paths, trainings, strict=True):
        stated = {"run": name, "seed": seed, "settings": settings, **provenance()}
        if one.divergence:
            for path in files:
                write_unanswered(path, f"{name}: {one.divergence}")
        else:
            made = one.checkpoints(journal), own, stated, one.optimiser_state()
            write_checkpoints(files[0], *made)
            write_trajectory(files[1], journal, own, stated, one.named("trajectory"))
    journal.discard()


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        files = snakemake.output.checkpoints, snakemake.output.trajectories
        main(
            paths=list(zip(*files, strict=True)),
            study=snakemake.params.study,
            runs=snakemake.params.runs,
            settings=snakemake.params.settings,
            segment_steps=snakemake.params.segment_steps,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
        )
