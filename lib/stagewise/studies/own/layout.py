"""Layout of what is measured of one's own checkpoints."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable

METRICS = StoreLayout(
    "own_metrics",
    {
        "test_loss": Variable(("step",), "loss", "loss on the subject's samples"),
        "weight_norm": Variable(("step",), "1", "Euclidean norm of all sampled parameters"),
    },
    coords={"step": Variable(("step",), "step", "training step")},
)
