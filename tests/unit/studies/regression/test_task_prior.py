"""Networks on finite sets of tasks: the discrete MMSE predictor, nested contexts, and the sweep."""

import numpy as np
import pytest
import torch

from stagewise.core.seeding import StreamKey
from stagewise.core.settings import StepGrids, TrainingSettings
from stagewise.core.training import Memory
from stagewise.studies.regression.figures import fig26_task_prior
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.task import ridge_predictions
from stagewise.studies.regression.task_prior import (
    References,
    Sweep,
    along_training,
    mmse_predictions,
    nested_contexts,
)
from stagewise.studies.regression.task_prior_layout import TASK_PRIOR
from stagewise.studies.regression.task_prior_settings import TaskPriorSettings
from tests.layouts import assert_keeps

TASK = TaskSettings(dimension=2, num_examples=4, noise_variance=0.125)
NETWORK = NetworkSettings(num_layers=2, num_heads=2, embed_dim=8, mlp_dim=8, residual="doubled")
KEY = StreamKey(0, ("test",))
TRAINING = TrainingSettings(
    num_steps=6,
    batch_size=4,
    max_learning_rate=0.01,
    warmup_fraction=0.5,
    betas=(0.9, 0.999),
    epsilon=1e-8,
    segment_steps=3,
)


def sweep(sizes=(1, 3), seeds=(0, 1)) -> Sweep:
    settings = TaskPriorSettings(sizes, seeds, TRAINING, StepGrids(3, 2), num_contexts=70)
    return Sweep(TASK, NETWORK, settings, 0, "cpu")


def drawn(num_tasks: int, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    tasks = torch.randn(num_tasks, 2, generator=KEY.child("tasks").generator())
    generator = KEY.child("contexts").generator()
    inputs, labels = nested_contexts(TASK, tasks, [num_tasks], count, generator)
    return inputs[0].double(), labels[0].double(), tasks.double()


def test_mmse_predictions_are_those_of_bayes_rule_task_by_task():
    inputs, labels, tasks = drawn(5, 3)
    found = mmse_predictions(inputs, labels, tasks, TASK.noise_variance, chunk=2)
    for n in range(3):
        for k in range(4):
            likelihood = torch.stack(
                [
                    torch.exp(-(labels[n, :k] - inputs[n, :k] @ w).square().sum() / 0.25)
                    for w in tasks
                ]
            )
            expected = (likelihood * (tasks @ inputs[n, k])).sum() / likelihood.sum()
            torch.testing.assert_close(found[n, k], expected)


def test_mmse_is_the_mean_task_at_first_and_the_task_itself_where_there_is_one():
    inputs, labels, tasks = drawn(5, 20)
    found = mmse_predictions(inputs, labels, tasks, TASK.noise_variance)
    torch.testing.assert_close(found[:, 0], inputs[:, 0] @ tasks.mean(0))
    alone = mmse_predictions(inputs, labels, tasks[:1], TASK.noise_variance)
    torch.testing.assert_close(alone, inputs @ tasks[0])


def test_mmse_of_many_tasks_is_ridge_regression():
    inputs, labels, tasks = drawn(20_000, 100)
    ridge = ridge_predictions(inputs, labels, TASK.noise_variance)
    apart = {
        size: (mmse_predictions(inputs, labels, tasks[:size], 0.125) - ridge).square().mean()
        for size in (20, 20_000)
    }
    assert apart[20_000] < 0.01
    assert apart[20_000] < 0.05 * apart[20]


def test_contexts_differ_in_the_number_of_tasks_alone():
    tasks = torch.randn(8, 2, generator=KEY.child("tasks").generator())
    quiet = TaskSettings(2, 4, 1e-16)
    inputs, labels = nested_contexts(quiet, tasks, [1, 4, 8], 300, KEY.generator())
    assert torch.equal(inputs[0], inputs[2])
    for n, size in enumerate((1, 4, 8)):
        misfit = (inputs[n] @ tasks.T - labels[n].unsqueeze(-1)).abs().amax(1)
        assert misfit.min(1).values.max() < 1e-5
        assert set(misfit.argmin(1).tolist()) == set(range(size))


def test_networks_side_by_side_are_those_trained_alone():
    together, alone = sweep(), sweep(sizes=(3,), seeds=(1,))
    descents = [one.descent() for one in (together, alone)]
    assert torch.equal(together.initial[2:], together.initial[2].expand(2, -1))
    assert not torch.equal(together.initial[0], together.initial[2])
    for step in range(4):
        for descent in descents:
            descent.advance(step)
    moved = descents[1].vectors[0] - alone.initial[0]
    apart = descents[0].vectors[3] - descents[1].vectors[0]
    assert apart.norm() < 1e-3 * moved.norm()
    assert descents[0].alive.all()


def test_distances_are_those_of_the_predictions():
    one = sweep()
    references = References(one)
    inputs, labels = references.contexts
    ridge = references.predicted["ridge"]
    found = references.compared(ridge)
    assert found["distance_to_ridge"].tolist() == [0] * 4
    np.testing.assert_allclose(found["distance_to_zero"], ridge.square().mean((1, 2)))
    np.testing.assert_allclose(found["distance_to_mmse"], references.fixed()["mmse_to_ridge"])
    np.testing.assert_allclose(found["test_loss"], references.fixed()["ridge_loss"])
    mean = one.tasks[1][:3].mean(0)
    torch.testing.assert_close(
        references.predicted["mean_task"][3].float(), inputs[3] @ mean, rtol=1e-4, atol=1e-5
    )
    assert labels.shape == (4, 70, 4)


def test_the_sweep_along_training_and_its_figure():
    store = along_training(sweep(), Memory())
    assert_keeps(store, TASK_PRIOR)
    assert store["step"].to_numpy().tolist()[0] == 0
    assert store["step"].to_numpy().tolist()[-1] == 6
    again = sweep()
    references = References(again)
    first = references.compared(again.predictions(again.initial, references.contexts).double())
    np.testing.assert_allclose(
        store["distance_to_zero"].isel(step=0).to_numpy().ravel(), first["distance_to_zero"]
    )
    drawn = fig26_task_prior.draw(prior=store)
    drawn.figure.draw_without_rendering()
    data = drawn.data
    line = data[(data["panel"] == "mmse") & (data["series"] == "M = 3")]
    expected = store["distance_to_mmse"].sel(num_tasks=3).mean("seed")
    np.testing.assert_allclose(line["y"], expected)
    alone = fig26_task_prior.draw(prior=store.isel(seed=[0])).data
    row = alone[(alone["panel"] == "zero") & (alone["series"] == "M = 1")].iloc[-1]
    error = store["distance_to_zero_stderr"].isel(seed=0, step=-1).sel(num_tasks=1)
    assert row["high"] - row["y"] == pytest.approx(error.item())
