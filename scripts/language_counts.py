"""Count the bigrams that the language models are trained on, and list the common n-grams."""

from stagewise.stores.provenance import provenance
from stagewise.studies.language.bigrams import bigram_dataset, count_bigrams
from stagewise.studies.language.layout import BIGRAMS, INDEX, NGRAMS
from stagewise.studies.language.ngrams import common_ngrams, ngram_dataset
from stagewise.studies.language.tokenizer import build_tokenizer, read_gpt2_vocabulary
from stagewise.studies.language.tokens import open_rows, tokens_of_split
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_train: str,
    path_to_index: str,
    path_to_gpt2: str,
    path_to_bigrams: str,
    path_to_ngrams: str,
    vocab_size: int,
    context_length: int,
    num_ngrams: int,
) -> None:
    """Write both stores."""
    whole = read_gpt2_vocabulary(path_to_gpt2)
    size = tokens_of_split(INDEX.read(path_to_index), "train")
    counts = count_bigrams(open_rows(path_to_train, context_length, size), vocab_size)
    attributes = {"context_length": context_length, **provenance()}
    BIGRAMS.write(path_to_bigrams, bigram_dataset(counts), attributes)
    ngrams = common_ngrams(build_tokenizer(whole.cut(vocab_size)), whole, num_ngrams)
    NGRAMS.write(path_to_ngrams, ngram_dataset(ngrams), {"vocab_size": vocab_size, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_train=snakemake.input.train,
            path_to_index=snakemake.input.index,
            path_to_gpt2=snakemake.input.gpt2,
            path_to_bigrams=snakemake.output.bigrams,
            path_to_ngrams=snakemake.output.ngrams,
            vocab_size=snakemake.params.vocab_size,
            context_length=snakemake.params.context_length,
            num_ngrams=snakemake.params.num_ngrams,
        )
