"""Join the verdicts of all studies in one table."""

import pandas as pd

from stagewise.claims.layout import CLAIMS, claim_order
from stagewise.workflow.jobs import begin


def main(*, paths_to_claims: list[str], path_to_table: str) -> None:
    """Write the rows of all tables, sorted by letter and number of the claim."""
    rows = pd.concat([CLAIMS.read(path) for path in paths_to_claims])
    CLAIMS.write(path_to_table, rows.sort_values("id", key=lambda ids: ids.map(claim_order)))


if __name__ == "__main__":
    begin(snakemake.log[0], snakemake.params.owners)
    main(
        paths_to_claims=list(snakemake.input.claims),
        path_to_table=snakemake.output.claims,
    )
