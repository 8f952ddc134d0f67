"""The table of model kinds in the docs: every row is tried on a tiny model."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

from stagewise.core.kernels import differentiable_kernels
from stagewise.core.seeding import StreamKey
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.inputs import checked_inputs
from stagewise.llc.modules import module_loss
from stagewise.llc.settings import SGLDConfig

PAGE = (Path(__file__).parents[3] / "docs/reading_an_llc.md").read_text()
ROWS = re.findall(r"^\| ([^|]+) \| (side by side|serial|refused|a note) \|", PAGE, re.MULTILINE)

GENERATOR = torch.Generator().manual_seed(0)
ROW = torch.randn(32, 4, generator=GENERATOR)
SEQUENCE = torch.randn(32, 5, 4, generator=GENERATOR)
IMAGE = torch.randn(32, 2, 6, 6, generator=GENERATOR)
TOKENS = torch.randint(1, 7, (32, 5), generator=GENERATOR)
CLASS = torch.arange(32) % 3


class Of(nn.Module):
    """A module of some parts and a function of them."""

    def __init__(self, forward: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.own = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.own(self, *inputs)


class Doubled(torch.autograd.Function):
    """A function as the documentation of PyTorch once had them, with the context in forward."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient


class Doubling(torch.autograd.Function):
    """The same with a context of its own, and a rule for vmap."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return 2 * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient


def linear(size: int = 4) -> nn.Module:
    return nn.Linear(size, 3)


def attention() -> nn.Module:
    def forward(self, x):
        query, key, value = self.project(x).chunk(3, dim=-1)
        return self.out(F.scaled_dot_product_attention(query, key, value).mean(1))

    return Of(forward, project=nn.Linear(4, 12), out=linear())


def multihead() -> nn.Module:
    return Of(
        lambda self, x: self.out(self.mix(x, x, x)[0].mean(1)),
        mix=nn.MultiheadAttention(4, 2, batch_first=True),
        out=linear(),
    )


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    stack = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
    return Of(lambda self, x: self.out(self.stack(x).mean(1)), stack=stack, out=linear())


def recurrent(kind: type[nn.Module]) -> nn.Module:
    cell = kind(4, 4, batch_first=True)
    return Of(lambda self, x: self.out(self.cell(x)[0][:, -1]), cell=cell, out=linear())


def embedded(**options: Any) -> nn.Module:
    table = nn.Embedding(7, 4, **options)
    return Of(lambda self, tokens: self.out(self.table(tokens).mean(1)), table=table, out=linear())


def tied() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), linear())
    module[2].weight = module[0].weight
    return module


def frozen() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4), linear())
    module[0].requires_grad_(False)
    return module


def filled(self: nn.Module, x: torch.Tensor) -> torch.Tensor:
    hidden = torch.zeros(len(x), 4)
    hidden[:] = self.first(x)
    return self.out(hidden)


def noted(self: nn.Module, x: torch.Tensor) -> torch.Tensor:
    self.largest = self.first(x).abs().max().item()
    return self.out(self.first(x))


def branching(self: nn.Module, x: torch.Tensor) -> torch.Tensor:
    hidden = self.first(x)
    return self.out(hidden) if hidden.sum() < 1e6 else self.out(hidden / 2)


def of_two(forward: Callable[..., Any]) -> Callable[[], nn.Module]:
    return lambda: Of(forward, first=nn.Linear(4, 4), out=linear())


def complex_valued() -> nn.Module:
    module = Of(lambda self, x: (x.to(torch.complex64) @ self.weight).abs())
    module.weight = nn.Parameter(torch.randn(4, 3, dtype=torch.complex64, generator=GENERATOR))
    return module


def straight_through(self: nn.Module, x: torch.Tensor) -> torch.Tensor:
    hidden = self.first(x)
    return self.out(hidden + (hidden.round() - hidden).detach())


MEAN = nn.CrossEntropyLoss()
CASES: dict[str, list[tuple[Any, ...]]] = {
    "linear layers and convolutions": [
        (linear, ROW),
        (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), linear(48)), IMAGE),
    ],
    "layer, group and batch normalisation, dropout": [
        (lambda: nn.Sequential(nn.LayerNorm(4), nn.Dropout(0.5), linear()), ROW),
        (lambda: nn.Sequential(nn.BatchNorm1d(4), linear()), ROW),
        (lambda: nn.Sequential(nn.GroupNorm(2, 4), linear()), ROW),
    ],
    "`nn.Embedding`, `sparse=True` too": [
        (embedded, TOKENS),
        (lambda: embedded(sparse=True), TOKENS),
    ],
    "`nn.EmbeddingBag`": [
        (
            lambda: Of(
                lambda self, tokens: self.out(self.bag(tokens)),
                bag=nn.EmbeddingBag(7, 4),
                out=linear(),
            ),
            TOKENS,
        )
    ],
    "`F.scaled_dot_product_attention`": [(attention, SEQUENCE)],
    "`nn.MultiheadAttention`, `nn.TransformerEncoder`": [
        (multihead, SEQUENCE),
        (encoder, SEQUENCE),
    ],
    "tied and frozen parameters": [(tied, ROW), (frozen, ROW)],
    "`weight_norm` and other parametrizations": [
        (lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 4)), linear()), ROW)
    ],
    "a custom `autograd.Function` with `setup_context` and a rule for vmap": [
        (of_two(lambda self, x: self.out(Doubling.apply(self.first(x)))), ROW)
    ],
    "outputs with `.logits`, tuples": [
        (of_two(lambda self, x: {"logits": self.out(self.first(x))}), ROW),
        (of_two(lambda self, x: (self.out(self.first(x)), x)), ROW),
    ],
    "`nn.LSTM`, `nn.GRU`, `nn.RNN`": [
        (lambda kind=kind: recurrent(kind), SEQUENCE) for kind in (nn.LSTM, nn.GRU, nn.RNN)
    ],
    "branches on values, `.item()`": [(of_two(branching), ROW), (of_two(noted), ROW)],
    "in-place fills of a new tensor": [(of_two(filled), ROW)],
    "a custom `autograd.Function` without them": [
        (of_two(lambda self, x: self.out(Doubled.apply(self.first(x)))), ROW)
    ],
    "activation checkpointing, `use_reentrant=False`": [
        (
            of_two(lambda self, x: self.out(checkpoint(self.first, x, use_reentrant=False))),
            ROW,
        )
    ],
    "parameters in float16 or bfloat16": [(lambda: linear().bfloat16(), ROW.bfloat16())],
    "class weights": [(linear, ROW, nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0])))],
    "labels left out by `ignore_index`": [
        (linear, ROW, MEAN, CLASS.where(torch.arange(32) % 5 > 0, -100))
    ],
    "`detach`, straight-through rounding": [(of_two(straight_through), ROW)],
    "targets of shape (n,) against outputs of shape (n, 1)": [
        (lambda: nn.Linear(4, 1), ROW, nn.MSELoss(), torch.ones(32))
    ],
    "`nn.Embedding(padding_idx=...)`, unmasked": [
        (lambda: embedded(padding_idx=0), TOKENS * (torch.arange(5) > 1))
    ],
    "complex parameters": [(complex_valued, ROW)],
    "a batch in which nothing is labelled": [
        (linear, ROW, MEAN, torch.full((32,), -100).index_fill(0, torch.tensor([1]), 2))
    ],
}


def outcome(
    build: Callable[[], nn.Module],
    inputs: torch.Tensor,
    criterion: Callable[..., torch.Tensor] = MEAN,
    target: torch.Tensor = CLASS,
) -> str:
    """Return what becomes of a module: the word of the table, and what is said."""
    kernels = differentiable_kernels(fused=False)
    with torch.random.fork_rng(), warnings.catch_warnings(), kernels:
        torch.manual_seed(0)
        warnings.simplefilter("ignore")
        try:
            loss_fn, params = module_loss(build(), criterion)
            found = checked_inputs(
                loss_fn, params, (inputs, target), StreamKey(0), paired=True, curvature=False
            )
        except ValueError as error:
            return f"refused: {error}"
    if found.serial:
        return f"serial: {found.notes}"
    return f"a note: {found.notes}" if found.notes else "side by side"


def test_every_row_of_the_table_is_tried():
    assert [row for row, _ in ROWS] == list(CASES)


@pytest.mark.parametrize(
    ("row", "word"), [(row, word) for row, word in ROWS], ids=[row for row, _ in ROWS]
)
def test_a_kind_of_model_works_as_the_table_says(row, word):
    for case in CASES[row]:
        assert outcome(*case).startswith(word), outcome(*case)


def test_activation_checkpointing_changes_no_estimate():
    def build(forward):
        torch.manual_seed(0)
        return of_two(forward)()

    config = SGLDConfig(1e-3, 20.0, 1.0, 2, 5, 10, 16)
    estimates = []
    for forward in (
        lambda self, x: self.out(torch.tanh(self.first(x))),
        lambda self, x: self.out(
            checkpoint(lambda y: torch.tanh(self.first(y)), x, use_reentrant=False)
        ),
    ):
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loss_fn, params = module_loss(build(forward), MEAN)
            estimates.append(estimate_llc(loss_fn, params, (ROW, CLASS), config, key=0))
    torch.testing.assert_close(
        torch.tensor(estimates[0]["loss"].values), torch.tensor(estimates[1]["loss"].values)
    )
    assert "one after the other" in estimates[1].attrs["notes"]
