"""Measure what forms of a language model are about, and keep the contexts that they are lifted to."""

import numpy as np

from stagewise.development.layout import ED, FORMS
from stagewise.stores.provenance import provenance
from stagewise.studies.language.extreme_logits import Contexts
from stagewise.studies.language.form_nulls import form_table
from stagewise.studies.language.layout import CONTEXTS, FORM_CONTENTS
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokenizer import build_tokenizer, read_gpt2_vocabulary, readable
from stagewise.studies.language.tokens import open_split
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_ed: str,
    path_to_forms: str,
    path_to_validation: str,
    path_to_index: str,
    path_to_gpt2: str,
    path_to_contents: str,
    path_to_contexts: str,
    name: str,
    settings: dict,
    root_seed: int,
) -> None:
    """Lift every form to logits of the tokens-in-context that the trajectory was observed on."""
    run = LanguageRun.of(name, settings, root_seed, "cpu")
    size, length = run.network.vocab_size, run.network.context_length
    texts = readable(build_tokenizer(read_gpt2_vocabulary(path_to_gpt2).cut(size)), range(size))
    split = open_split(path_to_validation, path_to_index, "validation", length)
    rows, places = run.tokens_in_context(split, settings["trajectory"]["num_contexts"])
    new_word = np.array([text.startswith(" ") for text in texts])
    contexts = Contexts(rows.numpy(force=True), places.numpy(force=True), new_word)
    CONTEXTS.write(path_to_contexts, contexts.dataset(), {"run": name, **provenance()})
    ed, forms = ED.read(path_to_ed), FORMS.read(path_to_forms)
    table = form_table(ed, forms, contexts, run.key.child("directions"))
    FORM_CONTENTS.write(path_to_contents, table)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_ed=snakemake.input.ed,
            path_to_forms=snakemake.input.forms,
            path_to_validation=snakemake.input.validation,
            path_to_index=snakemake.input.index,
            path_to_gpt2=snakemake.input.gpt2,
            path_to_contents=snakemake.output.contents,
            path_to_contexts=snakemake.output.contexts,
            name=snakemake.params.name,
            settings=snakemake.params.settings,
            root_seed=snakemake.params.root_seed,
        )
