"""Laws of synthetic times to generalise, with and without censoring, and growth of known circuits."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from stagewise.studies.modular.growth import growth_against_size
from stagewise.studies.modular.scaling import FORMS, Runs, fit_law, fit_laws, shape_interval

FRACTIONS = np.repeat([0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95], 6)
LAWS = {
    "power": lambda x: np.log(200) - 3 * np.log(x),
    "exponential": lambda x: np.log(200) + 6 * (1 - x),
    "super_exponential": lambda x: np.log(200) + 0.25 * (x**-2 - 1),
}


def synthetic(form: str, deviation: float, last_step: float = np.inf, seed: int = 0) -> Runs:
    rng = np.random.default_rng(seed)
    time = np.exp(LAWS[form](FRACTIONS) + deviation * rng.standard_normal(FRACTIONS.size))
    return Runs(FRACTIONS, np.minimum(time, last_step), time > last_step)


# Laws


@pytest.mark.parametrize("last_step", [np.inf, 4000.0], ids=["complete", "censored"])
@pytest.mark.parametrize("form", FORMS)
def test_the_true_form_has_the_least_aic(form, last_step):
    """A power law is a limit of the super-exponential one, which wins by chance in 8 % of samples.

    That is the chance of a normal deviate above sqrt(2), what a further parameter costs.
    """
    told, seeds = 0, range(25 if form == "power" else 8)
    for seed in seeds:
        runs = synthetic(form, 0.1, last_step, seed)
        assert runs.censored.any() == np.isfinite(last_step)
        laws = fit_laws(runs)
        told += min(laws, key=lambda name: laws[name].aic) == form
        x = np.array([0.3, 0.5, 0.9])
        np.testing.assert_allclose(np.log(laws[form].median_time(x)), LAWS[form](x), atol=0.15)
        assert laws[form].deviation == pytest.approx(0.1, rel=0.3)
    assert told >= 20 if form == "power" else told == 8


def test_parameters_of_exact_data():
    runs = synthetic("super_exponential", 0.0)
    law = fit_law(runs, "super_exponential")
    assert law.shape == pytest.approx(2, abs=1e-3)
    assert law.slope == pytest.approx(0.5, rel=1e-2)  # B = b / c
    assert law.intercept == pytest.approx(np.log(200), abs=1e-3)
    assert fit_law(synthetic("power", 0.0), "power").slope == pytest.approx(3)
    assert fit_law(synthetic("exponential", 0.0), "exponential").slope == pytest.approx(6)


def test_complete_runs_are_fitted_by_least_squares():
    runs = synthetic("power", 0.3)
    law = fit_law(runs, "power")
    line = scipy.stats.linregress(-np.log(runs.fraction), np.log(runs.time))
    assert (law.slope, law.intercept) == pytest.approx((line.slope, line.intercept), rel=1e-5)
    residual = np.log(runs.time) - line.intercept + line.slope * np.log(runs.fraction)
    assert law.deviation == pytest.approx(residual.std(), rel=1e-4)
    expected = scipy.stats.norm.logpdf(residual, scale=residual.std()).sum()
    assert law.log_likelihood == pytest.approx(expected)
    assert law.aic == pytest.approx(6 - 2 * expected)


def test_the_likelihood_of_censored_runs_is_largest():
    runs = synthetic("power", 0.5, 2000.0)
    law = fit_law(runs, "power")

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
        slopes.append(fit_law(runs, "power").slope)
        known = np.zeros_like(runs.censored)
        taken.append(fit_law(Runs(runs.fraction, runs.time, known), "power").slope)
        kept = ~runs.censored
        left = Runs(runs.fraction[kept], runs.time[kept], runs.censored[kept])
        left_out.append(fit_law(left, "power").slope)
    error = np.std(slopes) / 20**0.5
    assert error < 0.1
    assert np.mean(slopes) == pytest.approx(3, abs=4 * error)
    assert np.mean(taken) < 3 - 8 * error
    assert np.mean(left_out) < 3 - 4 * error


def test_too_few_fractions_have_no_law():
    runs = Runs(
        np.array([0.3, 0.5, 0.7]), np.array([900.0, 300, 200]), np.array([True, False, False])
    )
    assert np.isnan(fit_law(runs, "super_exponential").aic)
    assert np.isnan(shape_interval(runs).shape)


# Shape


@pytest.mark.parametrize(
    ("form", "shape"), [("power", 0), ("exponential", -1), ("super_exponential", 2)]
)
def test_intervals_cover_the_shape(form, shape):
    found = [shape_interval(synthetic(form, 0.1, seed=seed), 0.8) for seed in range(25)]
    covered = sum(one.low < shape < one.high for one in found)
    assert 14 <= covered <= 24  # expected 20, standard deviation 2
    assert all(one.low < one.shape < one.high and one.high - one.low < 1 for one in found)


def test_an_end_of_the_interval_is_where_the_likelihood_ratio_has_the_level():
    laws = fit_laws(synthetic("power", 0.1))
    assert laws["super_exponential"].shape > 0.051  # not at its bound: the family's maximum
    ratio = 2 * (laws["super_exponential"].log_likelihood - laws["power"].log_likelihood)
    found = shape_interval(synthetic("power", 0.1), scipy.stats.chi2.cdf(ratio, 1))
    assert found.low == pytest.approx(0, abs=1e-2)
    assert found.shape == pytest.approx(laws["super_exponential"].shape, abs=1e-2)


@pytest.mark.parametrize("form", ["power", "super_exponential"])
def test_faster_than_exponential_growth_is_told(form):
    assert shape_interval(synthetic(form, 0.1, 5000.0)).faster_than_exponential is True


def test_slower_than_exponential_growth_is_told():
    time = np.exp(5 + 3 * (1 - FRACTIONS**3) + 0.05 * np.random.default_rng(1).standard_normal(54))
    found = shape_interval(Runs(FRACTIONS, time, np.zeros(54, dtype=bool)))
    assert found.low < -3 < found.high
    assert found.faster_than_exponential is False


def test_noise_leaves_the_shape_open():
    runs = synthetic("power", 3.0)
    few = Runs(runs.fraction[::6], runs.time[::6], runs.censored[::6])
    found = shape_interval(few)
    assert found.faster_than_exponential is None
    assert np.isinf([found.low, found.high]).any()


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
    }
    with pytest.raises(ValueError, match=named):
        Runs(**(whole | change))


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="power, exponential, super_exponential"):
        fit_law(synthetic("power", 0.1), "linear")


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
