"""Write the figure of token changes as text, for the report."""

from stagewise.stores.files import write_text
from stagewise.studies.language.figures.fig17_token_changes import as_html
from stagewise.studies.language.layout import TOKEN_CHANGES
from stagewise.workflow.jobs import job


def main(*, path_to_changes: str, path_to_fragment: str) -> None:
    """Write a fragment of HTML with the colours of the figure."""
    write_text(path_to_fragment, as_html(TOKEN_CHANGES.read(path_to_changes)))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(path_to_changes=snakemake.input.changes, path_to_fragment=snakemake.output.fragment)
