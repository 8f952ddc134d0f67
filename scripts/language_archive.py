"""Download one pinned archive of the language study."""

from stagewise.studies.language.archives import download
from stagewise.studies.language.pins import ARCHIVES
from stagewise.workflow.jobs import job


def main(*, path_to_archive: str, name: str) -> None:
    """Fetch the archive and check its digest."""
    download(ARCHIVES[name], path_to_archive)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(path_to_archive=snakemake.output.archive, name=snakemake.params.name)
