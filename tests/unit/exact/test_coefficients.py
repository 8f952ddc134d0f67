"""Known learning coefficients against each other, against hand-made values and against volumes."""

from __future__ import annotations

from itertools import combinations, permutations, product

import pytest

from stagewise.core.replicas import ParameterLayout
from stagewise.core.seeding import StreamKey
from stagewise.exact.coefficients import (
    LearningCoefficient,
    deep_linear_network,
    normal_crossing,
    quadratic,
    reduced_rank_regression,
    sum_of_powers,
)
from stagewise.exact.potentials import Potential
from stagewise.exact.reference_models import end_to_end, true_weights
from stagewise.exact.volume_scaling import volume_exponent


def test_toy_potentials():
    assert quadratic(5) == (2.5, 1)
    assert sum_of_powers([1, 1, 1]) == quadratic(3)
    assert sum_of_powers([1, 2, 3]) == pytest.approx((1 / 2 + 1 / 4 + 1 / 6, 1))
    assert normal_crossing([1, 3, 2]) == pytest.approx((1 / 6, 1))
    assert normal_crossing([2, 1, 2]) == (0.25, 2)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 1, 1, 0), (0.5, 2)),  # a^2 b^2, a normal crossing
        ((4, 4, 2, 0), (3.5, 1)),  # case 1, even
        ((5, 5, 3, 0), (6.5, 2)),  # case 1, odd
        ((3, 8, 3, 1), (7.0, 1)),  # case 2
        ((8, 3, 3, 1), (7.0, 1)),  # case 3, its transpose
        ((3, 3, 8, 1), (4.5, 1)),  # case 4: every map is reached, d / 2 of the maps
    ],
)
def test_four_cases(shape, expected):
    assert reduced_rank_regression(*shape) == expected


def test_cases_meet_at_their_borders():
    """On the border between two cases both formulas give the same number."""
    met = 0
    for m, n, h in product(range(1, 8), repeat=3):
        for r in range(min(m, n, h) + 1):
            value = reduced_rank_regression(m, n, h, r).value
            if m + h == n + r:
                met += 1
                assert value == (h * m - h * r + n * r) / 2
            if m + n == h + r:
                met += 1
                assert value == m * n / 2
    assert met > 50


def test_deep_formula_has_the_shallow_one_inside():
    count = 0
    for m, n, h in product(range(1, 9), repeat=3):
        for r in range(min(m, n, h) + 1):
            count += 1
            assert deep_linear_network((m, h, n), r) == reduced_rank_regression(m, n, h, r)
    assert count == 1808


def test_identifiable_networks_are_regular():
    """With no spare unit somewhere, what is left are the rank-r maps, a smooth set."""
    assert deep_linear_network((5, 4), 2) == quadratic(20)  # one layer: all matrices
    for widths in [(5, 3, 6), (5, 3, 4, 6), (4, 4, 4, 4)]:
        r = min(widths)
        assert deep_linear_network(widths, r) == quadratic(r * (widths[0] + widths[-1] - r))


def test_without_rank_the_order_of_widths_does_not_matter():
    values = {deep_linear_network(widths, 0) for widths in permutations((3, 4, 6, 5))}
    assert len(values) == 1
    assert deep_linear_network((1, 1, 1, 1), 0) == (0.5, 3)  # a^2 b^2 c^2


@pytest.mark.parametrize(
    "spare", [(1, 2, 3, 4), (2, 2, 2, 5), (1, 3, 3, 3), (2, 5, 6, 6), (1, 1, 9, 9)]
)
def test_only_one_set_of_layers_meets_the_conditions(spare):
    met = []
    for size in range(2, len(spare) + 1):
        for chosen in combinations(range(len(spare)), size):
            total, ell = sum(spare[i] for i in chosen), size - 1
            inside = all(ell * spare[i] <= total for i in chosen)
            outside = all(total < ell * spare[i] for i in set(range(len(spare))) - set(chosen))
            if inside and outside:
                met.append(sorted(spare[i] for i in chosen))
    assert len(met) == 1
    # Layers that do not count may be as wide as one likes.
    others = [width for width in spare if width > max(met[0])]
    wider = [width + 10 if width in others else width for width in spare]
    assert deep_linear_network(wider, 0) == deep_linear_network(spare, 0)


@pytest.mark.parametrize(
    ("widths", "rank", "message"),
    [
        ((3, 2, 4), 3, "no map of rank 3"),
        ((3, 2, 4), -1, "no map of rank"),
        ((3,), 0, "two widths"),
    ],
)
def test_impossible_networks_are_refused(widths, rank, message):
    with pytest.raises(ValueError, match=message):
        deep_linear_network(widths, rank)


@pytest.mark.parametrize(
    "toy",
    [
        Potential("regular", (1, 1, 1), scale=0.2),
        Potential("powers", (2, 2, 3)),
        Potential("crossing", (1, 2), product=True),
        Potential("double crossing", (1, 1), product=True),
    ],
    ids=lambda toy: toy.name,
)
def test_volumes_shrink_as_the_toys_say(toy):
    found = volume_exponent(
        toy.loss,
        len(toy.half_powers),
        toy.exact.multiplicity,
        num_points=400_000,
        share=5e-3,
        key=StreamKey(3, (toy.name,)),
    )
    assert found.stderr < 0.04 * toy.exact.value
    assert abs(found.value - toy.exact.value) < 4 * found.stderr


@pytest.mark.parametrize("widths", [(4, 2, 1), (1, 4, 1), (1, 2, 4), (3, 1, 1, 3)])
def test_volumes_shrink_as_the_formulas_say(widths):
    """Small networks of multiplicity 1, in which low losses are found by chance."""
    known = deep_linear_network(widths, 0)
    layout = ParameterLayout.of(true_weights(widths, 0))
    found = volume_exponent(
        lambda points: end_to_end(layout.unflatten(points)).square().sum((-2, -1)),
        layout.num_parameters,
        known.multiplicity,
        num_points=400_000,
        share=2e-3,
        key=StreamKey(4, widths),
    )
    assert known.multiplicity == 1
    assert found.stderr < 0.05 * known.value
    assert abs(found.value - known.value) < 4 * found.stderr


def test_the_result_is_a_pair():
    value, multiplicity = LearningCoefficient(1.5, 2)
    assert (value, multiplicity) == (1.5, 2)
