"""Layouts of the stores and tables of the language study."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable, with_errors
from stagewise.stores.tables import Column, TableLayout

INDEX = StoreLayout(
    "language_index",
    {
        "split": Variable(("document",), "1", "number of the split in the attribute splits"),
        "source": Variable(("document",), "1", "number of the source in the attribute sources"),
        "start": Variable(
            ("document",),
            "tokens",
            "place of the document's end-of-text token in the stream of its split",
        ),
        "num_tokens": Variable(
            ("document",), "tokens", "tokens of the document, its end-of-text token among them"
        ),
        "num_bytes": Variable(("document",), "bytes", "length of the text in UTF-8"),
    },
)

BIGRAMS = StoreLayout(
    "language_bigrams",
    {
        "first": Variable(("pair",), "1", "first token of the pair"),
        "second": Variable(("pair",), "1", "second token of the pair"),
        "count": Variable(("pair",), "1", "occurrences of the pair in the training rows"),
    },
)

NGRAMS = StoreLayout(
    "language_ngrams",
    {
        "tokens": Variable(("ngram", "place"), "1", "tokens of the n-gram, then -1"),
    },
)

_HEAD = ("step", "layer", "head")
_PAIR = ("step", "earlier_head", "later_head")

_SAMPLED = {
    "test_loss": Variable(("step",), "nat", "loss of the text that was held out"),
    "position_loss": Variable(("step", "position"), "nat", "loss at a context position"),
    "ablated_loss": Variable(
        ("step", "position"), "nat", "the same with the positional embedding zeroed"
    ),
    "ablation_effect": Variable(
        ("step", "position"), "nat", "loss with positions zeroed less that with them"
    ),
    "icl_score": Variable(
        ("step",), "nat", "ICL score, loss at the late position less that at the early one"
    ),
    "second_copy_gain": Variable(("step",), "nat", "gain in the second copy of random tokens"),
    "completion_gain": Variable(
        ("step",), "nat", "gain at tokens of text that complete a repeated bigram"
    ),
    "bigram_score": Variable(("step",), "nat", "cross-entropy with the bigram distribution"),
    "ngram_score": Variable(
        ("step", "ngram"), "1", "loss of n-th tokens over that of ends of common n-grams"
    ),
    "previous_token_score": Variable(_HEAD, "1", "attention to the token before"),
    "prefix_matching_score": Variable(
        _HEAD, "1", "attention of the second A to what followed the first"
    ),
    "first_prefix_score": Variable(_HEAD, "1", "attention of the second A to the first A"),
}
"""Means over rows, which have errors."""

METRICS = StoreLayout(
    "language_metrics",
    {
        **with_errors(_SAMPLED, {"_stderr": "standard error of"}),
        "icl_score_row": Variable(("step", "row"), "nat", "ICL score of each row of text"),
        "position_variance_ratio": Variable(
            ("step", "position_pc"), "1", "explained variance of positions"
        ),
        "position_score": Variable(
            ("step", "place", "position_pc"), "1", "principal components of positions"
        ),
        "position_norm": Variable(("step", "place"), "1", "length of a position's embedding"),
        "weight_norm": Variable(("step",), "1", "Euclidean norm of all parameters"),
        # Of networks of two layers or more.
        "composition_query": Variable(_PAIR, "1", "Q-composition", optional=True),
        "composition_key": Variable(_PAIR, "1", "K-composition", optional=True),
        "composition_value": Variable(_PAIR, "1", "V-composition", optional=True),
        "bigram_entropy": Variable((), "nat", "entropy of the bigram distribution"),
        "bigram_entropy_stderr": Variable((), "nat", "its standard error over places"),
        "num_matches": Variable((), "1", "tokens behind the completion gain"),
        "composition_random": Variable((), "1", "mean composition of random heads"),
    },
)

CONTEXTS = StoreLayout(
    "language_contexts",
    {
        "tokens": Variable(("context", "place"), "1", "tokens of the row of a token-in-context"),
        "last": Variable(("context",), "tokens", "place of the last token of a context in its row"),
        "new_word": Variable(("token",), "1", "whether a token begins with a space"),
    },
)

TOKEN_CHANGES = StoreLayout(
    "language_token_changes",
    {
        "token": Variable(("passage", "place"), "1", "text of a token"),
        "change": Variable(
            ("passage", "stage", "place"), "nat", "change of a token's loss over a stage"
        ),
    },
)

CORPUS = TableLayout(
    "language_corpus",
    {
        "source": Column(str),
        "licence": Column(str),
        "split": Column(str, choices=("train", "validation", "sampling")),
        "num_documents": Column(int, least=1),
        "num_bytes": Column(int, least=1),
        "num_tokens": Column(int, least=2),
    },
    unique=("source", "licence", "split"),
)

# A run may have no form, and an empty table's columns have no type of their own.
FORM_CONTENTS = TableLayout(
    "language_forms",
    {
        "run": Column(str, coerce=True),
        "form": Column(int, least=1, coerce=True),
        "form_step": Column(float, least=0),
        "p_value": Column(float, least=0, most=1, nullable=True),
        "side": Column(str, choices=("high", "low"), coerce=True),
        "measure": Column(str, choices=("new_word", "induction", "seen"), coerce=True),
        "share": Column(float, least=0, most=1, nullable=True),
        "base_rate": Column(float, least=0, most=1),
        "stderr": Column(float, least=0, nullable=True),
        "count": Column(int, least=0, coerce=True),
        "p_elsewhere": Column(float, above=0, most=1, nullable=True),
        "p_directions": Column(float, above=0, most=1, nullable=True),
        "num_elsewhere": Column(int, least=0, coerce=True),
        "directions_low": Column(float, least=0, most=1, nullable=True),
        "directions_high": Column(float, least=0, most=1, nullable=True),
    },
    unique=("run", "form", "side", "measure"),
)
"""What a form raises and lowers, and how that ranks among other points; see `language.form_nulls`."""

LANDMARKS = TableLayout(
    "language_landmarks",
    {
        "run": Column(str),
        "landmark": Column(str),
        "step": Column(float, least=0),
        "value": Column(float),
        "stderr": Column(float, least=0),
    },
    unique=("run", "landmark"),
)
"""What a run's metrics do along training; `language.landmarks` defines it."""
