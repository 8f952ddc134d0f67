"""Draw behaviour and structure of language models along training."""

from stagewise.development.layout import STAGES
from stagewise.stores.files import read_dataset
from stagewise.studies.language.figures.behaviour import bigrams_and_ngrams, position_losses
from stagewise.studies.language.figures.heads import composition, heads_and_induction
from stagewise.studies.language.figures.positions import position_shapes
from stagewise.workflow.logs import log_to


def main(
    *,
    paths_to_metrics: list[str],
    paths_to_stages: list[str],
    variants: list[str],
    remark: str,
    paths_to_png: list[str],
    paths_to_pdf: list[str],
    paths_to_data: list[str],
) -> None:
    """Draw figures 3, 4, 18, 19, 20 and 22, in this order of the paths."""
    runs = dict(zip(variants, map(read_dataset, paths_to_metrics), strict=True))
    tables = (STAGES.read(path) for path in paths_to_stages)
    stages = dict(zip(variants, tables, strict=True))
    one = {"onelayer": runs["onelayer"]}
    figures = (
        bigrams_and_ngrams(runs, stages, remark),
        heads_and_induction(runs, stages, remark),
        position_losses(runs, stages),
        position_shapes(runs, stages),
        composition(runs, stages),
        bigrams_and_ngrams(one, {"onelayer": stages["onelayer"]}, remark),
    )
    for drawn, *paths in zip(figures, paths_to_png, paths_to_pdf, paths_to_data, strict=True):
        drawn.write(*paths)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_metrics=list(snakemake.input.metrics),
        paths_to_stages=list(snakemake.input.stages),
        variants=snakemake.params.variants,
        remark=snakemake.params.remark,
        paths_to_png=list(snakemake.output.png),
        paths_to_pdf=list(snakemake.output.pdf),
        paths_to_data=list(snakemake.output.data),
    )
