"""One edit at a time, and exactly the rules that a dry run then lists.

One too few would leave a stale result, one too many could be a lost night.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass

import pytest
import yaml

from stagewise.workflow.reruns import explain
from tests.projects import Project
from tests.workflow.work import LAST, claims, of

PLANE_CURVES = "lib/stagewise/development/plane_curves.py"
SMOKE = ("--configfile", "config/smoke.yaml")

# What follows from what, by the files that it reads: figures by name, else rules and studies.


SHOW_FORMS_OF_REGRESSION = {
    *("fig02b_planes", "fig06b_forms_in_time"),
    *("fig11_lissajous", "fig13_evolutes", "fig14_form_potentials"),
}
SHOW_FORMS_OF_LANGUAGE = {
    *("fig02a_planes", "fig06a_forms_in_time", "language_forms"),
    *("fig15_new_words", "fig16_induction_patterns"),
}
SHOW_STAGES_OF_REGRESSION = {
    *("fig01b_loss_and_llc", "fig02b_planes", "fig05_behaviour", "fig06b_forms_in_time"),
    *("fig23_slopes_published", "fig23_slopes_local", "fig25_curvature", "milestones"),
    *("fig27_icl_scores", "fig28_scaled_data", "fig13_evolutes", "fig14_form_potentials"),
    *("fig29_embeddings", "fig30_unembedding", "fig31_layer_norms", "fig24_position_llc"),
    *("fig32_attention_entropy", "fig33_attention_variability", "fig34_heads", "ed_variants"),
    "degeneracy",
    *claims("regression"),
}
SHOW_STAGES_OF_LANGUAGE = {
    *("fig01a_loss_and_llc", "fig02a_planes", "fig03_bigrams_and_ngrams"),
    *("fig04_heads_and_induction", "fig06a_forms_in_time", "fig12_slopes", "fig17_token_changes"),
    *("fig18_position_losses", "fig19_position_shapes", "fig20_composition"),
    *("fig21_one_layer_loss_and_llc", "fig22_one_layer_bigrams_and_ngrams"),
    *("language_token_changes", "language_fragment"),
    *claims("language"),
}
AFTER_ESTIMATES_OF_REGRESSION = {
    *of("regression", "llc", "llc_audit", "stages"),
    *("regression_agreement", "fig08_two_losses", "fig39_noise", "llc_settings", "traces"),
    *SHOW_STAGES_OF_REGRESSION,
    *claims("instruments"),
}
CALIBRATIONS = {f"fig40_calibration_{model}" for model in ("rrr", "transformer", "modular")}
AFTER_TRAINING_OF_REGRESSION = {
    *of("regression", "essential_dynamics", "forms", "llc_shard"),
    *SHOW_FORMS_OF_REGRESSION,
    *("regression_metrics", "regression_hessian", "regression_failures", "fig41_failures"),
    *("regression_scale", "llc_over_scale", "regression_positions", "regression_refined"),
    *("regression_structure", "attention_maps", "regression_ed_variants", "regression_degeneracy"),
    *("calibration_sweep", "calibration_choice", "fig40_calibration_transformer"),
    *AFTER_ESTIMATES_OF_REGRESSION,
}
AFTER_THE_SAMPLER = {
    *of("regression", "llc_shard"),
    *of("language", "llc_shard", "llc", "stages"),
    *of("modular", "llc_shard", "llc"),
    *("regression_failures", "fig41_failures", "validation", "fig07_exact_values"),
    *("regression_scale", "llc_over_scale", "regression_positions", "regression_refined"),
    *("second_opinion", "calibration_sweep", "calibration_choice", *CALIBRATIONS),
    *("g09_llc_and_modes", *claims("modular")),
    *(AFTER_ESTIMATES_OF_REGRESSION | SHOW_STAGES_OF_LANGUAGE),
}
MEASURED_SCURVES = {
    *("s01_one_component", "s02_rank_one", "s03_ranks_two_and_four", "s04_rank_ten"),
    *("s05_full_rank_tail", "s06_attention_head", "s11_plateau_lengths", "s12_bumps"),
    *("scurves_contrasts", *claims("scurves")),
}
SCURVES = {
    *("s07_adam", "s08_weight_decay", "s09_adamw", "s10_cross_entropy", "s13_self_term"),
    *("scurves_measures", *MEASURED_SCURVES),
}
SHOW_RUNS_OF_MODULAR = {
    *("g01_single_runs", "g02_mode_losses", "g03_phase_diagrams", "g04_without_decay"),
    *("g05_time_against_share", "g06_scale_and_decay", "g07_early_training"),
    *("g08_gradients_and_sharpness", "g09_llc_and_modes", "g10_equal_flow"),
}
CONFIG, SMOKE_CONFIG = "config/config.yaml", "config/smoke.yaml"


@dataclass(frozen=True)
class Edit:
    """A change of one file: text that is replaced, and what is made again after it."""

    file: str
    old: str
    new: str
    work: set[str]


EDITS = {
    # Code
    "a layout": Edit(
        "lib/stagewise/studies/scurves/layout.py",
        'Column(str, choices=("adam", "competition"))',
        "Column(str)",
        {"scurves_flow", *SCURVES},
    ),
    "a figure": Edit(
        "lib/stagewise/studies/regression/figures/milestones.py",
        '"≥ 0.9"',
        '"at least 0.9"',
        {"milestones", *LAST},
    ),
    "the check of a claim": Edit(
        "lib/stagewise/studies/scurves/claims/shapes.py",
        "with_adam.mean() >= min_share and",
        "with_adam.mean() > min_share and",
        claims("scurves"),
    ),
    "plane_curves": Edit(
        PLANE_CURVES,
        "CUSP_CHORD = ",
        "CUSP_CHORD = 2 * ",
        {
            *(of("regression", "forms") | of("language", "forms")),
            *(SHOW_FORMS_OF_REGRESSION | SHOW_FORMS_OF_LANGUAGE),
            *("form_rates", "fig10_toy_form", *claims("instruments"), *claims("language")),
        },
    ),
    "the sampler": Edit(
        "lib/stagewise/llc/sgld.py",
        "alpha=-0.5 * config.step_size * posterior.n_beta",
        "alpha=-0.0",
        AFTER_THE_SAMPLER,
    ),
    "stages": Edit(
        "lib/stagewise/development/stages.py",
        "np.where(change > 0",
        "np.where(change >= 0",
        of("regression", "stages")
        | of("language", "stages")
        | SHOW_STAGES_OF_REGRESSION
        | SHOW_STAGES_OF_LANGUAGE,
    ),
    # Words
    "a caption": Edit(
        "report/regression/fig05_behaviour.rst", "Behaviour", "What is seen", {"report"}
    ),
    "the text of a claim": Edit(
        "config/claims.yaml",
        "statement: Plateaus",
        "statement: The plateaus",
        claims("regression"),
    ),
    # Numbers
    "a threshold of a claim": Edit(
        "config/claims.yaml",
        "thresholds: {alpha: 0.05, min_share: 0.9}",
        "thresholds: {alpha: 0.05, min_share: 0.8}",
        claims("scurves"),
    ),
    "a threshold that a table is made for": Edit(
        "config/claims.yaml",
        "thresholds: {until: 0.9,",
        "thresholds: {until: 0.8,",
        {"modular_growth", "g02_mode_losses", *claims("modular")},
    ),
    "training of the regression study": Edit(
        CONFIG,
        "max_learning_rate: 0.003",
        "max_learning_rate: 0.002",
        of("regression", "train") | AFTER_TRAINING_OF_REGRESSION,
    ),
    "stages of the regression study": Edit(
        CONFIG,
        "match_width: 0.5",
        "match_width: 0.4",
        of("regression", "stages") | SHOW_STAGES_OF_REGRESSION,
    ),
    "the second opinion": Edit(
        CONFIG, "step_bias: 0.01", "step_bias: 0.02", {"second_opinion", *LAST}
    ),
    "simulated forms": Edit(
        "config/smoke.yaml",
        "form_rates: {num_trajectories: 1,",
        "form_rates: {num_trajectories: 2,",
        {"form_rates", *claims("instruments"), *LAST},
    ),
    "the calibration": Edit(
        CONFIG,
        "max_change: 0.25",
        "max_change: 0.2",
        {"calibration_choice", *CALIBRATIONS, *LAST},
    ),
    "measures of S-curves": Edit(
        CONFIG,
        "bump_prominence: 0.05",
        "bump_prominence: 0.1",
        {"scurves_measures", *MEASURED_SCURVES},
    ),
    "measures of modular addition": Edit(
        CONFIG,
        "early_fall: 0.5 ",
        "early_fall: 0.3 ",
        {"modular_measures", "modular_laws", *SHOW_RUNS_OF_MODULAR, *claims("modular")},
    ),
    "forms of the language study": Edit(
        SMOKE_CONFIG,
        "forms: {sigma_end: 2.0}",
        "forms: {sigma_end: 3.0}",
        of("language", "forms") | SHOW_FORMS_OF_LANGUAGE | claims("language"),
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_makes_again_exactly_what_follows_from_it(edited, name):
    edit = EDITS[name]
    edited.edit(edit.file, edit.old, edit.new)
    assert edited.planned_work(*SMOKE) == edit.work


# What is added


def test_a_new_seed_runs_its_own_jobs_alone(edited):
    edited.edit(SMOKE_CONFIG, "base: {seeds: [0, 1]}", "base: {seeds: [0, 1, 2]}")
    jobs = edited.planned(*SMOKE)
    own = {
        **{"train": 1, "regression_metrics": 1, "regression_structure": 1},
        **{"essential_dynamics": 1, "forms": 1},
        # Two sampler settings of two shards each.
        **{"llc_shard": 4, "llc": 2, "llc_audit": 1, "stages": 2},
        **{"regression_agreement": 1, "regression_hessian": 1, "regression_degeneracy": 1},
    }
    over_all_seeds = {
        *("fig01b_loss_and_llc", "fig25_curvature", "milestones", "attention_maps"),
        *("fig27_icl_scores", "fig28_scaled_data", "degeneracy"),
        *("fig29_embeddings", "fig30_unembedding", "fig31_layer_norms"),
        *claims("regression", "instruments"),
    }
    assert {rule: count for rule, count in jobs.items() if rule in own} == own
    work = edited.planned_work(*SMOKE)
    assert {name for name in work if name.split()[0] not in own} == over_all_seeds


def test_a_new_variant_runs_its_own_jobs_alone(edited):
    edited.edit(
        SMOKE_CONFIG,
        "base: {seeds",
        "wide: {seeds: [0], analyses: [metrics], settings: {network: {mlp_dim: 80}}}\n    base: {seeds",
    )
    jobs = edited.planned(*SMOKE)
    assert jobs["train"] == jobs["regression_metrics"] == 1
    assert edited.planned_work(*SMOKE) == {
        *(*of("regression", "train"), "regression_metrics", *claims("regression"))
    }


def test_a_denser_llc_grid_computes_what_is_new(edited):
    edited.edit(SMOKE_CONFIG, "num_checkpoints: 9", "num_checkpoints: 10")
    jobs = edited.planned(*SMOKE)
    # The last shard of each of six curves; the two that the audit repeats are in the first.
    assert jobs["llc_shard"] == jobs["llc"] == jobs["stages"] == 6
    work = edited.planned_work(*SMOKE)
    new = {*of("regression", "llc_shard"), "regression_hessian", "regression_degeneracy"}
    assert work == new | AFTER_ESTIMATES_OF_REGRESSION


def test_a_sparser_llc_grid_computes_nothing_of_it(edited):
    edited.edit(SMOKE_CONFIG, "num_checkpoints: 9", "num_checkpoints: 5")
    assert "llc_shard" not in edited.planned(*SMOKE)


def test_a_new_figure_is_drawn_alone(edited):
    figures = "lib/stagewise/studies/scurves/figures"
    shutil.copy(edited.path / f"{figures}/s13_self_term.py", edited.path / f"{figures}/s14_new.py")
    captions = edited.path / "report/scurves"
    shutil.copy(captions / "s13_self_term.rst", captions / "s14_new.rst")
    edited.edit(
        f"{figures}/registry.py",
        '    "s13_self_term": ',
        '    "s14_new": Figure(inputs={"curves": _curves("lowrank", "variants")}),\n'
        '    "s13_self_term": ',
    )
    assert edited.planned_work(*SMOKE) == {"s14_new", *LAST}


def test_a_new_study_leaves_the_others_as_they_are(edited):
    """One without a figure and a claim: its empty table is made, and what tells of all studies."""
    study = edited.path / "lib/stagewise/studies/toy"
    modules = {
        "__init__.py": "",
        "figures/__init__.py": "",
        "figures/registry.py": "FIGURES = {}\n",
        "claims/__init__.py": "def read():\n    return None\n",
    }
    for name, code in modules.items():
        (study / name).parent.mkdir(parents=True, exist_ok=True)
        (study / name).write_text(code)
    workflow = "lib/stagewise/workflow"
    edited.edit(
        f"{workflow}/studies.py",
        '    "language": Study(',
        '    "toy": Study("Toys", "T"),\n    "language": Study(',
    )
    edited.edit(
        f"{workflow}/claims.py",
        '        "language": _language,',
        '        "language": _language,\n        "toy": lambda plan: Asked({}, {}),',
    )
    assert edited.planned_work(*SMOKE) == {"claims toy", "claims_gather", *LAST}


def sources(project: Project) -> list:
    """Return every file of the project that is no result."""
    folders = ("rules", "scripts", "lib", "config", "report", "envs", "profiles")
    below = [path for folder in folders for path in (project.path / folder).rglob("*")]
    return [project.path / "Snakefile", *(path for path in below if path.is_file())]


def test_touching_every_source_and_result_reruns_nothing(edited):
    """Results from the newest on, so that whatever is made of another is older than it."""
    made = [path for path in (edited.path / "results").rglob("*") if path.is_file()]
    newest_first = sorted(made, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in (*sources(edited), *newest_first):
        os.utime(path)
    assert edited.planned(*SMOKE) == {}


def test_keys_without_effect_rerun_nothing(edited):
    text = (edited.path / "config/smoke.yaml").read_text()
    for old, new in (
        ("segment_steps: 50", "segment_steps: 40"),
        ("segment_steps: 10", "segment_steps: 7"),
        ("chains_at_a_time: null", "chains_at_a_time: 1"),
        ("scurves:\n", "scurves:\n  seeds_per_batch: 1\n"),
        ("\nmodular:\n", "\nmodular:\n  segment_steps: 3\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    (edited.path / "config/smoke.yaml").write_text(text)
    assert edited.planned(*SMOKE) == {"report": 1}  # which prints the configuration


def test_remarks_and_docstrings_rerun_nothing(edited):
    for path in sources(edited):
        if path.suffix == ".py":
            path.write_text(path.read_text() + "\n# A remark.\n")
    edited.edit("lib/stagewise/core/training.py", '"""Make all updates', '"""Make every update')
    assert edited.planned(*SMOKE) == {}


def test_another_layout_of_the_configuration_reruns_nothing(edited):
    for name in ("config", "smoke"):
        path = edited.path / f"config/{name}.yaml"
        content = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(content, sort_keys=False, indent=6, width=60))
        assert yaml.safe_load(path.read_text()) == content
    assert edited.planned(*SMOKE) == {}


def test_a_fresh_checkout_beside_old_results_reruns_nothing(edited, tmp_path):
    """A clone has the sources with new time stamps; results, logs and records are taken along."""

    def git(*arguments):
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        subprocess.run(("git", *identity, *arguments), check=True, cwd=edited.path)

    (edited.path / ".gitignore").write_text("results/\nlogs/\n.snakemake/\n__pycache__/\n")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "All")
    clone = Project(tmp_path / "clone")
    git("clone", "--quiet", ".", str(clone.path))
    for folder in ("results", "logs", ".snakemake"):
        shutil.copytree(edited.path / folder, clone.path / folder)
    assert clone.planned(*SMOKE) == {}


def test_why_names_the_module_and_the_key_that_changed(edited):
    edited.edit(
        PLANE_CURVES,
        "CUSP_CHORD = ",
        "CUSP_CHORD = 2 * ",
    )
    edited.edit("config/config.yaml", "match_width: 0.5", "match_width: 0.4")
    run = "results/smoke/regression/base-s0"
    expected = {
        "forms.nc": [
            f"forms: {run}/forms.nc",
            f"    {PLANE_CURVES} has changed",
        ],
        "llc/local/stages.csv": [
            f"stages: {run}/llc/local/curve.nc",
            "    match_width: 0.5 before, 0.4 now",
        ],
    }
    for target, lines in expected.items():
        said = edited.snakemake("--dry-run", f"{run}/{target}", *SMOKE).stdout
        assert explain(said).splitlines() == lines
