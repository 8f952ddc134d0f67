"""Layout of the table of claims."""

from __future__ import annotations

from string import ascii_lowercase

from stagewise.stores.tables import Column, TableLayout

VERDICTS = ("supported", "refuted", "mixed", "not testable at this scale")

CLAIMS = TableLayout(
    "claims",
    {
        "id": Column(str, pattern=r"^[A-Z]\d+[a-z]?$", unique=True),
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


def claim_order(claim: str) -> tuple[str, int, str]:
    """Return the key that sorts R2 before R11, and R5 before R5b."""
    number = claim[1:].rstrip(ascii_lowercase)
    return claim[0], int(number), claim.removeprefix(claim[0] + number)
