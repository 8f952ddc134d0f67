"""Download one pinned archive of the language study."""

from lib.language.archives import download
from lib.language.pins import ARCHIVES
from lib.logs import log_to


def main(*, path_to_archive: str, name: str) -> None:
    """Fetch the archive and check its digest."""
    download(ARCHIVES[name], path_to_archive)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(path_to_archive=snakemake.output.archive, name=snakemake.params.name)
