"""Laws of synthetic times to generalise, with and without censoring, and growth of known circuits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from stagewise.studies.modular.growth import growth_against_size
from stagewise.studies.modular.laws import FORMS, NULLS, shrinkage
from stagewise.studies.modular.scaling import Runs, compare_laws, fit_laws

FRACTIONS = np.repeat([0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95], 6)
LAWS = {
    "exponential": lambda x: np.log(200) + 6 * (1 - x),
    "power": lambda x: np.log(200) - 3 * np.log(x),
    "critical": lambda x: np.log(200) - 1.5 * np.log((x - 0.15) / 0.85),
}
DESIGN = np.repeat([0.35, 0.4, 0.45, 0.5, 0.7], 5)


def synthetic(
    form: str,
    deviation: float,
    last_step: float = np.inf,
    seed: int = 0,
    fractions: np.ndarray = FRACTIONS,
) -> Runs:
    rng = np.random.default_rng(seed)
    time = np.exp(LAWS[form](fractions) + deviation * rng.standard_normal(fractions.size))
    ends = np.full(fractions.size, last_step)
    return Runs(fractions, np.minimum(time, last_step), time > last_step, ends)


# Laws


@pytest.mark.parametrize("last_step", [np.inf, 4000.0], ids=["complete", "censored"])
@pytest.mark.parametrize("form", FORMS)
def test_the_true_form_has_the_least_aic(form, last_step):
    """A power law is a limit of the critical one, which wins by chance in 8 % of samples at most."""
    told, seeds = 0, range(25 if form == "power" else 8)
    for seed in seeds:
        runs = synthetic(form, 0.1, last_step, seed)
        assert runs.censored.any() == np.isfinite(last_step)
        laws = fit_laws(runs)
        told += min(laws, key=lambda name: laws[name].aic) == form
        x = np.array([0.3, 0.5, 0.9])
        np.testing.assert_allclose(np.log(laws[form].median_time(x)), LAWS[form](x), atol=0.2)
        assert laws[form].deviation == pytest.approx(0.1, rel=0.35)
    assert told >= 20 if form == "power" else told == 8


def test_parameters_of_exact_data():
    law = fit_laws(synthetic("critical", 1e-3))["critical"]
    assert law.critical_share == pytest.approx(0.15, abs=0.005)  # of a grid
    assert fit_laws(synthetic("power", 1e-4))["power"].slope == pytest.approx(3, rel=1e-3)
    assert fit_laws(synthetic("exponential", 1e-4))["exponential"].slope == pytest.approx(
        6, rel=1e-3
    )


def test_complete_runs_are_fitted_by_least_squares():
    runs = synthetic("power", 0.3)
    law = fit_laws(runs)["power"]
    line = scipy.stats.linregress(-np.log(runs.fraction), np.log(runs.time))
    assert (law.slope, law.intercept) == pytest.approx((line.slope, line.intercept), rel=1e-5)
    residual = np.log(runs.time) - line.intercept + line.slope * np.log(runs.fraction)
    assert law.deviation == pytest.approx(residual.std(), rel=1e-4)
    expected = scipy.stats.norm.logpdf(residual, scale=residual.std()).sum()
    assert law.log_likelihood == pytest.approx(expected)
    assert law.aic == pytest.approx(6 - 2 * expected)


def test_the_likelihood_of_censored_runs_is_largest():
    runs = synthetic("power", 0.5, 2000.0)
    law = fit_laws(runs)["power"]

    def likelihood(intercept, slope, deviation):
        mean = intercept - slope * np.log(runs.fraction)
        error = scipy.stats.norm(mean, deviation)
        terms = np.where(
            runs.censored, error.logsf(np.log(runs.time)), error.logpdf(np.log(runs.time))
        )
        return terms.sum()

    best = likelihood(law.intercept, law.slope, law.deviation)
    assert best == pytest.approx(law.log_likelihood)
    found = scipy.optimize.minimize(
        lambda point: -likelihood(*point), [5.0, 2.0, 1.0], method="Nelder-Mead"
    )
    assert best == pytest.approx(-found.fun, abs=1e-4)


def test_censoring_does_not_bias_the_slope():
    """Taking last steps for times would flatten the law; leaving the runs out, too."""
    slopes, taken, left_out = [], [], []
    for seed in range(20):
        runs = synthetic("power", 0.5, 3000.0, seed)
        slopes.append(fit_laws(runs)["power"].slope)
        known = np.zeros_like(runs.censored)
        taken.append(fit_laws(replace(runs, censored=known))["power"].slope)
        kept = ~runs.censored
        left = Runs(*(part[kept] for part in vars(runs).values()))
        left_out.append(fit_laws(left)["power"].slope)
    error = np.std(slopes) / 20**0.5
    assert error < 0.1
    assert np.mean(slopes) == pytest.approx(3, abs=4 * error)
    assert np.mean(taken) < 3 - 8 * error
    assert np.mean(left_out) < 3 - 4 * error


def test_runs_below_the_critical_share_take_nothing_off_its_likelihood():
    above = synthetic("critical", 0.1)
    fractions = np.concatenate([np.full(6, 0.1), FRACTIONS])
    ends = np.full(fractions.size, 1e6)
    time = np.concatenate([ends[:6], above.time])
    never = Runs(fractions, time, np.arange(fractions.size) < 6, ends)
    with_them, without = fit_laws(never), fit_laws(above)
    assert with_them["critical"].log_likelihood == pytest.approx(without["critical"].log_likelihood)
    assert with_them["power"].log_likelihood < without["power"].log_likelihood - 10


def test_too_few_fractions_have_no_law():
    late = np.array([True, False, False])
    runs = Runs(np.array([0.3, 0.5, 0.7]), np.array([900.0, 300, 200]), late, np.full(3, 900.0))
    assert np.isnan(fit_laws(runs)["critical"].aic)
    assert compare_laws({"small": runs}, 10) == {}


def test_the_family_is_smooth_between_its_laws():
    x = np.array([0.2, 0.5, 1.0])
    np.testing.assert_allclose(shrinkage(x, 1e-9), 1 - x, rtol=1e-6)
    np.testing.assert_allclose(shrinkage(x, 1.0), -np.log(x))
    assert np.isinf(shrinkage(x, 1 / (1 - 0.5))).tolist() == [True, True, False]


# Whether runs can tell laws apart


def rejections(form: str, deviation: float, fractions: np.ndarray, count: int) -> dict[str, float]:
    """Return in what share of simulated studies either law is rejected, and mean estimates of power."""
    p_values, power = [], []
    for seed in range(count):
        one = compare_laws({"large": synthetic(form, deviation, 2e4, seed, fractions)}, 40)
        p_values.append([one["all", name].p_value < 0.05 for name in NULLS])
        bars = [np.nanquantile(one["all", name].null, 0.95) for name in NULLS]
        gains = [one["all", name].critical for name in NULLS]
        power.append([(gain > bar).mean() for gain, bar in zip(gains, bars, strict=True)])
    both = np.all(p_values, axis=1).mean()
    of_power = np.mean(power, axis=0)
    return {"both": both, **dict(zip(NULLS, of_power, strict=True))}


def test_neither_an_exponential_nor_a_power_law_passes():
    for form in NULLS:
        assert rejections(form, 0.2, DESIGN, 20)["both"] <= 0.15  # 5 % and two standard errors


def test_many_precise_runs_find_a_critical_share_and_few_say_that_they_cannot():
    good = rejections("critical", 0.1, FRACTIONS, 6)
    assert good["both"] == 1
    assert min(good[name] for name in NULLS) > 0.8
    poor = rejections("critical", 0.3, DESIGN, 4)
    assert poor["power"] < 0.6


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"fraction": np.array([0.2, 0.5, 1.2])}, "fraction"),
        ({"time": np.array([1.0, 0.0, 2.0])}, "time"),
        ({"time": np.array([1.0, np.nan, 2.0])}, "time"),
        ({"censored": np.zeros(3)}, "censored"),
        ({"time": np.ones(2)}, "one length"),
    ],
)
def test_impossible_runs_are_refused(change, named):
    whole = {
        "fraction": np.array([0.2, 0.5, 1.0]),
        "time": np.ones(3),
        "censored": np.zeros(3, dtype=bool),
        "last_step": np.ones(3),
    }
    with pytest.raises(ValueError, match=named):
        Runs(**(whole | change))


# Growth of a circuit

TIMES = np.linspace(0, 9, 2000)


@pytest.mark.parametrize(
    ("size", "slope", "exponent"),
    [
        (0.1 * np.exp(0.5 * TIMES), 0, 1),
        (1 / (10 - TIMES), 1, 2),  # dS/dt = S^2
        (1 + 0 * TIMES + TIMES, None, 0),  # dS/dt = 1
        ((1 + TIMES) ** 2, None, 0.5),  # dS/dt = 2 S^1/2
    ],
    ids=["exponential", "hyperbolic", "linear", "square"],
)
def test_growth_of_known_laws(size, slope, exponent):
    found = growth_against_size(TIMES, size, 1.0)
    assert found.exponent == pytest.approx(exponent, abs=0.01)
    assert found.num_records == len(TIMES)
    if slope is None:
        assert found.slope < -0.001
        assert found.correlation == pytest.approx(-1)
    else:
        assert found.slope == pytest.approx(slope, abs=0.01)


def test_saturation_is_left_out():
    size = 1 / (1 + 999 * np.exp(-3 * TIMES))  # dS/dt = 3 S (1 - S)
    whole = growth_against_size(TIMES, size, 1.0)
    assert whole.slope == pytest.approx(-3, rel=0.01)
    early = growth_against_size(TIMES, size, 0.1)
    assert early.exponent == pytest.approx(1, abs=0.05)
    assert early.num_records < whole.num_records


def test_growth_begins_at_the_least_size():
    size = np.exp(-5 * TIMES) + 0.01 * np.exp(0.5 * TIMES)
    least = int(np.argmin(size))
    assert 0 < least < 1000
    assert size[0] > size[-1]
    found = growth_against_size(TIMES, size, 0.9)
    assert found.num_records == np.argmax(size[least:] >= 0.9 * size[-1]) + 1
    assert found.exponent > 0
    assert found == growth_against_size(TIMES[least:], size[least:], 0.9)


def test_a_circuit_that_was_absent_is_followed_from_where_it_appears():
    size = np.where(TIMES < 3, 0.0, 0.1 * np.exp(0.5 * TIMES))
    found = growth_against_size(TIMES, size, 1.0)
    assert found.num_records == (TIMES >= 3).sum()
    assert found.exponent == pytest.approx(1, abs=0.01)


def test_circuits_that_do_not_grow_have_no_rate():
    assert np.isnan(growth_against_size(TIMES, np.ones_like(TIMES), 1.0).slope)
    assert np.isnan(growth_against_size(TIMES[:3], TIMES[:3] + 1, 1.0).slope)
    assert np.isnan(growth_against_size(TIMES, np.zeros_like(TIMES), 0.5).slope)
    assert np.isnan(growth_against_size(TIMES, np.exp(-TIMES), 0.5).slope)


@pytest.mark.parametrize(
    ("times", "size", "until", "named"),
    [
        (TIMES[::-1], TIMES, 0.5, "increasing"),
        (TIMES, TIMES - 1, 0.5, "negative"),
        (TIMES, TIMES, 0.0, "until"),
    ],
)
def test_impossible_growth_is_refused(times, size, until, named):
    with pytest.raises(ValueError, match=named):
        growth_against_size(times, size, until)
