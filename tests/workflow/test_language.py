"""Text of the language study: what runs for it, and what a folder that cannot be read says."""

import json

import pytest

SMOKE = ("--configfile", "config/smoke.yaml")
COUNTS = ("results/smoke/language/bigrams.nc", "results/smoke/language/ngrams.nc")
DOCUMENTS = "results/smoke/language/documents.parquet"


def from_folder(project, folder) -> None:
    project.edit("config/smoke.yaml", "source: packages", "source: folder")
    project.edit(
        "config/smoke.yaml",
        "    packages: [bible]\n",
        f"    folder: {{path: {folder}, column: contents}}\n",
    )


def test_what_runs_from_packages(project):
    assert project.planned(*COUNTS, *SMOKE) == {
        "language_archive": 2,
        "language_documents": 1,
        "language_tokens": 1,
        "language_counts": 1,
    }


AFTER = {"claims", "claims_gather", "cost", "report"}
FIGURES = {f"language_figures_{part}" for part in ("curves", "measures", "tokens")}


def test_other_repeated_rows_train_again_and_leave_the_text(edited):
    edited.edit("config/smoke.yaml", "repeated_share: 0.5", "repeated_share: 0.25")
    planned = edited.planned(*SMOKE)
    assert planned["train"] == 2
    assert set(planned) == {
        *FIGURES,
        *AFTER,
        "train",
        "language_metrics",
        "language_landmarks",
        "language_llc_shard",
        "language_llc",
        "essential_dynamics",
        "forms",
        "stages",
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "lib/stagewise/studies/language/heads.py",
            "rows_at_a_time: int = 256",
            "rows_at_a_time: int = 255",
            {"language_metrics", "language_landmarks", *AFTER}
            | FIGURES - {"language_figures_tokens"},
        ),
        (
            "lib/stagewise/studies/language/extreme_logits.py",
            "THRESHOLD = 2.0",
            "THRESHOLD = 2.5",
            {"language_figures_tokens", *AFTER},
        ),
        (
            "config/smoke.yaml",
            "    source: train\n    settings:\n      published: {num_chains: 2, num_draws: 4",
            "    source: train\n    settings:\n      published: {num_chains: 2, num_draws: 5",
            {
                "language_llc_shard",
                "language_llc",
                "stages",
                "claims",
                "claims_gather",
                "cost",
                "report",
            }
            | FIGURES,
        ),
        ("report/fig04.rst", "Heads and induction", "Heads, induction", {"report"}),
    ],
)
def test_an_edit_reruns_exactly_what_depends_on_it(edited, file, old, new, expected):
    edited.edit(file, old, new)
    assert set(edited.planned(*SMOKE)) == expected


def test_a_folder_is_read_and_read_again_when_it_changes(project):
    folder = project.path / "texts"
    folder.mkdir()
    (folder / "a.jsonl").write_text(json.dumps({"contents": "one"}))
    from_folder(project, folder)
    project.snakemake(DOCUMENTS, *SMOKE)
    assert (project.path / DOCUMENTS).stat().st_size > 0
    assert project.planned(DOCUMENTS, *SMOKE) == {}
    (folder / "b.txt").write_text("two")
    assert project.planned(DOCUMENTS, *SMOKE) == {"language_documents": 1}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (None, "is no folder; give one that exists"),
        ({}, "holds no .txt, .jsonl, .parquet file; put text there"),
        ({"a.jsonl": '{"text": "one"}'}, "has no column 'contents' (columns: text)"),
    ],
)
def test_a_folder_that_cannot_be_read(project, files, message):
    folder = project.path / "texts"
    if files is not None:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    from_folder(project, folder)
    result = project.snakemake(DOCUMENTS, *SMOKE, check=False)
    assert result.returncode != 0
    assert message in result.stdout
    assert not (project.path / DOCUMENTS).parent.exists() or not list(
        (project.path / DOCUMENTS).parent.iterdir()
    )
