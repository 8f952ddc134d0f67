"""Layout of the store of structure: what the inside of a regression transformer looks like."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable, with_errors

SCORES = ("self", "previous_token", "previous_x", "previous_y", "x", "y")
"""What attention is scored by, from the narrowest to the widest."""

LABELS = (*SCORES, "none")
"""What a head can be called: the first score that reaches the threshold, or none."""

QUERY_KINDS = ("x", "y")

_HEAD = ("step", "layer", "head")
_NORM = ("step", "layer_norm", "channel")

_OVER_CONTEXTS = {
    "attention_entropy": Variable(
        (*_HEAD, "query"),
        "1",
        "entropy of attention over that of equal attention to what is visible",
    ),
    "attention_variability": Variable(
        (*_HEAD, "query"), "1", "total variation distance of attention to its mean over contexts"
    ),
    "head_score": Variable(
        (*_HEAD, "query_kind", "score"), "1", "mean attention to the tokens that a score names"
    ),
}
"""Means over contexts, which have errors."""

STRUCTURE = StoreLayout(
    "structure",
    {
        "token_singular_value": Variable(
            ("step", "component"), "1", "singular value of the token embedding"
        ),
        "position_singular_value": Variable(
            ("step", "position_component"), "1", "singular value of the positional embedding"
        ),
        "principal_angle": Variable(
            ("step", "space", "component"),
            "rad",
            "principal angle between token embedding and positional embedding, smallest first",
        ),
        "unembedding_weight": Variable(
            ("step", "channel"), "1", "linear weight from a channel to the prediction"
        ),
        "unembedding_bias": Variable(("step",), "output", "linear bias of the prediction"),
        "effective_weight": Variable(
            ("step", "channel"), "1", "linear weight times the weight of the last layer norm"
        ),
        "effective_bias": Variable(
            ("step",), "output", "linear bias with what the last layer norm's biases add to it"
        ),
        "norm_weight": Variable(_NORM, "1", "weight of a layer norm"),
        "norm_bias": Variable(_NORM, "1", "bias of a layer norm"),
        **with_errors(_OVER_CONTEXTS, {"_stderr": "standard error of"}),
        "label_share": Variable(
            (*_HEAD, "query_kind", "label"), "1", "share of contexts in which a head earns a label"
        ),
        "mean_attention": Variable(
            (*_HEAD, "query", "key"), "1", "mean attention of a query token to a key token"
        ),
    },
)

SPACES = ("all", "leading")
"""Space of all positions; span of as many of its leading directions as a token has entries."""

NAMES = {
    "self": "itself",
    "previous_token": "previous token",
    "previous_x": "previous x",
    "previous_y": "previous y",
    "x": "x tokens",
    "y": "y tokens",
    "none": "no name",
}
"""Labels in words."""
