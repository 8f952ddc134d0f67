"""Layout of the curves that a run of the modular-addition study records.

It stands apart from the layouts of what is made of them, so that no edit of those trains again.
"""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable

_MEASURED = {
    "loss": ("nat", "loss"),  # without a unit where the mean squared error is minimised
    "accuracy": ("1", "share of pairs whose largest logit is that of their label"),
    "margin": ("1", "mean logit of the label minus mean logit"),
    "log_partition": (
        "nat",
        "mean logarithm of the sum over residues of exp(logit minus mean logit); "
        "minus the margin it is the cross-entropy, and log p while logits are close",
    ),
}

CURVES = StoreLayout(
    "modular_curves",
    {
        f"{part}_{name}": Variable(
            ("replica", "step"), units, f"{text}, {'training' if part == 'train' else 'test'} set"
        )
        for part in ("train", "test")
        for name, (units, text) in _MEASURED.items()
    }
    | {
        "weight_norm": Variable(
            ("replica", "step"), "1", "length of all parameters, frozen ones included"
        ),
        "parameter_norm": Variable(
            ("replica", "step", "parameter"), "1", "length of each parameter"
        ),
        "diverged_step": Variable(
            ("replica",), "update", "step with a non-finite training loss; -1 if none"
        ),
    },
)
