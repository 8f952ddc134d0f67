"""What counts as learned, sudden, late, and as a slingshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BehaviourSettings:
    """What counts as learned, sudden and late.

    Parameters
    ----------
    learned : float
        Accuracy from which a set counts as learned; 0.99 as a rule.
    rise_start, rise_end : float
        Accuracies between which the rise is measured; 0.1 and 0.9 as a rule.
    max_width : float
        A rise is sudden if its width in log t is at most this.
    min_delay : float
        Generalisation is long after memorisation if log(t_gen / t_mem) is at least this.

    Raises
    ------
    ValueError
        If an accuracy is outside (0, 1], the rise does not go up, or a bound is negative.
    """

    learned: float
    rise_start: float
    rise_end: float
    max_width: float
    min_delay: float

    def __post_init__(self) -> None:
        if not (0 < self.learned <= 1 and 0 < self.rise_start < self.rise_end <= 1):
            raise ValueError(f"learned and rise_start < rise_end must be in (0, 1]: {self}")
        if self.max_width < 0 or self.min_delay < 0:
            raise ValueError("max_width and min_delay must not be negative")


@dataclass(frozen=True)
class MeasureSettings:
    """Constants of the measures.

    Parameters
    ----------
    behaviour : BehaviourSettings
    mode_multiple : float
        A mode is learned above this multiple of the median power share.
    early_share : float
        Early training ends when the training loss has fallen by this share.
    """

    behaviour: BehaviourSettings
    mode_multiple: float
    early_share: float

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> MeasureSettings:
        """Build from the section ``modular.measures`` of the configuration."""
        names = ("learned", "rise_start", "rise_end", "max_width", "min_delay")
        behaviour = BehaviourSettings(**{name: entry[name] for name in names})
        return cls(behaviour, entry["mode_multiple"], entry["early_share"])


@dataclass(frozen=True)
class SlingshotSettings:
    """What counts as a slingshot.

    Parameters
    ----------
    window : float
        Steps within which a spike rises, and within which two spikes belong together.
    norm_rise, loss_rise : float
        Least rise within the window, in natural logarithms of the norm and of the loss.
    loss_floor : float
        Losses below count as this: near zero a rise of the logarithm is rounding.

    Raises
    ------
    ValueError
        If a setting is not positive.
    """

    window: float
    norm_rise: float
    loss_rise: float
    loss_floor: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be positive, not {value}")
