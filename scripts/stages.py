"""Fit one LLC curve and divide training into stages."""

from stagewise.development.layout import CURVE, MILESTONES, STAGES
from stagewise.development.llc_curve import usable_llc, with_soundness
from stagewise.development.settings import StageSettings
from stagewise.development.stages import find_stages
from stagewise.stores.files import read_dataset
from stagewise.stores.provenance import provenance
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_llc: str,
    path_to_curve: str,
    path_to_milestones: str,
    path_to_stages: str,
    run: str,
    setting: str,
    settings: dict,
    seed: int,
) -> None:
    """Write the fitted curve, its milestones and the stages between them."""
    llc = read_dataset(path_to_llc)
    listed = {name: tuple(settings[name]) for name in ("length_scale_bounds", "leave_out")}
    stage_settings = StageSettings(**{**settings, **listed})
    found = find_stages(
        llc.step.values,
        usable_llc(llc, stage_settings),
        llc.llc_stderr.values,
        stage_settings,
        seed=seed,
        chains=llc["llc"].transpose("chain", "step").values,
    )
    CURVE.write(path_to_curve, found.curve, {"run": run, "setting": setting, **provenance()})
    for path, table, layout in (
        (path_to_milestones, found.milestones, MILESTONES),
        (path_to_stages, with_soundness(found.stages, llc), STAGES),
    ):
        table.insert(0, "run", run)
        table.insert(1, "setting", setting)
        layout.write(path, table)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_llc=snakemake.input.llc,
            path_to_curve=snakemake.output.curve,
            path_to_milestones=snakemake.output.milestones,
            path_to_stages=snakemake.output.stages,
            run=snakemake.wildcards.run,
            setting=snakemake.wildcards.setting,
            settings=snakemake.params.settings,
            seed=snakemake.params.root_seed,
        )
