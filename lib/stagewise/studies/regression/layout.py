"""Layouts of the stores of the regression study."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable, with_errors

_OVER_CONTEXTS = {
    "test_loss": Variable(("step",), "loss", "test loss"),
    "token_loss": Variable(("step", "position"), "loss", "test loss at position k"),
    "mean_squared_prediction": Variable(("step",), "output^2", "mean squared prediction"),
    "token_squared_prediction": Variable(
        ("step", "position"), "output^2", "mean squared prediction at position k"
    ),
    "icl_locate": Variable(("step",), "loss", "ICL score 1:D, loss at D less loss at 1"),
    "icl_refine": Variable(("step",), "loss", "ICL score D:K, loss at K less loss at D"),
    "icl_total": Variable(("step",), "loss", "ICL score 1:K, loss at K less loss at 1"),
    "distance_to_ridge": Variable(
        ("step",), "output^2", "mean squared distance to the ridge prediction"
    ),
    "distance_to_mean_task": Variable(
        ("step",), "output^2", "mean squared distance to the mean task's prediction"
    ),
    "icl_scaled": Variable(
        ("step", "input_scale"),
        "loss",
        "ICL score 1:K on inputs of standard deviation g, divided by g",
    ),
    "loss_scaled": Variable(
        ("step", "input_scale"), "loss", "test loss on inputs of standard deviation g"
    ),
    "squared_prediction_scaled": Variable(
        ("step", "input_scale"),
        "output^2",
        "mean squared prediction on inputs of standard deviation g",
    ),
    "icl_scaled_tasks": Variable(
        ("step", "task_scale"),
        "loss",
        "ICL score 1:K on tasks of standard deviation g, divided by g",
    ),
    "loss_scaled_tasks": Variable(
        ("step", "task_scale"), "loss", "test loss on tasks of standard deviation g"
    ),
    "squared_prediction_scaled_tasks": Variable(
        ("step", "task_scale"),
        "output^2",
        "mean squared prediction on tasks of standard deviation g",
    ),
}
"""Means over contexts, which have errors."""

METRICS = StoreLayout(
    "metrics",
    {
        **with_errors(
            _OVER_CONTEXTS,
            {
                "_stderr": "standard error of",
                "_change_stderr": "standard error of the change since the first checkpoint of",
            },
        ),
        "icl_scaled_rest_stderr": Variable(
            ("step", "input_scale"),
            "loss",
            "standard error of the change from here to the last checkpoint of: ICL score 1:K on"
            " inputs of standard deviation g, divided by g",
        ),
        "ridge_token_loss": Variable(
            ("position",), "loss", "test loss of the ridge prediction at position k"
        ),
        "weight_norm": Variable(("step",), "1", "Euclidean norm of all parameters"),
        "layer_norm_collapsed": Variable(
            ("step", "layer_norm"), "1", "share of layer-norm weights below 0.1"
        ),
    },
)
