"""Measure how the loss of single tokens of held-out text changes over each stage."""

from stagewise.development.layout import STAGES
from stagewise.stores.checkpoints import network_along
from stagewise.stores.data import identity_with
from stagewise.stores.provenance import provenance
from stagewise.studies.language.layout import TOKEN_CHANGES
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.token_changes import token_changes
from stagewise.studies.language.tokenizer import build_tokenizer, read_gpt2_vocabulary
from stagewise.studies.language.tokens import open_split
from stagewise.workflow.jobs import job

NUM_ROWS, NUM_PASSAGES = 256, 2  # rows that passages are chosen from, and how many


def main(
    *,
    paths: dict[str, str],
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
    split = open_split(paths["validation"], paths["index"], "validation", length)
    identity = identity_with(identity, paths["index"])
    steps, params_at = network_along(paths["checkpoints"], identity, device)
    changes = token_changes(
        params_at,
        run.network,
        steps,
        STAGES.read(paths["stages"]),
        run.fixed_rows(split, "evaluation", NUM_ROWS),
        build_tokenizer(read_gpt2_vocabulary(paths["gpt2"]).cut(size)),
        NUM_PASSAGES,
    )
    attributes = {"run": name, "identity": identity, **provenance()}
    TOKEN_CHANGES.write(path_to_changes, changes, attributes)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths=dict(snakemake.input.items()),
            path_to_changes=snakemake.output.changes,
            name=snakemake.params.name,
            settings=snakemake.params.settings,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
            identity=snakemake.params.identity,
        )
