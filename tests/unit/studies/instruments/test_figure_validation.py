"""Figure 7 shows every case, draws misses as misses, and says what it cannot show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from stagewise.exact.layout import VALIDATION
from stagewise.exact.suite import RULES
from stagewise.plots.drawn import Drawn
from stagewise.studies.instruments.figures.fig07_exact_values import LOOKS, draw


def table_of(**change: object) -> pd.DataFrame:
    families = [*LOOKS, "deep"]
    exact = np.array([5.0, 10.0, 10.0, 4.0, 1.5, 0.25, 0.5, 7.0, 9.0])
    estimate = exact * np.array([1.02, 0.99, 0.99, 1.02, 1.01, 0.85, 1.0, 1.1, 0.98])
    stderr = 0.02 * exact
    toy = np.arange(9) < 6
    table = pd.DataFrame(
        {
            "case": [f"case {index}" for index in range(9)],
            "family": families,
            "num_parameters": 20,
            "scale": np.where(toy, 1.0, np.nan),
            "exact": exact,
            "multiplicity": [1, 1, 1, 1, 1, 2, 1, 2, 3],
            "estimate": estimate,
            "stderr": stderr,
            "interval_low": estimate - 2.1 * stderr,
            "interval_high": estimate + 2.1 * stderr,
            "z_score": (estimate - exact) / stderr,
            "bias": estimate - exact,
            "finite": np.where(toy, 0.95 * exact, np.nan),
            "independent": np.where(toy, exact, np.nan),
            "independent_stderr": np.where(toy, 0.01, np.nan),
            "n_beta": 1000.0,
            "localization": 4.0,
            "step_size": 1e-5,
            "num_diverged": 0,
        }
    )
    return VALIDATION.check(table.assign(**change))


def texts(figure: Figure) -> str:
    drawn = [text.get_text() for ax in figure.axes for text in ax.texts]
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    return "\n".join([*drawn, *labels, figure.get_suptitle()])


def faces(drawn: Drawn, panel: int) -> int:
    """Return how many points of a panel are hollow."""
    lines = drawn.figure.axes[panel].get_lines()
    return sum(len(line.get_xdata()) for line in lines if line.get_markerfacecolor() == "white")


def test_every_case_is_drawn_and_recorded():
    drawn = draw(table=table_of())
    for panel in ("a", "b"):
        rows = drawn.data[(drawn.data["panel"] == panel) & drawn.data["covers"].notna()]
        assert len(rows) == 9
        assert set(rows["series"]) == set(LOOKS)
    ticks = drawn.data[drawn.data["series"] == "exact at finite n_beta"]
    np.testing.assert_allclose(ticks["x"], -5.0)
    assert "case 5 (m = 2)" in texts(drawn.figure)


def test_misses_are_hollow_and_counted():
    drawn = draw(table=table_of())
    assert faces(drawn, 0) == faces(drawn, 1) == 2
    assert "7 of 9 intervals cover the exact value" in texts(drawn.figure)
    assert "median relative error 2.0 %" in texts(drawn.figure)


@pytest.mark.parametrize("value", [np.nan, -1.0])
def test_an_estimate_that_the_scale_cannot_show_is_mentioned(value):
    table = table_of()
    columns = ["estimate", "interval_low", "interval_high", "bias"]
    table.loc[0, columns] = [value, value - 1, value + 1, value - 5]
    drawn = draw(table=table)
    assert "1 without a positive estimate" in texts(drawn.figure)
    assert ("1 without estimate" in texts(drawn.figure)) == np.isnan(value)
    drawn.figure.canvas.draw()


def test_families_of_the_suite_have_looks():
    assert set(LOOKS) == set(RULES)
    with pytest.raises(ValueError, match="'unheard of'"):
        draw(table=table_of(family="unheard of"))
