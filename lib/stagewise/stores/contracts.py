"""Contracts of the NetCDF stores between rules, by the names and dimensions of their variables.

Apart from those of tables, so that jobs that write no table need not load what checks these.
"""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from stagewise.stores.files import StoreError

_CURVE = ("replica", "step")
_MODE = ("seed", "step", "mode")
_SEED = ("seed", "step")
_HEAD = ("step", "layer", "head")

_ESTIMATE = {
    "loss": ("step", "chain", "draw"),
    "baseline_loss": ("step", "chain", "draw"),
    "burnin_loss": ("step", "chain", "burnin"),
    "displacement": ("step", "chain", "draw"),
    "init_loss": ("step",),
    "llc": ("step", "chain"),
    "llc_mean": ("step",),
    "llc_stderr": ("step",),
    "rhat": ("step",),
    "ess": ("step",),
    "diverged": ("step", "chain"),
}

_CELL = ("step", "step_size", "n_beta", "localization")

DATASETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "metrics": {
        "test_loss": ("step",),
        "token_loss": ("step", "position"),
        "mean_squared_prediction": ("step",),
        "icl_locate": ("step",),
        "icl_refine": ("step",),
        "distance_to_ridge": ("step",),
        "distance_to_mean_task": ("step",),
        "weight_norm": ("step",),
        "layer_norm_collapsed": ("step", "layer_norm"),
    },
    "llc_shard": _ESTIMATE,
    "llc": {
        **_ESTIMATE,
        "mean_loss": ("step",),
        "forgotten_share": ("step",),
        "mean_displacement": ("step",),
        "saturated": ("step",),
        "verdict": ("step",),
        "reason": ("step",),
    },
    "llc_failures": {
        "loss": ("failure", "chain", "draw"),
        "baseline_loss": ("failure", "chain", "draw"),
        "init_loss": ("failure",),
        "llc_mean": ("failure",),
        "llc_stderr": ("failure",),
        "diverged": ("failure", "chain"),
        "step": ("failure",),
        "step_size": ("failure",),
        "n_beta": ("failure",),
        "localization": ("failure",),
        "verdict": ("failure",),
        "reason": ("failure",),
    },
    "calibration_sweep": {
        "llc_mean": _CELL,
        "llc_stderr": _CELL,
        "rhat": _CELL,
        "ess": _CELL,
        "verdict": _CELL,
        "reason": _CELL,
        "running_llc": (*_CELL, "draw"),
        "init_loss": ("step",),
    },
    "curve": {
        "mean": ("grid",),
        "sd": ("grid",),
        "slope": ("grid",),
        "slope_sd": ("grid",),
        "slope_draws": ("draw", "grid"),
    },
    "ed": {
        "scores": ("step", "pc"),
        "explained_variance_ratio": ("pc",),
        "mean": ("feature",),
        "components": ("pc", "feature"),
    },
    "forms": {
        "smoothed": ("step", "pc"),
        "form_step": ("form",),
        "centre": ("form", "pc"),
        "lift_residual": ("form",),
        "potential": ("form", "step"),
        "p_value": ("form",),
    },
    "scurves": {
        "loss": ("case", "seed", "step"),
        "norm": ("case", "seed", "step", "component", "vector"),
        "cosine": ("case", "seed", "step", "vector", "target"),
        "aligned": ("case", "seed", "step", "component"),
        "captured": ("case", "seed", "step", "captured_target"),
        "null_loss": ("seed",),
        "diverged": ("case", "seed"),
        "best_cosine": ("case", "seed"),
        "span_angle": ("case", "seed"),
        "leading_angle": ("case", "seed"),
    },
    "modular_curves": {
        "train_loss": _CURVE,
        "test_loss": _CURVE,
        "train_accuracy": _CURVE,
        "test_accuracy": _CURVE,
        "train_margin": _CURVE,
        "train_log_partition": _CURVE,
        "weight_norm": _CURVE,
        "parameter_norm": (*_CURVE, "parameter"),
        "diverged_step": ("replica",),
    },
    "modular_modes": {
        "power": _MODE,
        "power_share": _MODE,
        "read_share": _MODE,
        "loss_with_mode": _MODE,
        "loss_without_mode": _MODE,
        "learned": _MODE,
        "loss_without_modes": _SEED,
        "test_loss": _SEED,
    },
    "modular_gradients": {
        "cosine": _SEED,
        "cosine_stderr": _SEED,
        "cross_cosine": _SEED,
        "cross_cosine_stderr": _SEED,
        "signal_to_noise": _SEED,
        "signal_to_noise_stderr": _SEED,
        "sharpness": _SEED,
        "sharpness_ratio": _SEED,
    },
    "language_index": {
        "split": ("document",),
        "source": ("document",),
        "start": ("document",),
        "num_tokens": ("document",),
        "num_bytes": ("document",),
    },
    "language_bigrams": {"first": ("pair",), "second": ("pair",), "count": ("pair",)},
    "language_ngrams": {"tokens": ("ngram", "place")},
    "language_metrics": {
        "test_loss": ("step",),
        "position_loss": ("step", "position"),
        "ablated_loss": ("step", "position"),
        "ablation_effect": ("step", "position"),
        "icl_score": ("step",),
        "bigram_score": ("step",),
        "ngram_score": ("step", "ngram"),
        "completion_gain": ("step",),
        "second_copy_gain": ("step",),
        "previous_token_score": _HEAD,
        "prefix_matching_score": _HEAD,
        "position_variance_ratio": ("step", "position_pc"),
        "position_score": ("step", "place", "position_pc"),
        "position_norm": ("step", "place"),
        "weight_norm": ("step",),
        "bigram_entropy": (),
    },
    "scurves_flow": {
        "loss": ("case", "seed", "step"),
        "norm": ("case", "seed", "step", "component"),
    },
}


def check_dataset(dataset: xr.Dataset, name: str) -> xr.Dataset:
    """Return `dataset` if it has the variables and dimensions of the contract `name`.

    Raises
    ------
    StoreError
        Naming the first variable that is missing or has other dimensions.
    """
    for variable, dims in DATASETS[name].items():
        if variable not in dataset:
            raise StoreError(f"the {name} store lacks the variable {variable!r}")
        if dataset[variable].dims != dims:
            raise StoreError(
                f"{variable!r} of the {name} store has dimensions {dataset[variable].dims}, "
                f"expected {dims}"
            )
    return dataset
