"""Bring figures, verdicts and tables together in one HTML file."""

from pathlib import Path

from stagewise.claims.layout import CLAIMS
from stagewise.claims.missing import found
from stagewise.development.layout import MILESTONES
from stagewise.llc.layout import SUMMARY
from stagewise.stores.files import write_text
from stagewise.stores.provenance import provenance
from stagewise.studies.language.layout import CORPUS
from stagewise.workflow.jobs import begin
from stagewise.workflow.layout import COST
from stagewise.workflow.report import load_figures, quality_table, render_report


def main(
    *,
    paths_to_figures: list[str],
    paths_to_captions: list[str],
    path_to_claims: str | None,
    path_to_cost: str | None,
    paths_to_milestones: list[str],
    paths_to_summaries: list[str],
    path_to_corpus: str | None,
    paths_to_page: tuple[str, str],  # template and style
    path_to_report: str,
    facts: dict,
) -> None:
    """Write the report of `facts`; that of one study has no costs, claims and corpus if any."""
    corpus = CORPUS.read(path_to_corpus) if path_to_corpus else None
    milestones = [found(MILESTONES.read, path) for path in paths_to_milestones]
    html = render_report(
        *(Path(path).read_text(encoding="utf-8") for path in paths_to_page),
        figures=load_figures(paths_to_figures, paths_to_captions, facts, corpus),
        claims=CLAIMS.read(path_to_claims) if path_to_claims else CLAIMS.empty(),
        cost=COST.read(path_to_cost) if path_to_cost else None,
        milestones=[(*curve, own) for curve, own in zip(facts["curves"], milestones, strict=True)],
        quality=quality_table(facts["llcs"], [found(SUMMARY.read, p) for p in paths_to_summaries]),
        corpus=corpus,
        origin=provenance(),
        **{name: facts[name] for name in ("config", "changes", "runs")},
    )
    write_text(path_to_report, html)


if __name__ == "__main__":
    begin(snakemake.log[0], snakemake.params.owners)
    main(
        paths_to_figures=list(snakemake.input.figures),
        paths_to_captions=list(snakemake.input.captions),
        path_to_claims=snakemake.input.get("claims"),
        path_to_cost=snakemake.input.get("cost"),
        paths_to_milestones=list(snakemake.input.milestones),
        paths_to_summaries=list(snakemake.input.summaries),
        path_to_corpus=snakemake.input.get("corpus"),
        paths_to_page=(snakemake.input.template, snakemake.input.style),
        path_to_report=snakemake.output.report,
        facts=snakemake.params.facts,
    )
