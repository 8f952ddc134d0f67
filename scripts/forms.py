"""Smooth one trajectory and find its forms."""

from stagewise.development.forms import detect_forms
from stagewise.development.layout import ED, FORMS
from stagewise.development.settings import FormSettings
from stagewise.stores.provenance import provenance
from stagewise.workflow.jobs import job


def main(*, path_to_ed: str, path_to_forms: str, run: str, settings: dict, seed: int) -> None:
    """Write the forms and the smoothed scores that they were read from."""
    ed = ED.read(path_to_ed)
    forms = detect_forms(ed.scores.values, ed.step.values, FormSettings(**settings), seed=seed)
    FORMS.write(path_to_forms, forms, {"run": run, **settings, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_ed=snakemake.input.ed,
            path_to_forms=snakemake.output.forms,
            run=snakemake.wildcards.run,
            settings=snakemake.params.settings,
            seed=snakemake.params.root_seed,
        )
