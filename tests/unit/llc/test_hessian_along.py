"""Trace and eigenvalues along training are those of the Hessian itself."""

import numpy as np
import pytest
import torch

from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc.hessian_along import hessian_along
from stagewise.llc.scale_layout import HESSIAN
from stagewise.llc.scale_settings import HessianSizes

LENGTHS = torch.linspace(0.05, 3, 40)
DATA = torch.randn(300, 40, generator=StreamKey(5).generator()) * LENGTHS
EXACT = np.linalg.eigvalsh((DATA.T @ DATA / 300).double().numpy())[::-1]


def scaled(params, batch):
    """Return a quartic whose Hessian at w = 0 is that of a quadratic, times the square of `gain`."""
    excess = (batch[0] @ params["w"]).square()
    return 0.5 * (params["gain"].square() * excess + excess.square()).mean()


def subject():
    checkpoints = {
        step: {"w": torch.zeros(40), "gain": torch.tensor(gain)}
        for step, gain in ((0, 1.0), (7, 3.0))
    }
    return Subject.of_checkpoints("scaled", checkpoints, scaled, (DATA,), untrained_loss=9.0)


@pytest.fixture(scope="module")
def store():
    return hessian_along(subject(), (0, 7), HessianSizes(300, 3, 16))


def test_eigenvalues_and_trace_are_exact_up_to_their_errors(store):
    HESSIAN.check(store)
    assert store["eigenvalue"].sel(step=0).values == pytest.approx(EXACT[:3], rel=0.02)
    assert abs(store["trace"].sel(step=0) - EXACT.sum()) < 3 * store["trace_stderr"].sel(step=0)
    assert store["trace_stderr"].sel(step=0) < 0.1 * EXACT.sum()


def test_every_step_meets_the_same_probes(store):
    ratio = store.sel(step=7) / store.sel(step=0)
    assert float(ratio["trace"]) == pytest.approx(9, rel=1e-3)
    assert float(ratio["trace_stderr"]) == pytest.approx(9, rel=1e-2)
