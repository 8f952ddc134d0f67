"""Extreme logits of forms: tokens that begin a word."""

from __future__ import annotations

import xarray as xr

from stagewise.plots import style
from stagewise.plots.drawn import Drawn
from stagewise.studies.language.figures.form_contents import draw_forms


@style.context()
def draw(*, ed: xr.Dataset, forms: xr.Dataset, contexts: xr.Dataset) -> Drawn:
    """Draw densities and shares of tokens that begin a word, one row a form.

    Parameters
    ----------
    ed, forms, contexts : Dataset
        Of one run; layouts `development.layout.ED`, `development.layout.FORMS` and
        `language.layout.CONTEXTS`.
    """
    return draw_forms(ed, forms, contexts, "new_word", 2)
