"""Draw the likelihood-based against the loss-based LLC of one run."""

from stagewise.stores.files import read_dataset
from stagewise.studies.regression.figures.compared import losses_compared
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_loss_based: str,
    path_to_likelihood_based: str,
    seed: int,
    path_to_png: str,
    path_to_pdf: str,
    path_to_data: str,
) -> None:
    """Draw with the claim's resampling seed, so that both print the same numbers."""
    loss_based, likelihood_based = map(read_dataset, (path_to_loss_based, path_to_likelihood_based))
    drawn = losses_compared(loss_based, likelihood_based, seed)
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_loss_based=snakemake.input.loss_based,
        path_to_likelihood_based=snakemake.input.likelihood_based,
        seed=snakemake.params.root_seed,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
