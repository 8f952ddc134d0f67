"""The count of parameters that no input reaches: they must be free, and what is planted found."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import xarray as xr

from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.exact.coefficients import reduced_rank_regression
from stagewise.llc.settings import SGLDConfig
from stagewise.studies.regression.degeneracy import degeneracy, freed_by_direction
from stagewise.studies.regression.degeneracy_layout import DEGENERACY, LLC_REFINED
from stagewise.studies.regression.figures import degeneracy as figure
from stagewise.studies.regression.input_moments import input_moments
from stagewise.studies.regression.model import initial_parameters, predictions
from stagewise.studies.regression.refined_llc import parts_of, refined_llc
from stagewise.studies.regression.settings import NetworkSettings
from stagewise.studies.regression.task import sample_contexts
from tests.layouts import assert_keeps
from tests.unit.studies.regression.planted import NETWORK, TASK, attending
from tests.unit.studies.regression.test_figures import llc_of, stages_of

KEY = StreamKey(0, ("degeneracy",))
CONTEXTS = sample_contexts(TASK, 64, KEY.child("contexts").generator())
START = initial_parameters(NETWORK, TASK, KEY)
ROWS = {"query": 0, "key": 64, "value": 128}


def changed(**values: torch.Tensor) -> Params:
    return {**START, **{name.replace("__", "."): value for name, value in values.items()}}


def collapsed(count: int, block: int = 0, norm: str = "attention_norm") -> Params:
    """Channels of a layer norm that vanish, with their biases."""
    weight, name = torch.ones(64), f"blocks.{block}.{norm}"
    weight[:count] = 0
    return START | {f"{name}.weight": weight, f"{name}.bias": torch.zeros(64)}


def lost(params: Params, below: float = 1e-4, start: Params = START):
    """Return what has been lost since `start`, dims (map, source)."""
    found = degeneracy([(0, start), (9, params)], NETWORK, CONTEXTS, [below])["lost"]
    return (found.isel(step=1) - found.isel(step=0)).isel(below=0)


TINY = NetworkSettings(num_layers=2, num_heads=2, embed_dim=4, mlp_dim=4, residual="doubled")
EXACT = SGLDConfig(
    *(0.2, 20.0, 10.0, 4, 20, 120, 8),
    preconditioner="hessian",
    start="gaussian",
    integrator="averaged",
)


@pytest.fixture(scope="module")
def refined() -> xr.Dataset:
    """Parts of a quadratic in the parameters of a network: curvature 2 in the MLPs, else 1/2."""
    params = initial_parameters(TINY, TASK, KEY)
    at = {name: torch.zeros_like(value) for name, value in params.items()}

    def loss(params: Params, batch: Batch) -> torch.Tensor:
        return sum(
            (1 if ".mlp." in name else 0.25) * value.square().sum()
            for name, value in params.items()
        )

    subject = Subject.of_checkpoints("base-s1", {9: at}, loss, (torch.zeros(32),))
    return refined_llc(subject, TINY, [9], EXACT)


def test_every_parameter_is_in_one_part() -> None:
    params = initial_parameters(TINY, TASK, KEY)
    parts = parts_of(params, TINY)
    for name, value in params.items():
        masks = [part[name] for part in parts.values() if name in part]
        assert torch.equal(torch.stack(masks).sum(0), torch.ones_like(value, dtype=torch.int64))


def test_parts_of_a_quadratic_have_their_own_soft_counts(refined) -> None:
    LLC_REFINED.check(refined)
    curvature = np.where([name.startswith("MLP") for name in refined["part"].values], 2.0, 0.5)
    scale = EXACT.localization / EXACT.n_beta
    exact = refined["num_parameters"].values / 2 * curvature / (curvature + scale)
    assert (abs(refined["llc"].values - exact) <= 0.25 * exact).all()
    assert refined["verdict"].isin(["ok", "drifting"]).all()


def test_the_figure_shows_llc_count_rates_and_parts(refined) -> None:
    store = degeneracy(
        [(0, START), (1000, collapsed(4)), (20_000, collapsed(9))], NETWORK, CONTEXTS
    )
    llc = llc_of("base-s1", "local").isel(step=slice(0, 3)).assign_coords(step=[0, 1000, 20_000])
    stores = {name: store.assign_attrs(run=name) for name in ("base-s0", "base-s1")}
    drawn = figure.draw(
        degeneracies=stores, llc=llc, refined=refined, stages=stages_of(), run="base-s1"
    )
    data = drawn.data.set_index(["panel", "series"])
    since = (store["lost"] - store["lost"].isel(step=0)).sel(below=0.1).sum(("map", "source"))
    np.testing.assert_allclose(data.loc[("count", "in all"), "y"], since / 1000)
    np.testing.assert_allclose(data.loc[("parts", "step 9"), "y"], refined["llc"].sel(step=9))
    assert all(ax.get_ylabel() for ax in drawn.figure.axes)


def test_the_store_keeps_its_layout() -> None:
    store = degeneracy([(0, START), (9, collapsed(4))], NETWORK, CONTEXTS)
    assert_keeps(store.assign_attrs(run="base-s0"), DEGENERACY)


def test_moments_are_of_the_networks_own_pass() -> None:
    """The walk through the network is written twice, here and in `model`."""
    for residual in ("doubled", "standard"):
        network = NETWORK.__class__(**{**vars(NETWORK), "residual": residual})
        _, found = input_moments(START, network, CONTEXTS)
        torch.testing.assert_close(found, predictions(START, network, *CONTEXTS))


def _free_direction(name: str, params: Params, moments, generator):
    """Return a random change of one map that its own moment calls free, as changed parameters."""
    moment = moments[name].seen
    matrix = {}
    for head, one in enumerate(moment):
        values, vectors = torch.linalg.eigh(one)
        null = vectors[:, values < 1e-9 * values[-1].clamp(min=1e-30)].float()
        matrix[head] = null @ null.T
    block, part = name.split(".attention.") if ".attention." in name else (name, "")
    if part in ROWS:
        full = params[f"{block}.attention.qkv.weight"].clone()
        for head, null in matrix.items():
            rows = slice(ROWS[part] + 16 * head, ROWS[part] + 16 * (head + 1))
            full[rows] += torch.randn(16, 64, generator=generator) @ null
        return {f"{block}.attention.qkv.weight": full}
    if part == "output":
        full = params[f"{block}.attention.output.weight"].clone()
        for head, null in matrix.items():
            full[:, 16 * head : 16 * (head + 1)] += torch.randn(64, 16, generator=generator) @ null
        return {f"{block}.attention.output.weight": full}
    shape = params[f"{name}.weight"].shape
    return {
        f"{name}.weight": params[f"{name}.weight"]
        + torch.randn(shape, generator=generator) @ matrix[0]
    }


def test_everything_that_is_counted_is_free_and_all_of_it_together() -> None:
    """Random changes of every map at once, within what is counted, move no prediction."""
    params = collapsed(9) | {
        name: value
        for name, value in collapsed(7, 1, "mlp_norm").items()
        if name.startswith("blocks.1.mlp_norm")
    }
    generator = torch.Generator().manual_seed(0)
    moments, before = input_moments(params, NETWORK, CONTEXTS)
    moved = dict(params)
    for name in moments:
        moved |= _free_direction(name, moved, moments, generator)
    assert sum(not torch.equal(moved[name], params[name]) for name in params) >= 3
    distance = sum((moved[name] - params[name]).square().sum() for name in params).sqrt()
    after = predictions(moved, NETWORK, *CONTEXTS)
    assert distance > 50
    torch.testing.assert_close(after, before, atol=2e-4, rtol=0)


def test_a_collapsed_channel_frees_its_columns_less_the_symmetry_of_scale() -> None:
    """Of the second block: the inputs of the first do not span its channels anyway."""
    found = lost(collapsed(5, 1))
    per_channel = NETWORK.num_heads * (16 + 16 + 15)
    assert found.sel(source="channels").sum() == 5 * per_channel
    block = found.sel(map=[f"blocks.1.attention.{part}" for part in ROWS])
    assert block.sum() == pytest.approx(5 * per_channel, abs=per_channel)
    found = lost(collapsed(5, 1, "mlp_norm"))
    assert found.sel(map="blocks.1.mlp.input", source="channels") == 5 * 63


def test_the_first_blocks_inputs_span_what_embeddings_span() -> None:
    """11 of 15 positions are no longer told apart: keys lose 11 directions a head, none by channels."""
    position = START["position_embedding.weight"].clone()
    position[4:] = position[:4].repeat(3, 1)  # 4 positions instead of 15 are told apart
    found = lost(changed(position_embedding__weight=position), 1e-3)
    keys = found.sel(map="blocks.0.attention.key")
    assert keys.sel(source="channels") == 0
    assert float(keys.sum()) == pytest.approx(4 * 16 * 11, abs=4 * 16 * 2)


def test_a_head_that_attends_hard_loses_its_queries_and_keys() -> None:
    """Softmax is flat there, and no score matters."""
    params = dict(START)
    params |= attending({(0, 1): lambda place: place - 1}, hardness=60.0)(
        params, 1.0, torch.Generator()
    )
    only = {name: value for name, value in params.items() if name in _ATTENTION}
    found = lost(START | only, 1e-3, start=START | _PLACES)
    of_tokens = found.sel(source="tokens")
    assert of_tokens.sel(map="blocks.0.attention.query") > 0
    assert of_tokens.sel(map="blocks.0.attention.key") > 0


_ATTENTION = ("position_embedding.weight", "blocks.0.attention.qkv.weight")
_PLACES = {
    name: value
    for name, value in attending({})(dict(START), 0.0, torch.Generator()).items()
    if name == "position_embedding.weight"
}


def test_a_units_product_has_the_coefficient_of_one_number() -> None:
    """Why the unembedding counts nothing: u = gamma w costs 1/2 whether or not both vanish."""
    assert freed_by_direction("unembedding", NETWORK) == 0
    full, none = (reduced_rank_regression(1, 1, 1, rank).value for rank in (1, 0))
    assert full == none == 0.5


@pytest.mark.parametrize("inner", [2, 5, 16])
def test_an_output_map_loses_what_rank_deficiency_frees(inner) -> None:
    """(m - h) a direction: how the fibre of a product A B grows as B loses rank, with A of full rank.

    Generic fibres have the h^2 dimensions of the inner basis; with rank r it has (h - r) m + r h.
    """
    m = 64
    fibre = [(inner - rank) * m + rank * inner for rank in range(inner, -1, -1)]
    assert fibre[0] == inner**2
    assert all(late - early == m - inner for early, late in pairwise(fibre))
    assert freed_by_direction("blocks.0.attention.output", NETWORK) == m - 16


def test_half_of_what_is_lost_bounds_the_fall_of_the_coefficient_of_a_product() -> None:
    """Reduced rank regression: the exact coefficient at rank r is at most half the codimension."""
    m, n, h = 20, 12, 8
    values = np.array([reduced_rank_regression(n, m, h, rank).value for rank in range(h, -1, -1)])
    fibre = np.array([(h - rank) * max(m, n) + rank * h for rank in range(h, -1, -1)])
    assert (values <= (h * (m + n) - fibre) / 2 + 1e-9).all()
