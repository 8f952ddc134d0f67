"""Draw one figure of a study's registry, and write the numbers in it."""

from importlib import import_module
from typing import Any

from stagewise.stores.inputs import read_input
from stagewise.workflow.logs import log_to


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
    """Read each input by its layout, and let the figure's own module draw it."""
    inputs = {name: read_input(paths[name], **how) for name, how in reading.items()}
    drawn = import_module(f"stagewise.{module}").draw(**inputs, **values)
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        module=snakemake.params.module,
        paths={name: list(snakemake.input[name]) for name in snakemake.params.reading},
        reading=snakemake.params.reading,
        values=snakemake.params.values,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
