"""A sweep holds single estimates; the choice keeps its criteria, warns, and writes a usable fragment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
import yaml
from torch import Tensor

from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.exact import coefficients as exact
from stagewise.llc.along import estimate_at, untrained_loss_of
from stagewise.llc.calibration import sweep
from stagewise.llc.calibration_choice import (
    change_by_factor_two,
    config_fragment,
    failures_of,
    ranked_cells,
    warnings_on,
)
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.layout import CALIBRATION, SWEEP
from stagewise.llc.preconditioning import measured_curvature
from stagewise.llc.settings import AXES, Grid, SGLDConfig
from stagewise.plots import style
from stagewise.stores.files import read_dataset, write_dataset
from stagewise.studies.instruments.figures import fig40_calibration
from stagewise.studies.instruments.subjects import modular, rrr
from stagewise.workflow.config import checked, merge
from tests.layouts import assert_keeps

ROOT = Path(__file__).parents[3]
KEY = StreamKey(0, ("test",))
BASE = SGLDConfig(1.0, 1.0, 1.0, 6, 100, 200, 50)
GRID = Grid((1e-3, 4e-3), (50.0, 200.0), (1.0, 4.0))


def loss(params: Params, batch: Batch) -> Tensor:
    """Return a quadratic loss whose minimum is 0."""
    return (batch[0] @ params["w"]).square().mean()


def small_subject(*levels: float) -> Subject:
    data = (torch.randn(400, 4, generator=KEY.child("data").generator()),)
    checkpoints = {step: {"w": torch.full((4,), level)} for step, level in enumerate(levels)}
    return Subject.of_checkpoints(
        "small", checkpoints, loss, data, untrained_loss=50.0, exact_llc=2.0
    )


@pytest.fixture(scope="module")
def swept() -> xr.Dataset:
    return sweep(small_subject(1.0, 0.0), (0, 1), KEY, GRID, BASE)


def test_curvature_is_measured_once_a_checkpoint_and_changes_no_cell(monkeypatch):
    measured = []

    def counted(kind, *rest):
        measured.append(kind)
        return measured_curvature(kind, *rest)

    monkeypatch.setattr("stagewise.llc.preconditioning.measured_curvature", counted)
    config = replace(BASE, preconditioner="lanczos", start="gaussian", num_draws=20)
    subject, grid = small_subject(0.5, 0.0), Grid((0.1, 0.2), (50.0, 200.0), (1.0, 4.0))
    found = sweep(subject, (0, 1), KEY, grid, config)
    assert measured == ["lanczos", "lanczos"]
    for step in (0, 1):
        for cell in grid.cells():
            alone = estimate_at(subject, step, replace(config, **cell), key=KEY)
            assert float(found["llc_mean"].sel(step=step, **cell)) == float(alone["llc_mean"])
    assert len(measured) == 2 + 16


def made(llc: np.ndarray, stderr: float = 0.0, **verdicts: tuple[int, ...]) -> xr.Dataset:
    """Return a sweep with given estimates, all ok but those whose cells are given by verdict."""
    words = np.full(llc.shape, "ok", dtype=object)
    for verdict, cell in verdicts.items():
        words[cell] = verdict
    dims = ("step", *AXES)
    sizes = dict(zip(dims, llc.shape, strict=True))
    coords = {axis: 4.0 ** np.arange(sizes[axis]) for axis in AXES}
    return xr.Dataset(
        {
            "llc_mean": (dims, llc),
            "llc_stderr": (dims, np.full(llc.shape, stderr)),
            "verdict": (dims, words),
            "reason": (dims, np.full(llc.shape, "a reason", dtype=object)),
        },
        coords={"step": 10 * np.arange(sizes["step"]), **coords},
        attrs={"subject": "made", **{name: getattr(BASE, name) for name in vars(BASE)}},
    )


def test_every_cell_is_the_estimate_under_its_settings(swept):
    subject = small_subject(1.0, 0.0)
    config = SGLDConfig(4e-3, 50.0, 4.0, 6, 100, 200, 50)
    single = estimate_llc(loss, subject.params_at(1), subject.samples, config, key=KEY)
    cell = swept.sel(step=1, step_size=4e-3, n_beta=50.0, localization=4.0)
    assert float(cell["llc_mean"]) == float(single["llc_mean"])
    assert float(cell["running_llc"][-1]) == pytest.approx(float(single["llc_mean"]), rel=1e-4)
    assert str(cell["verdict"].item()) == "ok"
    assert (swept["verdict"].sel(step=0) == "escaped").any()  # w = 1 is no minimum


def test_sweep_and_ranking_keep_their_layout(swept, tmp_path):
    assert_keeps(swept, SWEEP)
    SWEEP.write(tmp_path / "sweep.nc", swept, swept.attrs)
    back = read_dataset(tmp_path / "sweep.nc")
    ranked = ranked_cells(swept, 0.25)
    CALIBRATION.write(tmp_path / "ranked.csv", ranked)
    assert ranked_cells(back, 0.25).equals(ranked)
    assert CALIBRATION.read(tmp_path / "ranked.csv").equals(CALIBRATION.check(ranked))


def test_change_is_scaled_to_a_factor_of_two_and_counts_errors():
    llc = np.full((1, 3, 2, 2), 10.0)
    llc[0, 2] = 14.0
    sharp = change_by_factor_two(made(llc), "step_size")[0, :, 0, 0].values
    np.testing.assert_allclose(
        sharp, [0, 0.4 / 2, 4 / 14 / 2]
    )  # neighbours are a factor of 4 apart
    noisy = change_by_factor_two(made(llc, stderr=0.5), "step_size")[0, :, 0, 0].values
    np.testing.assert_allclose(noisy - sharp, 2 * 0.5 * 2**0.5 / np.array([10, 10, 14]) / 2)


def test_a_neighbour_without_value_counts_as_any_change():
    llc = np.full((1, 3, 2, 2), 10.0)
    llc[0, 2] = np.nan
    change = change_by_factor_two(made(llc), "step_size")[0, :, 0, 0].values
    assert change.tolist() == [0, np.inf, np.inf]


def test_more_sound_checkpoints_come_first():
    llc = np.full((2, 3, 3, 3), 5.0)
    llc[:, 1, 1, 1] = 6.0  # sound everywhere but less level than the rest
    words = {"drifting": (0, *np.ix_(range(3), range(3), range(3)))}
    sweep_of = made(llc, **words)
    sweep_of["verdict"][0, 1, 1, 1] = "ok"
    best = ranked_cells(sweep_of, 0.25).iloc[0]
    assert [best[axis] for axis in AXES] == [4.0, 4.0, 4.0]
    assert best["num_ok"] == 2


def test_of_insensitive_cells_the_weakest_pull_wins():
    llc = np.full((1, 3, 3, 4), 5.0)
    llc[..., 0] = 20.0  # the pull of the first two matters, that of the others does not
    best = ranked_cells(made(llc), 0.25).iloc[0]
    assert best["localization"] == 16.0
    assert best["insensitive"]


def test_without_an_insensitive_cell_the_least_sensitive_wins_with_a_warning():
    llc = np.full((1, 3, 3, 3), 5.0) * np.array([1, 3, 7])
    sweep_of = made(llc)
    best = ranked_cells(sweep_of, 0.1).iloc[0].to_dict()
    assert not best["insensitive"]
    sentences = " ".join(warnings_on(best, sweep_of, 0.1))
    assert "factor of two in localization" in sentences
    assert "factor of two in step_size" not in sentences


def test_warnings_name_flagged_checkpoints_and_edges():
    llc = np.full((2, 3, 3, 3), 5.0)
    everywhere = np.ix_([0], range(3), range(3), range(3))
    sweep_of = made(llc, drifting=everywhere)
    ranked = ranked_cells(sweep_of, 0.25)
    inside = ranked[(ranked[list(AXES)] == 4.0).all(axis=1)].iloc[0].to_dict()
    assert warnings_on(inside, sweep_of, 0.25) == ["At step 0 the estimate is drifting: a reason."]
    edge = {**inside, "n_beta": 16.0, "localization": 1.0}
    assert warnings_on(edge, sweep_of, 0.25)[1:] == [
        "n_beta 16 lies on the edge of the grid: sweep larger values too.",
        "localization 1 lies on the edge of the grid: sweep smaller values too.",
    ]


def test_a_sweep_without_a_sound_cell_says_so():
    sweep_of = made(np.full((1, 3, 3, 3), 5.0), drifting=np.ix_([0], range(3), range(3), range(3)))
    best = ranked_cells(sweep_of, 0.25).iloc[0].to_dict()
    text = config_fragment(best, sweep_of, 0.25)
    assert "ok at 0 of 1 checkpoints; largest change by a factor of two an unknown amount" in text
    assert "# WARNING: At step 0 the estimate is drifting: a reason." in text
    assert text.startswith(
        "# FAILED, no cell keeps the criteria; this one fails least: ok at 0 of 1 checkpoints"
    )


def test_a_choice_that_keeps_its_criteria_has_not_failed():
    sweep_of = made(np.full((1, 3, 3, 3), 5.0))
    best = ranked_cells(sweep_of, 0.25).iloc[0].to_dict()
    assert failures_of(best) == []
    assert "FAILED" not in config_fragment(best, sweep_of, 0.25)
    assert failures_of({**best, "insensitive": False, "largest_change": 1.72}) == [
        "a factor of two may change an estimate by 172 %"
    ]


@pytest.mark.parametrize(("insensitive", "line"), [(True, "-"), (False, "--")])
def test_figure_says_whether_the_choice_failed_and_what_is_exact(swept, insensitive, line):
    ranked = ranked_cells(swept, 0.25).assign(insensitive=insensitive, num_ok=2)
    drawn = fig40_calibration.draw(sweep=swept, ranked=ranked)
    title = drawn.figure.get_suptitle()
    assert ("FAILED" in title) == (not insensitive)
    assert "exactly 2" in title
    frames = [patch for ax in drawn.figure.axes if ax.images for patch in ax.patches]
    assert {patch.get_linestyle() for patch in frames} == {line}


def test_fragment_is_a_sampler_and_a_valid_configuration(swept, tmp_path):
    write_dataset(tmp_path / "sweep.nc", swept, swept.attrs)
    back = read_dataset(tmp_path / "sweep.nc")
    best = ranked_cells(back, 0.25).iloc[0].to_dict()
    alone = yaml.safe_load(config_fragment(best, back, 0.25))
    config = SGLDConfig(**alone["calibrated"])
    assert (config.step_size, config.num_draws) == (best["step_size"], BASE.num_draws)
    assert config.paired is True
    extras = {"local": {"loss": "all_positions", "noise": "shared", "seeds": None}}
    place = ["regression", "llc", "settings"]
    text = config_fragment(best, back, 0.25, nested=place, names=extras)
    assert "# Sampler settings chosen for small" in text
    whole = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    merged = merge(whole, yaml.safe_load(text))
    merged = checked(merged)
    assert merged["regression"]["llc"]["settings"]["local"]["n_beta"] == best["n_beta"]


@pytest.mark.parametrize("values", [(1.0,), (2.0, 1.0), (0.0, 1.0), (1.0, 1.0)])
def test_an_axis_that_cannot_be_searched_is_refused(values):
    with pytest.raises(ValueError, match=r"Grid.*n_beta.* must "):
        Grid((0.1, 0.2), values, (1.0, 2.0))


def test_subjects_are_what_they_say():
    model = {"num_inputs": 4, "num_outputs": 3, "num_hidden": 2, "rank": 1}
    built = rrr.swept({}, model={**model, "num_samples": 50, "noise_std": 0.3}, root_seed=0)
    assert built.steps == (0,)
    assert built.subject.exact_llc == exact.reduced_rank_regression(4, 3, 2, 1).value
    settings = {
        "task": {"modulus": 5, "train_fraction": 0.8},
        "network": {"embed_dim": 4, "hidden_dim": 8},
        "training": {"num_steps": 60, "batch_size": 8, "learning_rate": 0.02, "weight_decay": 0.0},
    }
    trained, steps, _ = modular.swept({}, model=settings, shares=[0.0, 0.5, 1.0], root_seed=0)
    assert steps == (0, 30, 60)
    losses = [trained.loss_fn(trained.params_at(s), trained.samples).item() for s in steps]
    assert losses[0] == pytest.approx(untrained_loss_of(trained), rel=1e-5)
    assert losses[2] < losses[1] < losses[0]


def test_figure_shows_every_cell_and_frames_the_choice(swept):
    ranked = ranked_cells(swept, 0.25)
    drawn = fig40_calibration.draw(sweep=swept, ranked=ranked)
    drawn.figure.draw_without_rendering()
    assert drawn.figure.get_size_inches()[0] == style.FULL_WIDTH
    maps = drawn.data[drawn.data["panel"].str.startswith("verdicts")]
    assert len(maps) == swept["llc_mean"].size
    assert sorted(maps["verdict"]) == sorted(swept["verdict"].values.ravel())
    axes = [ax for ax in drawn.figure.axes if ax.images]
    assert len(axes) == 4  # two checkpoints, two step sizes
    framed = [ax for ax in axes if ax.patches]
    assert {ax.get_title(loc="left") for ax in framed} <= {
        "",
        rf"$\epsilon$ = {ranked['step_size'][0]:g}",
    }
    assert len(framed) == 2
