"""Train networks on finite sets of tasks side by side, and compare them with optimal predictors."""

from pathlib import Path

import torch

from stagewise.core.devices import require_device
from stagewise.core.entries import build
from stagewise.stores.identity import digest_of
from stagewise.stores.journal import SegmentFiles
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.task_prior import Sweep, along_training
from stagewise.studies.regression.task_prior_layout import TASK_PRIOR
from stagewise.studies.regression.task_prior_settings import TaskPriorSettings
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_store: str,
    settings: dict,
    segment_steps: int,
    root_seed: int,
    device: str,
    code: dict[str, str],
) -> None:
    """Write how far networks are from each predictor along training; goes on after a kill."""
    torch.set_num_threads(1)
    require_device(device)
    prior = build(TaskPriorSettings, settings["task_prior"])
    task, network = TaskSettings(**settings["task"]), NetworkSettings(**settings["network"])
    sweep = Sweep(task, network, prior, root_seed, device)
    identity = digest_of([settings, root_seed, code])
    journal = SegmentFiles(Path(f"{path_to_store}.partial"), identity, segment_steps)
    TASK_PRIOR.write(path_to_store, along_training(sweep, journal), provenance())
    journal.discard()


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_store=snakemake.output.store,
            settings=snakemake.params.settings,
            segment_steps=snakemake.params.segment_steps,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
            code=snakemake.params.code,
        )
