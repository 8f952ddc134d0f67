"""Layout of the store of networks on finite sets of tasks."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable, with_errors

_NETWORK = ("seed", "num_tasks")

REFERENCES = {
    "zero": "0",
    "mean_task": "the mean task's prediction",
    "ridge": "the ridge prediction, optimal for endless tasks",
    "mmse": "the discrete MMSE prediction, optimal for the set of tasks",
}
"""Predictors that need no training, in words."""

TASK_PRIOR = StoreLayout(
    "task_prior",
    {
        **with_errors(
            {
                "test_loss": Variable(("step", *_NETWORK), "loss", "test loss"),
                **{
                    f"distance_to_{name}": Variable(
                        ("step", *_NETWORK), "output^2", f"mean squared distance to {text}"
                    )
                    for name, text in REFERENCES.items()
                },
            },
            {"_stderr": "standard error of"},
        ),
        **{
            f"{name}_loss": Variable(_NETWORK, "loss", f"test loss of {text}")
            for name, text in REFERENCES.items()
        },
        "mmse_to_ridge": Variable(
            _NETWORK, "output^2", "mean squared distance of the two optimal predictions"
        ),
    },
)
"""Means are over contexts and positions."""
