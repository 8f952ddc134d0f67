"""Layout of the table of costs."""

from __future__ import annotations

from stagewise.stores.tables import Column, TableLayout

COST = TableLayout(
    "cost",
    {
        "study": Column(str),
        "rule": Column(str),
        "jobs": Column(int, least=1),
        "cpu_s": Column(float, least=0),
        "wall_s": Column(float, least=0),
        "longest_s": Column(float, least=0, nullable=True),
        "memory_mb": Column(float, least=0, nullable=True),
    },
    unique=("study", "rule"),
)
