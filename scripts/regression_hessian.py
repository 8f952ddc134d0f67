"""Measure trace and largest eigenvalues of the Hessian along a regression run."""

from typing import Any

from stagewise.core.entries import build
from stagewise.llc.hessian_along import hessian_along
from stagewise.llc.scale_layout import HESSIAN
from stagewise.llc.scale_settings import HessianSizes
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.subject import subject as subject_of
from stagewise.workflow.jobs import job


def main(
    *,
    paths: dict[str, str],
    path_to_hessian: str,
    name: str,
    subject: dict[str, Any],
    steps: list[int],
    sizes: dict[str, int],
    root_seed: int,
    device: str,
) -> None:
    """Write trace and eigenvalues at each of the steps."""
    built = subject_of(name, paths=paths, root_seed=root_seed, device=device, **subject)
    store = hessian_along(built, steps, build(HessianSizes, sizes))
    attributes = {**store.attrs, "identity": subject["identity"], **provenance()}
    HESSIAN.write(path_to_hessian, store, attributes)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths=dict(snakemake.input.items()),
            path_to_hessian=snakemake.output.hessian,
            name=snakemake.wildcards.run,
            subject=snakemake.params.subject,
            steps=snakemake.params.steps,
            sizes=snakemake.params.sizes,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
        )
