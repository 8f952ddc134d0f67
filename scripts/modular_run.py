"""Train every setting of one modular-addition experiment."""

from pathlib import Path

import torch

from stagewise.stores.checkpoints import write_programs
from stagewise.stores.groups import write_groups
from stagewise.stores.identity import digest_of
from stagewise.stores.journal import SegmentFiles
from stagewise.stores.provenance import provenance
from stagewise.studies.modular.curves_layout import CURVES
from stagewise.studies.modular.program import Setting, study_key
from stagewise.studies.modular.training import train
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_curves: str,
    path_to_checkpoints: str,
    experiment: str,
    settings: dict,
    segment_steps: int,
    root_seed: int,
    code: dict[str, str],
) -> None:
    """Write curves and checkpoints of each setting; what an interrupted run has done is kept."""
    torch.set_num_threads(1)
    key, curves, checkpoints, journals = study_key(root_seed), {}, {}, []
    for name, entry in settings.items():
        setting = Setting.of(name, entry)
        partial = Path(path_to_curves).with_name(f"{name}.partial")
        journal = SegmentFiles(partial, digest_of([name, entry, root_seed, code]), segment_steps)
        journals.append(journal)
        steps = setting.record_steps.tolist(), setting.checkpoint_steps.tolist()
        trained = train(setting.program, setting.replicas, key, *steps, journal)
        curves[name] = trained.records
        checkpoints[name] = trained.records.attrs["identity"], trained.checkpoints.rows()
    attributes = {"experiment": experiment, **provenance()}
    write_programs(path_to_checkpoints, checkpoints, attributes)
    write_groups(path_to_curves, curves, attributes, CURVES)
    for journal in journals:
        journal.discard()


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_curves=snakemake.output.curves,
            path_to_checkpoints=snakemake.output.checkpoints,
            experiment=snakemake.wildcards.modular_experiment,
            settings=snakemake.params.settings,
            segment_steps=snakemake.params.segment_steps,
            root_seed=snakemake.params.root_seed,
            code=snakemake.params.code,
        )
