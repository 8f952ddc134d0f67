import numpy as np
import pytest
import torch

from stagewise.core.learning_rates import one_cycle_learning_rate
from stagewise.core.schedules import (
    checkpoint_steps,
    linear_steps,
    logarithmic_steps,
    nested_subset,
    shards,
)


@pytest.mark.parametrize(("num_steps", "warmup"), [(200, 0.5), (1000, 0.3)])
def test_one_cycle_equals_torch(num_steps, warmup):
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([weight], lr=1.0)
    divisor = num_steps / 2 - 1
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=0.003,
        total_steps=num_steps,
        anneal_strategy="linear",
        div_factor=divisor,
        final_div_factor=divisor,
        pct_start=warmup,
        cycle_momentum=False,
    )
    for step in range(num_steps):
        ours = one_cycle_learning_rate(step, num_steps, 0.003, warmup)
        assert ours == pytest.approx(scheduler.get_last_lr()[0], rel=1e-9)
        optimiser.step()
        if step < num_steps - 1:
            scheduler.step()


def test_logarithmic_steps_are_distinct_and_reach_the_end():
    steps = logarithmic_steps(500_000, 90)
    assert len(steps) == len(set(steps)) == 90
    assert steps[-1] == 500_000
    ratios = steps[45:-1] / steps[44:-2]
    assert np.ptp(ratios) < 0.01


def test_too_many_logarithmic_steps():
    with pytest.raises(ValueError, match="cannot place 12"):
        logarithmic_steps(10, 12)


def test_the_published_checkpoints():
    steps = checkpoint_steps(500_000, 100, 90)
    assert steps[0] == 0
    assert steps[-1] == 500_000
    assert set(linear_steps(500_000, 100)) <= set(steps)
    assert 180 <= len(steps) <= 190


def test_a_finer_grid_contains_the_coarser():
    steps = checkpoint_steps(25_000, 100, 90)
    coarse, fine = nested_subset(steps, 17), nested_subset(steps, 40)
    assert np.array_equal(fine[:17], coarse)
    assert {0, 25_000} <= set(coarse)


def test_every_prefix_covers_the_run():
    steps = np.arange(129) * 10
    for count in (5, 17, 33, 50):
        ranks = np.sort(nested_subset(steps, count)) // 10
        gaps = np.diff(ranks)
        assert gaps.max() <= 2 * np.ceil(128 / (count - 1))


def test_all_when_more_are_asked_for():
    assert sorted(nested_subset(np.arange(5), 99)) == [0, 1, 2, 3, 4]


def test_shards_keep_their_contents_when_items_are_added():
    assert shards(np.arange(7), 3) == [[0, 1, 2], [3, 4, 5], [6]]
    assert shards(np.arange(9), 3)[:2] == shards(np.arange(7), 3)[:2]
