"""Claim on what makes the LLC fall: R16."""

from __future__ import annotations

import numpy as np

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import Verdict, overall
from stagewise.claims.words import listed
from stagewise.core.unanswered import UnansweredError
from stagewise.studies.regression.claims.evidence import RegressionEvidence
from stagewise.studies.regression.degeneracy_link import Link, falls, link
from stagewise.studies.regression.degeneracy_readings import sound_curves


@claim("R16")
def follows_degeneracy(
    found: RegressionEvidence,
    *,
    below: float,
    min_points: int,
    min_share: float,
    min_correlation: float,
    max_chance: float,
) -> Verdict:
    """R16: the LLC falls when and as far as parameters are lost that one can count."""
    outcomes: dict[int, bool | None] = {}
    texts, errors = {}, {}
    for run in found.of("base", "local"):
        if run.name not in found.degeneracy:
            continue
        try:
            curves = sound_curves(run.curves["local"].llc, found.degeneracy[run.name], below)
        except UnansweredError as error:
            outcomes[run.seed], texts[run.seed] = None, str(error)
            continue
        why_not = falls(*curves[:3], min_points=min_points, min_share=min_share)
        if why_not:
            outcomes[run.seed], texts[run.seed] = None, why_not
            continue
        seen = link(*curves, seed=found.draw_seed)
        outcomes[run.seed] = judged(seen, min_correlation, max_chance)
        texts[run.seed] = (
            f"falls by {seen.fall:.2g} from step {seen.start:.0f} on, {seen.explained:.3g} explained at "
            f"most; correlation of rates {seen.correlation:.2f}, as large at "
            f"{100 * seen.chance:.0f} % of shifts, largest with the LLC later by a factor "
            f"{np.exp(seen.lag):.2g}"
        )
        errors[run.seed] = (
            f"correlation {seen.low:.2f} to {seen.high:.2f}, factor {np.exp(seen.lag_low):.2g} to "
            f"{np.exp(seen.lag_high):.2g}"
        )
    told = tuple(seed for seed, outcome in outcomes.items() if outcome is not None)
    return Verdict(overall(outcomes), listed(texts), listed(errors), told)


def judged(seen: Link, min_correlation: float, max_chance: float) -> bool | None:
    """Return whether one network's LLC follows the count; None where it cannot be told."""
    enough = seen.explained >= seen.fall - 2 * seen.fall_stderr
    if enough and seen.correlation >= min_correlation and seen.chance <= max_chance:
        return True
    return False if not enough or seen.high < min_correlation else None
