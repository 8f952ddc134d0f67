"""Text of the language study: what runs for it, and what a folder that cannot be read says."""

import json

import pytest

from tests.workflow.work import claims, of

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


SHOW_METRICS = {
    *("fig01a_loss_and_llc", "fig03_bigrams_and_ngrams", "fig04_heads_and_induction"),
    *("fig12_slopes", "fig18_position_losses", "fig19_position_shapes", "fig20_composition"),
    *("fig21_one_layer_loss_and_llc", "fig22_one_layer_bigrams_and_ngrams"),
}
SHOW_FORMS = {
    *("fig02a_planes", "fig06a_forms_in_time", "fig15_new_words", "fig16_induction_patterns"),
    "language_forms",
}
SHOW_TOKENS = {"fig17_token_changes", "language_token_changes", "language_fragment"}
SHOW_STAGES = {*SHOW_METRICS, "fig02a_planes", "fig06a_forms_in_time", *SHOW_TOKENS}


def test_other_repeated_rows_train_again_and_leave_the_text(edited):
    edited.edit("config/smoke.yaml", "repeated_share: 0.5", "repeated_share: 0.25")
    assert edited.planned(*SMOKE)["train"] == 2
    assert edited.planned_work(*SMOKE) == SHOW_STAGES | SHOW_FORMS | {
        *of("language", "train", "llc_shard", "llc", "essential_dynamics", "forms", "stages"),
        *("language_metrics", "language_landmarks"),
        *claims("language"),
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "lib/stagewise/studies/language/heads.py",
            "rows_at_a_time: int = 256",
            "rows_at_a_time: int = 255",
            {"language_metrics", "language_landmarks", *SHOW_METRICS, *claims("language")},
        ),
        (
            "lib/stagewise/studies/language/extreme_logits.py",
            "THRESHOLD = 2.0",
            "THRESHOLD = 2.5",
            {
                *("language_forms", "fig15_new_words", "fig16_induction_patterns"),
                *claims("language"),
            },
        ),
        (
            "config/smoke.yaml",
            "    source: train\n    settings:\n      published: {num_chains: 2, num_draws: 4",
            "    source: train\n    settings:\n      published: {num_chains: 2, num_draws: 5",
            of("language", "llc_shard", "llc", "stages") | SHOW_STAGES | claims("language"),
        ),
        (
            "report/language/fig04_heads_and_induction.rst",
            "Heads and induction",
            "Heads, induction",
            {"report"},
        ),
    ],
)
def test_an_edit_reruns_exactly_what_depends_on_it(edited, file, old, new, expected):
    edited.edit(file, old, new)
    assert edited.planned_work(*SMOKE) == expected


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
        ({}, "holds no .txt, .jsonl, .parquet file; put text there"),
        ({"a.jsonl": '{"text": "one"}'}, "has no column 'contents' (columns: text)"),
    ],
)
def test_a_folder_that_cannot_be_read(project, files, message):
    folder = project.path / "texts"
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


def test_a_folder_that_is_not_there_ends_the_run_before_it_begins(project):
    from_folder(project, project.path / "nowhere")
    said = project.snakemake("--dry-run", DOCUMENTS, *SMOKE, check=False).stdout
    assert "'language.corpus.folder.path' is" in said
    assert "there is no such folder" in said
    assert "Traceback" not in said
