"""Measure how the loss of single tokens of held-out text changes over each stage."""

from stagewise.development.layout import STAGES
from stagewise.stores.checkpoints import checkpoint_index, params_reader
from stagewise.stores.provenance import provenance
from stagewise.studies.language.layout import TOKEN_CHANGES
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.token_changes import token_changes
from stagewise.studies.language.tokenizer import build_tokenizer, read_gpt2_vocabulary
from stagewise.studies.language.tokens import open_split
from stagewise.workflow.logs import log_to

NUM_ROWS, NUM_PASSAGES = 256, 2  # rows that passages are chosen from, and how many


def main(
    *,
    path_to_checkpoints: str,
    path_to_stages: str,
    path_to_validation: str,
    path_to_index: str,
    path_to_gpt2: str,
    path_to_changes: str,
    name: str,
    settings: dict,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Write the passages that change most, with the change of each token."""
    run = LanguageRun.of(name, settings, root_seed, device)
    size, length = run.network.vocab_size, run.network.context_length
    split = open_split(path_to_validation, path_to_index, "validation", length)
    changes = token_changes(
        params_reader(path_to_checkpoints, identity, device),
        run.network,
        checkpoint_index(path_to_checkpoints),
        STAGES.read(path_to_stages),
        run.fixed_rows(split, "evaluation", NUM_ROWS),
        build_tokenizer(read_gpt2_vocabulary(path_to_gpt2).cut(size)),
        NUM_PASSAGES,
    )
    attributes = {"run": name, "identity": identity, **provenance()}
    TOKEN_CHANGES.write(path_to_changes, changes, attributes)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_checkpoints=snakemake.input.checkpoints,
        path_to_stages=snakemake.input.stages,
        path_to_validation=snakemake.input.validation,
        path_to_index=snakemake.input.index,
        path_to_gpt2=snakemake.input.gpt2,
        path_to_changes=snakemake.output.changes,
        name=snakemake.params.name,
        settings=snakemake.params.settings,
        root_seed=snakemake.params.root_seed,
        device=snakemake.params.device,
        identity=snakemake.params.identity,
    )
