"""Settings of what is measured of the Hessian, and over the scale gamma / n_beta.

Read when the workflow is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stagewise.core.fields import Count, Positive, Settings, Several, Share, TwoOrMore


@dataclass(frozen=True)
class HessianSizes(Settings):
    """How the loss's second derivatives are measured."""

    num_contexts: Count
    """Samples on which curvature is measured, of those that define L_n; few spread the spectrum, which
    lowers the soft count."""
    num_directions: Count
    """Largest eigenvalues that are found one by one."""
    num_probes: TwoOrMore
    """Random vectors for the rest, whose spread gives the error."""


@dataclass(frozen=True)
class CurvatureSizes(HessianSizes):
    """How the spectrum of the loss's second derivatives is measured."""

    num_nodes: Count
    """Lanczos steps from each probe."""


@dataclass(frozen=True)
class ScaleSettings(Settings):
    """The LLC as a curve in the scale gamma / n_beta, beside the soft count of the curvature."""

    at: Several[Share]
    """Shares of training at which the checkpoints lie."""
    factors: Several[Positive]
    """By how much the scale of the setting `local` is divided, once by way of n beta and once of gamma;
    0.5 and 2 among them, for what a factor of two changes."""
    tolerated_change: Positive
    """Share by which a factor of two in gamma or n beta may change an LLC that is called insensitive."""
    curvature: CurvatureSizes

    def contradictions(self) -> Iterator[str]:
        """Yield what is missing or given twice."""
        if not {0.5, 2.0} <= set(self.factors) or 1.0 in self.factors:
            yield "{factors} must hold 0.5 and 2.0, and not 1.0, which is always there"
