"""Layouts of the stores and tables of the modular-addition study."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable, along
from stagewise.stores.tables import Column, TableLayout
from stagewise.studies.modular.curves_layout import CURVES as CURVES

MODES = StoreLayout(
    "modular_modes",
    along(
        ("seed", "step"),
        {
            "power": Variable(
                ("mode",), "1", "power of the embedding in this mode, its squared norm"
            ),
            "power_share": Variable(
                ("mode",), "1", "share of the embedding's power, without the constant"
            ),
            "read_share": Variable(
                ("mode",), "1", "share of the power of what the unembedding reads"
            ),
            "loss_with_mode": Variable(
                ("mode",), "loss", "test loss with nothing but the constant and this mode"
            ),
            "loss_without_mode": Variable(("mode",), "loss", "test loss with this mode removed"),
            "learned": Variable(
                ("mode",), "1", "whether the test loss without the mode is a multiple of what it is"
            ),
            "loss_without_modes": Variable((), "loss", "test loss with nothing but the constant"),
            "test_loss": Variable((), "loss", "loss on the test set"),
        },
    ),
)

GRADIENTS = StoreLayout(
    "modular_gradients",
    along(
        ("seed", "step"),
        {
            "cosine": Variable((), "1", "mean cosine between gradients of two training samples"),
            "cosine_stderr": Variable((), "1", "standard error of the cosine over samples"),
            "cross_cosine": Variable(
                (), "1", "mean cosine between gradients of a training and a test sample"
            ),
            "cross_cosine_stderr": Variable((), "1", "standard error of that cosine over samples"),
            "signal_to_noise": Variable(
                (),
                "1",
                "mean over standard deviation of a training sample's descent "
                "towards the final learned modes",
            ),
            "signal_to_noise_stderr": Variable(
                (), "1", "standard error of that ratio over samples"
            ),
            "sharpness": Variable(
                (), "1", "largest eigenvalue of the Hessian of the training loss"
            ),
            "sharpness_ratio": Variable(
                (),
                "1",
                "largest eigenvalue of the Hessian, preconditioned for Adam, "
                "over the bound of stability",
            ),
        },
    ),
)

MEASURED = (
    *("memorised_step", "generalised_step", "delay", "least_delay", "lag"),
    *("train_rise_start", "train_rise_middle", "train_rise_end"),
    *("rise_start", "rise_middle", "rise_end", "rise_width"),
    *("train_accuracy", "test_accuracy", "initial_norm", "final_norm"),
    *("early_slope", "early_correlation", "early_error", "early_records"),
    *("num_learned", "clocks", "pizzas", "distance_irrelevance"),
)
"""Measures of a run, NaN where they do not apply; `modular.measures` defines them."""

RUNS = TableLayout(
    "modular_runs",
    {
        **dict.fromkeys(("experiment", "setting", "labels", "architecture"), Column(str)),
        **dict.fromkeys(("optimiser", "loss"), Column(str)),
        "outcome": Column(str, choices=("generalise", "memorise", "fail")),
        **dict.fromkeys(("modulus", "embed_dim", "batch_size", "num_steps"), Column(int, least=1)),
        "seed": Column(int, least=0),
        **dict.fromkeys(("frozen", "diverged", "test_first"), Column(bool)),
        **dict.fromkeys(
            ("train_fraction", "learning_rate", "initial_scale"), Column(float, above=0)
        ),
        **dict.fromkeys(("weight_decay", "momentum"), Column(float, least=0)),
        **dict.fromkeys(MEASURED, Column(float, nullable=True)),
    },
    unique=("setting", "learning_rate", "weight_decay", "initial_scale", "seed"),
)

LAWS = TableLayout(
    "modular_laws",
    {
        "size": Column(str, choices=("small", "middle", "large")),
        "modulus": Column(int, least=1),
        "form": Column(str, choices=("exponential", "power", "critical")),
        **dict.fromkeys(
            ("intercept", "slope", "shape", "deviation", "log_likelihood", "aic"),
            Column(float, nullable=True),
        ),
        **dict.fromkeys(("runs", "censored"), Column(int, least=0)),
    },
    unique=("size", "form"),
)
"""Laws of the time to generalise; `modular.scaling` defines them."""

COMPARISON = TableLayout(
    "modular_comparison",
    {
        "size": Column(str, choices=("small", "middle", "large", "all")),
        "null": Column(str, choices=("exponential", "power")),
        "observed": Column(float),
        **dict.fromkeys(("p_value", "power"), Column(float, least=0, most=1)),
        **dict.fromkeys(
            (f"{law}_{part}" for law in ("null", "critical") for part in ("low", "middle", "high")),
            Column(float),
        ),
        "alpha": Column(float, above=0, most=1),
        "draws": Column(int, least=1),
    },
    unique=("size", "null"),
)
"""Gain in log-likelihood of a critical law over another one, observed and simulated by either."""

GROWTH = TableLayout(
    "modular_growth",
    {
        "setting": Column(str),
        "seed": Column(int, least=0, coerce=True),
        "mode": Column(int, least=1, coerce=True),
        **dict.fromkeys(
            ("start", "end", "warm_up_speed", "fast_speed", "saturated_speed", "slope", "exponent"),
            Column(float, nullable=True),
        ),
        "until": Column(float, above=0, most=1),
    },
    unique=("setting", "seed", "mode"),
)
"""Growth of each mode learned in the end; `modular.phases` and `modular.growth` define it."""
