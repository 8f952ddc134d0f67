"""The studies, in the order of the report. Light: it is read at every start of Snakemake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Study:
    """What is known of a study by its name, which is that of its package and of its results.

    Parameters
    ----------
    title : str
        In the report.
    letter : str
        First letter of the ids of its claims.
    """

    title: str
    letter: str


STUDIES: Mapping[str, Study] = {
    "regression": Study("In-context linear regression", "R"),
    "instruments": Study("The LLC as an instrument", "I"),
    "scurves": Study("Multi-component learning and S-curves", "S"),
    "modular": Study("Grokking on modular addition", "G"),
    "language": Study("Attention-only language models", "L"),
}
"""Those that every configuration has."""

OWN = "own"
"""The study of one's own checkpoints, where a configuration has this section; it claims nothing."""

TITLED: Mapping[str, Study] = {**STUDIES, OWN: Study("Your own checkpoints", "")}
