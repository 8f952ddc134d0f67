"""Figures of contact and of the toy form: exact curves."""

from __future__ import annotations

import numpy as np
import pytest

from stagewise.plots import style
from stagewise.studies.instruments.figures import fig09_contact, fig10_toy_form


@pytest.mark.parametrize("figure", [fig09_contact, fig10_toy_form])
def test_they_draw_with_labelled_axes(figure) -> None:
    shown = figure.draw().figure
    shown.draw_without_rendering()
    assert shown.get_size_inches()[0] == style.FULL_WIDTH
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in shown.axes)


def test_contact_is_the_slope_of_the_squared_distance() -> None:
    data = fig09_contact.draw().data
    for order in (1, 2, 3, 4):
        line = data[(data["panel"] == "potential") & (data["series"] == f"contact {order}")]
        slope = np.polyfit(np.log(line["x"][:10]), np.log(line["y"][:10]), 1)[0]
        assert slope == pytest.approx(order, abs=0.1)


def test_the_form_is_flatter_than_another_point() -> None:
    data = fig10_toy_form.draw().data
    for name, order in (("form", 4), ("another point", 2)):
        for side in ("before", "after"):
            line = data[data["series"] == f"{name}, {side}"]
            line = line[line["x"].between(0.05, 0.2)]
            slope = np.polyfit(np.log(line["x"]), np.log(line["y"]), 1)[0]
            assert slope == pytest.approx(order, abs=0.4)
