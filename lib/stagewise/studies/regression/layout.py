"""Layouts of the stores of the regression study."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable

METRICS = StoreLayout(
    "metrics",
    {
        "test_loss": Variable(("step",), "loss", "test loss"),
        "token_loss": Variable(("step", "position"), "loss", "test loss at position k"),
        "mean_squared_prediction": Variable(("step",), "output^2", "mean squared prediction"),
        "icl_locate": Variable(("step",), "loss", "ICL score 1:D, loss at D less loss at 1"),
        "icl_refine": Variable(("step",), "loss", "ICL score D:K, loss at K less loss at D"),
        "distance_to_ridge": Variable(
            ("step",), "output^2", "mean squared distance to the ridge prediction"
        ),
        "distance_to_mean_task": Variable(
            ("step",), "output^2", "mean squared distance to the mean task's prediction"
        ),
        "weight_norm": Variable(("step",), "1", "Euclidean norm of all parameters"),
        "layer_norm_collapsed": Variable(
            ("step", "layer_norm"), "1", "share of layer-norm weights below 0.1"
        ),
    },
)
