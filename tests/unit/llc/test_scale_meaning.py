"""What is said of an LLC over its scale: false alarms and power on simulated estimates."""

import numpy as np
import pytest
import xarray as xr

from stagewise.llc.scale_layout import LLC_MEANING, LLC_STATEMENTS
from stagewise.llc.scale_meaning import meaning_table, statement_table

N_BETA = np.array([100.0, 50, 200, 400, 100, 100, 100])
GAMMA = np.array([1000.0, 1000, 1000, 1000, 2000, 500, 250])
CHAINS = 4
LEVELS = np.array([10.0, 10.0])


def stored(llc, rng, noise=0.5, verdict="ok"):
    """Return estimates around true values, shape (step, cell), from chains with independent noise."""
    llc = np.broadcast_to(np.asarray(llc, float), (len(llc), len(N_BETA)))
    chains = llc[..., None] + 2 * noise * rng.standard_normal((*llc.shape, CHAINS))
    cells = ("step", "cell")
    error = chains.std(-1, ddof=1) / np.sqrt(CHAINS)
    return xr.Dataset(
        {
            "llc_mean": (cells, chains.mean(-1)),
            "llc_stderr": (cells, error),
            "verdict": (cells, np.full(llc.shape, verdict, object)),
            "soft_count": (cells, chains.mean(-1)),
            "soft_count_stderr": (cells, error),
            "gradient_part": (cells, np.zeros(llc.shape)),
            "init_loss": ("step", np.full(len(llc), 2.0)),
            "n_beta": ("cell", N_BETA),
            "localization": ("cell", GAMMA),
        },
        {"step": np.arange(1, len(llc) + 1)},
        {"num_chains": CHAINS, "num_probes": CHAINS},
    )


def survivals(llc, noise=0.5, count=200):
    rng = np.random.default_rng(3)
    tables = [statement_table(stored(llc, rng, noise)) for _ in range(count)]
    return np.array([table["survival"].iloc[0] for table in tables])


def shares(found):
    return {word: float((found == word).mean()) for word in set(found.tolist())}


def test_a_flat_llc_is_said_to_change_in_at_most_five_percent():
    assert shares(survivals(np.full((2, 1), 10.0)))["cannot be told"] >= 0.95


def test_a_rise_of_eight_joint_errors_at_every_scale_is_found():
    assert shares(survivals(np.array([[10.0], [16.0]])))["rises at every scale"] > 0.9


def test_a_fall_at_coarse_scales_that_is_a_rise_at_fine_ones_turns():
    fine = GAMMA / N_BETA < 8
    later = np.where(fine, 18.0, 2.0)
    assert shares(survivals(np.array([np.full(7, 10.0), later])))["turns with the scale"] > 0.9


def test_estimates_that_are_not_sound_tell_nothing():
    table = statement_table(
        stored(np.array([[10.0], [60.0]]), np.random.default_rng(0), verdict="drifting")
    )
    llc = LLC_STATEMENTS.check(table).iloc[0]
    assert (llc["num_scales"], llc["survival"]) == (0, "cannot be told")


@pytest.mark.parametrize(
    ("power", "noise", "meaning"),
    [(0.0, 0.05, "insensitive"), (1.0, 0.05, "depends on the scale"), (0.0, 3.0, "cannot be told")],
)
def test_meaning_follows_from_what_a_factor_of_two_does(power, noise, meaning):
    llc = 10 * (GAMMA / N_BETA / 10) ** -power
    rng = np.random.default_rng(1)
    found = [
        LLC_MEANING.check(meaning_table(stored([llc], rng, noise), 0.25))["meaning"].item()
        for _ in range(20)
    ]
    assert found.count(meaning) >= 18


def test_meaning_of_an_unsound_estimate_is_not_said():
    table = meaning_table(
        stored(np.full((1, 1), 10.0), np.random.default_rng(0), verdict="escaped"), 0.25
    )
    assert table["meaning"].item() == "not sound"
