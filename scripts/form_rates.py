"""Count forms in simulated trajectories."""

from typing import Any

from stagewise.development.form_rates import form_rates
from stagewise.development.layout import FORM_RATES
from stagewise.development.settings import FormRateSettings
from stagewise.workflow.jobs import job


def main(*, path_to_table: str, settings: dict[str, Any], root_seed: int) -> None:
    """Write one row a process without forms, and one a planted path and disturbance."""
    FORM_RATES.write(path_to_table, form_rates(FormRateSettings(**settings), root_seed))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_table=snakemake.output.table,
            settings=snakemake.params.settings,
            root_seed=snakemake.params.root_seed,
        )
