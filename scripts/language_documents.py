"""Gather the documents of the language study from the source that the configuration names."""

from stagewise.studies.language.documents import folder_documents, hub_documents, write_documents
from stagewise.studies.language.packages import package_documents
from stagewise.workflow.jobs import job


def main(*, path_to_documents: str, paths_to_archives: dict[str, str], corpus: dict) -> None:
    """Write one store of documents, whatever the source."""
    match corpus["source"]:
        case "packages":
            documents = package_documents(paths_to_archives)
        case "folder":
            folder = corpus["folder"]
            documents = folder_documents(folder["path"], folder["column"], folder["licence"])
        case _:
            documents = hub_documents(**corpus["hub"])
    write_documents(path_to_documents, documents)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_documents=snakemake.output.documents,
            paths_to_archives=dict(snakemake.input.items()),
            corpus=snakemake.params.corpus,
        )
