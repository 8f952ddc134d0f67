"""Layout of the curves that a run of the modular-addition study records.

It stands apart from the layouts of what is made of them, so that no edit of those trains again.
"""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable

CURVES = StoreLayout(
    "modular_curves",
    {
        "train_loss": Variable(("replica", "step"), "nat", "loss, training set"),
        "test_loss": Variable(("replica", "step"), "nat", "loss, test set"),
        "train_accuracy": Variable(
            ("replica", "step"),
            "1",
            "share of pairs whose largest logit is that of their label, training set",
        ),
        "test_accuracy": Variable(
            ("replica", "step"),
            "1",
            "share of pairs whose largest logit is that of their label, test set",
        ),
        "train_margin": Variable(
            ("replica", "step"), "1", "mean logit of the label minus mean logit, training set"
        ),
        "train_log_partition": Variable(
            ("replica", "step"),
            "nat",
            "mean logarithm of the sum over residues of exp(logit minus mean logit); "
            "minus the margin it is the cross-entropy, and log p while logits are close, training set",
        ),
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
