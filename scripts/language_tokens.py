"""Tokenise the documents of the language study into one stream a split."""

import logging

from stagewise.core.seeding import StreamKey
from stagewise.stores.provenance import provenance
from stagewise.studies.language.documents import document_sources, read_documents
from stagewise.studies.language.layout import CORPUS, INDEX
from stagewise.studies.language.settings import SPLITS, SplitSettings
from stagewise.studies.language.splits import split_documents
from stagewise.studies.language.streams import corpus_table, write_tokens
from stagewise.studies.language.tokenizer import build_tokenizer, read_gpt2_vocabulary
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_documents: str,
    path_to_gpt2: str,
    paths_to_streams: dict[str, str],
    path_to_index: str,
    path_to_corpus: str,
    split: dict,
    vocab_size: int,
    root_seed: int,
) -> None:
    """Divide the documents and write tokens, their index and what the corpus is made of."""
    tokenizer = build_tokenizer(read_gpt2_vocabulary(path_to_gpt2).cut(vocab_size))
    key = StreamKey(root_seed, ("language",))
    places = split_documents(document_sources(path_to_documents), SplitSettings(**split), key)
    documents = read_documents(path_to_documents)
    index = write_tokens(documents, places, tokenizer, paths_to_streams)
    table = corpus_table(index)
    logging.info("%s", table.to_string())
    CORPUS.write(path_to_corpus, table)
    attributes = {"vocab_size": vocab_size, "split": split, **provenance()}
    INDEX.write(path_to_index, index, attributes)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_documents=snakemake.input.documents,
            path_to_gpt2=snakemake.input.gpt2,
            paths_to_streams={name: snakemake.output[name] for name in SPLITS},
            path_to_index=snakemake.output.index,
            path_to_corpus=snakemake.output.corpus,
            split=snakemake.params.split,
            vocab_size=snakemake.params.vocab_size,
            root_seed=snakemake.params.root_seed,
        )
