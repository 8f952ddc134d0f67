"""Write the figure of token changes as text, for the report."""

from stagewise.stores.files import atomic_path
from stagewise.studies.language.figures.fig17_token_changes import as_html
from stagewise.studies.language.layout import TOKEN_CHANGES
from stagewise.workflow.logs import log_to


def main(*, path_to_changes: str, path_to_fragment: str) -> None:
    """Write a fragment of HTML with the colours of the figure."""
    with atomic_path(path_to_fragment) as temporary:
        temporary.write_text(as_html(TOKEN_CHANGES.read(path_to_changes)), encoding="utf-8")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(path_to_changes=snakemake.input.changes, path_to_fragment=snakemake.output.fragment)
