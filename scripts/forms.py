"""Smooth one trajectory and find its forms."""

from stagewise.development.essential_dynamics import smooth
from stagewise.development.forms import FormSettings, detect_forms
from stagewise.development.layout import FORMS
from stagewise.stores.files import read_dataset
from stagewise.stores.provenance import provenance
from stagewise.workflow.logs import log_to


def main(*, path_to_ed: str, path_to_forms: str, run: str, settings: dict, seed: int) -> None:
    """Write the forms and the smoothed scores that they were read from."""
    ed = read_dataset(path_to_ed)
    form_settings = FormSettings(**settings)
    smoothed = smooth(
        ed.scores.values, form_settings.sigma_start, form_settings.sigma_end, form_settings.ramp
    )
    forms = detect_forms(ed.scores.values, ed.step.values, form_settings, smoothed, seed)
    forms = forms.assign_coords(pc=ed.pc)
    forms["smoothed"] = ed.scores.copy(data=smoothed)
    forms["smoothed"].attrs = {"units": "output", "long_name": "smoothed score"}
    FORMS.write(path_to_forms, forms, {"run": run, **settings, **provenance()})


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_ed=snakemake.input.ed,
        path_to_forms=snakemake.output.forms,
        run=snakemake.wildcards.run,
        settings=snakemake.params.settings,
        seed=snakemake.params.root_seed,
    )
