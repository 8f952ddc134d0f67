"""Draw what forms and stages of a language model are about, token by token."""

from stagewise.development.layout import STAGES
from stagewise.stores.checkpoints import checkpoint_index
from stagewise.stores.files import atomic_path, read_dataset
from stagewise.studies.language.extreme_logits import contexts_of, form_table, lifted, shown_points
from stagewise.studies.language.figures.forms import induction_patterns, new_words
from stagewise.studies.language.figures.token_changes import token_changes, token_changes_html
from stagewise.studies.language.layout import FORM_CONTENTS
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.token_changes import passages, stage_names
from stagewise.studies.language.tokenizer import build_tokenizer, read_gpt2_vocabulary
from stagewise.studies.language.tokens import open_split
from stagewise.workflow.logs import log_to

NUM_ROWS, NUM_PASSAGES = 256, 2  # rows that passages are chosen from, and how many


def main(
    *,
    paths: dict[str, str],
    path_to_html: str,
    path_to_forms: str,
    name: str,
    settings: dict,
    root_seed: int,
    device: str,
    identity: str,
    paths_to_png: list[str],
    paths_to_pdf: list[str],
    paths_to_data: list[str],
) -> None:
    """Draw figures 15, 16 and 17, in this order of the paths."""
    run = LanguageRun.of(name, settings, root_seed, device)
    size, length = run.network.vocab_size, run.network.context_length
    tokenizer = build_tokenizer(read_gpt2_vocabulary(paths["gpt2"]).cut(size))
    split = open_split(paths["validation"], paths["index"], "validation", length)
    rows, places = run.tokens_in_context(split, settings["trajectory"]["num_contexts"])
    contexts = contexts_of(rows, places, tokenizer)
    ed, forms = (read_dataset(paths[key]) for key in ("ed", "forms"))
    points = [lifted(ed, centre, size) for centre in forms["centre"].to_numpy()]
    FORM_CONTENTS.write(path_to_forms, form_table(points, forms, contexts))
    shown = shown_points(points, forms, ed, size)
    stages = STAGES.read(paths["stages"])
    found = passages(
        lambda step: run.params_at(paths["checkpoints"], step, identity),
        run.network,
        checkpoint_index(paths["checkpoints"]),
        stages,
        run.fixed_rows(split, "evaluation", NUM_ROWS),
        tokenizer,
        NUM_PASSAGES,
    )
    names = stage_names(stages)
    figures = [draw(shown, contexts) for draw in (new_words, induction_patterns)]
    figures.append(token_changes(found, names))
    for drawn, *outputs in zip(figures, paths_to_png, paths_to_pdf, paths_to_data, strict=True):
        drawn.write(*outputs)
    with atomic_path(path_to_html) as temporary:
        temporary.write_text(token_changes_html(found, names), encoding="utf-8")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    names = ("checkpoints", "ed", "forms", "stages", "validation", "index", "gpt2")
    main(
        paths={name: str(snakemake.input[name]) for name in names},
        path_to_html=snakemake.output.html,
        path_to_forms=snakemake.output.forms,
        name=snakemake.params.name,
        settings=snakemake.params.settings,
        root_seed=snakemake.params.root_seed,
        device=snakemake.params.device,
        identity=snakemake.params.identity,
        paths_to_png=list(snakemake.output.png),
        paths_to_pdf=list(snakemake.output.pdf),
        paths_to_data=list(snakemake.output.data),
    )
