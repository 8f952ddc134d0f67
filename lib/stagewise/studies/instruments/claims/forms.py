"""Claim on what the search for forms finds by chance: I3."""

from __future__ import annotations

from scipy import stats

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import NOT_TESTABLE, Verdict, judged
from stagewise.development.form_rates import LEVEL
from stagewise.studies.instruments.claims.evidence import InstrumentsEvidence

COSINES = "walk, even, 256 dimensions"
"""The process whose components are cosines in theory, the more exactly the more dimensions it has."""

CERTAIN = "turns back"
"""The planted path whose form is exact and as large as the path."""


@claim("I3")
def chance_of_forms(
    found: InstrumentsEvidence,
    *,
    min_trajectories: int,
    min_cosine: float,
    min_power: float,
    level: float,
) -> Verdict:
    """I3: components of walks are cosines, and forms are significant there as often as p says."""
    rates = found.form_rates
    nulls = rates[~rates["planted"]]
    if nulls.empty or nulls["num_trajectories"].min() < min_trajectories:
        return Verdict(NOT_TESTABLE, f"fewer than {min_trajectories:g} trajectories of a process")
    cosine = float(nulls.loc[nulls["process"].eq(COSINES), "cosine"].iloc[0])
    # Level divided among the processes: their family errs as seldom as one test.
    chance = stats.binom.sf(nulls["num_significant"] - 1, nulls["num_trajectories"], LEVEL)
    too_often = nulls["process"][chance < level / len(nulls)].tolist()
    planted = rates[rates["process"].eq(CERTAIN)].nsmallest(1, "disturbance").iloc[0]
    power = planted["num_significant"] / planted["num_trajectories"]
    parts = [cosine >= min_cosine, not too_often, power >= min_power]
    shares = [
        f"{name} {100 * share:.1f} %"
        for name, share in zip(
            nulls["process"], nulls["num_significant"] / nulls["num_trajectories"], strict=True
        )
    ]
    value = (
        f"scores of even walks follow cosines (correlations of at least {cosine:.2f} in half of "
        f"them); significant forms in {', '.join(shares)}; planted form found in {100 * power:.0f} %"
    )
    if too_often:
        value += f"; more often than {100 * LEVEL:.0f} %: {', '.join(too_often)}"
    count = int(nulls["num_trajectories"].min())
    limit = stats.binom.ppf(1 - level / len(nulls), count, LEVEL) / count
    text = f"{count} trajectories a process, of which chance gives up to {100 * limit:.1f} %"
    return Verdict(judged(all(parts), not any(parts)), value, text)
