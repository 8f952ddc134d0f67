"""Train every setting of one modular-addition experiment."""

from pathlib import Path

import torch

from stagewise.stores.groups import write_groups
from stagewise.stores.provenance import provenance
from stagewise.studies.modular.curves_layout import CURVES
from stagewise.studies.modular.program import Setting, study_key
from stagewise.studies.modular.resume import Partial
from stagewise.studies.modular.store import write_checkpoints
from stagewise.studies.modular.training import train
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_curves: str,
    path_to_checkpoints: str,
    experiment: str,
    settings: dict,
    segment_steps: int,
    root_seed: int,
) -> None:
    """Write curves and checkpoints of each setting; what an interrupted run has done is kept."""
    torch.set_num_threads(1)
    trained, partials = {}, []
    for name, entry in settings.items():
        setting = Setting.of(name, entry)
        partial = Partial(Path(path_to_curves).with_name(f"{name}.partial"), segment_steps)
        steps = setting.record_steps.tolist(), setting.checkpoint_steps.tolist()
        trained[name] = train(
            setting.program, setting.replicas, study_key(root_seed), *steps, partial
        )
        partials.append(partial.path)
    attributes = {"experiment": experiment, **provenance()}
    curves = {name: one.records for name, one in trained.items()}
    write_checkpoints(path_to_checkpoints, trained, attributes)
    write_groups(path_to_curves, curves, attributes, CURVES)
    for path in partials:
        path.unlink()


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_curves=snakemake.output.curves,
        path_to_checkpoints=snakemake.output.checkpoints,
        experiment=snakemake.wildcards.modular_experiment,
        settings=snakemake.params.settings,
        segment_steps=snakemake.params.segment_steps,
        root_seed=snakemake.params.root_seed,
    )
