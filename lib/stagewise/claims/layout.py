"""Layout of the table of claims."""

from __future__ import annotations

from stagewise.stores.tables import Column, TableLayout

VERDICTS = ("supported", "refuted", "mixed", "not testable at this scale")

CLAIMS = TableLayout(
    "claims",
    {
        "id": Column(str, pattern=r"^[A-Z]\d+$", unique=True),
        "claim": Column(str),
        "source": Column(str),
        "verdict": Column(str, choices=VERDICTS),
        "value": Column(str),
        "uncertainty": Column(str),
        "criterion": Column(str),
        "seeds": Column(str),
        "figure": Column(str),
    },
)


def claim_order(claim: str) -> tuple[str, int]:
    """Return the key that sorts R2 before R11."""
    return claim[0], int(claim[1:])
