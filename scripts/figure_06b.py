"""Draw component scores and form potentials of one run against time."""

from stagewise.development.layout import STAGES
from stagewise.plots.forms_in_time import forms_in_time
from stagewise.stores.files import read_dataset
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_ed: str,
    path_to_forms: str,
    path_to_stages: str,
    path_to_png: str,
    path_to_pdf: str,
    path_to_data: str,
) -> None:
    """Colour by the stages given; they say which sampler setting they come from."""
    stages = STAGES.read(path_to_stages)
    drawn = forms_in_time(
        read_dataset(path_to_ed), read_dataset(path_to_forms), stages, stages["setting"].iloc[0]
    )
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_ed=snakemake.input.ed,
        path_to_forms=snakemake.input.forms,
        path_to_stages=snakemake.input.stages,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
