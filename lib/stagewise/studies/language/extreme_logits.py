"""What a form of essential dynamics is about: its extreme logits (Hoogland et al. 2024, App. C.1.3).

A form is a point in the space of the leading components. Lifted to function space it holds a logit for
every token-in-context and every token that could follow. Which of these are largest, and whether they
begin words or complete induction patterns more often than logits in general, is what it is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from stagewise.studies.language.layout import CONTEXTS

THRESHOLD = 2.0
"""Entries beyond this many standard deviations from the mean of all are extreme."""

MEASURES = ("new_word", "induction", "seen")


@dataclass(frozen=True)
class Contexts:
    """Tokens-in-context, and what each token that could follow would do.

    Parameters
    ----------
    rows : ndarray of int64, shape (context, n_ctx)
    places : ndarray of int64, shape (context,)
        Place of the last token of each context in its row.
    new_word : ndarray of bool, shape (V,)
        Whether a token begins with a space.
    """

    rows: np.ndarray
    places: np.ndarray
    new_word: np.ndarray

    @classmethod
    def of(cls, stored: xr.Dataset) -> Contexts:
        """Return contexts from a store; layout `language.layout.CONTEXTS`."""
        names = ("tokens", "last", "new_word")
        return cls(*(stored[name].to_numpy() for name in names))

    def dataset(self) -> xr.Dataset:
        """Return the contexts as a store keeps them."""
        return CONTEXTS.dataset(
            {"tokens": self.rows, "last": self.places, "new_word": self.new_word}
        )

    def distance(self) -> np.ndarray:
        """Return how far back the induction pattern lies that each token would complete.

        Returns
        -------
        ndarray of int64, shape (context, V)
            Tokens between the last token of the context and its latest earlier occurrence that the
            candidate followed; 0 where it completes none.
        """
        found = np.zeros((len(self.rows), len(self.new_word)), dtype=np.int64)
        for context, (row, place) in enumerate(zip(self.rows, self.places, strict=True)):
            for earlier in np.flatnonzero(row[:place] == row[place]):  # later ones overwrite
                found[context, row[earlier + 1]] = place - earlier
        return found

    def seen(self) -> np.ndarray:
        """Return whether each token occurs in the context at all, shape (context, V)."""
        found = np.zeros((len(self.rows), len(self.new_word)), dtype=bool)
        for context, (row, place) in enumerate(zip(self.rows, self.places, strict=True)):
            found[context, row[: place + 1]] = True
        return found

    def kinds(self) -> dict[str, np.ndarray]:
        """Return whether each entry is of each kind of `MEASURES`, shape (context, V)."""
        shape = (len(self.rows), len(self.new_word))
        values = (np.broadcast_to(self.new_word, shape), self.distance() > 0, self.seen())
        return dict(zip(MEASURES, values, strict=True))


def lifted(ed: xr.Dataset, point: np.ndarray, vocab_size: int) -> np.ndarray:
    """Return a point in the space of components as standardised logits, shape (context, V).

    Parameters
    ----------
    ed : Dataset
        Layout `development.layout.ED`; features are contexts times V.
    point : ndarray, shape (pc,)
        Scores of the leading components, as many as are given.
    vocab_size : int
    """
    components = ed["components"].to_numpy()[: len(point)].astype(float)
    logits = ed["mean"].to_numpy() + point @ components
    return ((logits - logits.mean()) / logits.std()).reshape(-1, vocab_size)


@dataclass(frozen=True)
class Share:
    """How many of some entries are of a kind, against all entries.

    Parameters
    ----------
    share, base_rate : float
    stderr : float
        Of the difference of the two, over contexts: entries of one context are not independent.
    count : int
        Entries behind the share.
    """

    share: float
    base_rate: float
    stderr: float
    count: int


def share_of(chosen: np.ndarray, kind: np.ndarray) -> Share:
    """Return the share of a kind among chosen entries; both of bool, shape (context, V)."""
    count = int(chosen.sum())
    base = float(kind.mean())
    if not count:
        return Share(np.nan, base, np.nan, 0)
    hits, sizes = (chosen & kind).sum(1), chosen.sum(1)
    share = float(hits.sum() / count)
    influence = (hits - share * sizes) / count - (kind.mean(1) - base) / len(kind)
    return Share(share, base, float(np.sqrt((influence**2).sum())), count)


def sides(values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield which entries are extreme, high ones and low ones."""
    yield "high", values > THRESHOLD
    yield "low", values < -THRESHOLD


NUM_SHOWN = 3
"""Forms that figures show, those of least p-value first in the order of time."""


def shown_points(forms: xr.Dataset, ed: xr.Dataset, vocab_size: int) -> dict[str, np.ndarray]:
    """Return the forms that figures show, by title, and the end of training to compare them with.

    The end of training is lifted from the same components, so that it differs in place alone.

    Parameters
    ----------
    forms, ed : Dataset
        Layouts `development.layout.FORMS` and `development.layout.ED`.
    vocab_size : int

    Returns
    -------
    dict of str to ndarray
        Results of `lifted`.
    """
    centres = forms["centre"].to_numpy()
    ranks = np.argsort(forms["p_value"].to_numpy(), kind="stable")[:NUM_SHOWN]
    shown = {
        _title(forms, form): lifted(ed, centres[form], vocab_size)
        for form in sorted(ranks.tolist())
    }
    last = ed["scores"].isel(step=-1).to_numpy()[: forms.sizes["pc"]]
    title = "End of training" if shown else "No form found; end of training"
    return {**shown, title: lifted(ed, last, vocab_size)}


def _title(forms: xr.Dataset, form: int) -> str:
    p_value = float(forms["p_value"][form])
    compared = "no random walks" if np.isnan(p_value) else f"p = {p_value:.2f}"
    return f"Form {form + 1}, step {float(forms['form_step'][form]):.0f} ({compared})"
