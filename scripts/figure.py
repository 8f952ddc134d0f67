"""Draw one figure of a study's registry, and write the numbers in it."""

import logging
from importlib import import_module
from typing import Any

from stagewise.core.unanswered import UnansweredError
from stagewise.plots.unanswered import placard, require_shown, with_reasons
from stagewise.stores.inputs import read_inputs
from stagewise.workflow.jobs import begin


def main(
    *,
    module: str,
    paths: dict[str, list[str]],
    reading: dict[str, dict[str, Any]],
    values: dict[str, Any],
    path_to_png: str,
    path_to_pdf: str,
    path_to_data: str,
) -> None:
    """Read each input by its layout, and let the figure's own module draw it, or say why it cannot."""
    try:
        inputs, left_out = read_inputs(paths, reading)
        require_shown(left_out, values)
        drawn = import_module(f"stagewise.{module}").draw(**inputs, **values)
        drawn = with_reasons(drawn, left_out)
    except UnansweredError as error:
        logging.warning("not testable: %s", error)
        drawn = placard(str(error))
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    begin(snakemake.log[0], snakemake.params.owners)
    main(
        module=snakemake.params.module,
        paths={name: list(snakemake.input[name]) for name in snakemake.params.reading},
        reading=snakemake.params.reading,
        values=snakemake.params.values,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
