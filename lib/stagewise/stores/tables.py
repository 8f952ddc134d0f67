"""The layout of a table between rules, and tables as CSV, checked by pandera when written and read.

Layouts are plain data, so that a job that writes no table need not load what checks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from stagewise.core.unanswered import MARK, require_answer
from stagewise.stores.files import StoreError, atomic_path
from stagewise.stores.seals import verify

if TYPE_CHECKING:
    import pandera.pandas as pa

_SHOWN = 120
"""Characters of what pandera says; it lists every value that fails."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    kind : {str, int, float, bool}
        Whole numbers count as float where a float is asked for.
    least, above, most : float, optional
        Bounds: at least, greater than, at most.
    choices : tuple of str, optional
        The values that there are.
    pattern : str, optional
        Regular expression at whose beginning text must match.
    nullable : bool
        Whether a value may be missing (NaN).
    unique : bool
        Whether no value may come twice.
    coerce : bool, optional
        Whether values are converted to `kind`; by default where that is float.
    """

    kind: type
    least: float | None = None
    above: float | None = None
    most: float | None = None
    choices: tuple[str, ...] | None = None
    pattern: str | None = None
    nullable: bool = False
    unique: bool = False
    coerce: bool | None = None

    def schema(self) -> pa.Column:
        """Return the column as pandera checks it."""
        import pandera.pandas as pa

        bounds: dict[str, Any] = {
            "ge": self.least,
            "gt": self.above,
            "le": self.most,
            "isin": self.choices,
            "str_matches": self.pattern,
        }
        wanted = [
            getattr(pa.Check, name)(value) for name, value in bounds.items() if value is not None
        ]
        coerce = self.kind is float if self.coerce is None else self.coerce
        return pa.Column(
            self.kind, wanted, nullable=self.nullable, unique=self.unique, coerce=coerce
        )


@dataclass(frozen=True)
class Ordered:
    """Two columns of which the first is below the second in every row."""

    first: str
    second: str


@dataclass(frozen=True)
class TableLayout:
    """The columns that a table has, no more and no fewer.

    Parameters
    ----------
    name : str
        Of the table, for messages.
    columns : mapping of str to Column
    unique : tuple of str
        Columns that together name a row.
    ordered : Ordered, optional
    """

    name: str
    columns: Mapping[str, Column]
    unique: tuple[str, ...] = ()
    ordered: Ordered | None = None

    def check(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return `table` if it keeps the layout.

        Raises
        ------
        StoreError
            With the first broken rule, in one sentence.
        """
        import pandera.pandas as pa

        try:
            return self._schema().validate(table, lazy=True)
        except pa.errors.SchemaErrors as errors:
            first = " ".join(str(errors.schema_errors[0]).split())
            shown = first if len(first) <= _SHOWN else f"{first[:_SHOWN]}..."
            raise StoreError(f"the {self.name} table breaks its layout: {shown}") from errors

    def _schema(self) -> pa.DataFrameSchema:
        import pandera.pandas as pa

        checks = []
        if self.ordered is not None:
            low, high = self.ordered.first, self.ordered.second
            below = f"{low} is below {high}"
            checks.append(pa.Check(lambda table: table[high] > table[low], error=below))
        columns = {name: column.schema() for name, column in self.columns.items()}
        return pa.DataFrameSchema(columns, checks, strict=True, unique=list(self.unique) or None)

    def empty(self) -> pd.DataFrame:
        """Return a table without rows."""
        return pd.DataFrame({name: pd.Series(dtype=c.kind) for name, c in self.columns.items()})

    def write(self, path: str | Path, table: pd.DataFrame) -> None:
        """Check a table and write it as CSV, atomically."""
        checked = self.check(table)
        with atomic_path(path) as temporary:
            checked.to_csv(temporary, index=False)

    def read(self, path: str | Path) -> pd.DataFrame:
        """Read a CSV and check it; empty strings stay empty strings.

        Raises
        ------
        StoreError
            As `stores.seals.verify`, and if the table breaks its layout.
        """
        text = {name: str for name, column in self.columns.items() if column.kind is str}
        table = pd.read_csv(verify(path), dtype=text, keep_default_na=True)
        if list(table.columns) == [MARK]:
            require_answer(table.iloc[0].to_dict())
        if table.empty:  # no rows, so that nothing says what they would hold
            table = table.astype(
                {name: self.columns[name].kind for name in table if name in self.columns}
            )
        try:
            return self.check(table.fillna(dict.fromkeys(text, "")))
        except StoreError as error:
            raise StoreError(f"{path}: {error}: delete it and run again") from error
