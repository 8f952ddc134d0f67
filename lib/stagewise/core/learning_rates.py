"""The learning rate of every update."""

from __future__ import annotations


def one_cycle_learning_rate(
    step: int, num_steps: int, max_learning_rate: float, warmup_fraction: float
) -> float:
    """Return the learning rate of one update of the linear one-cycle schedule.

    Rises linearly from `max_learning_rate` / (T/2 - 1) to `max_learning_rate` during the warm-up,
    then falls linearly to nearly zero; equal to ``torch.optim.lr_scheduler.OneCycleLR`` with
    ``anneal_strategy="linear"`` and ``div_factor = final_div_factor = T/2 - 1``
    (Hoogland et al. 2024, App. E.2).

    Parameters
    ----------
    step : int
        Index of the update, 0 <= step < num_steps.
    num_steps : int
        Number of updates T of the run.
    max_learning_rate : float
        Peak of the schedule.
    warmup_fraction : float
        Share of the run spent rising, in (0, 1).
    """
    divisor = num_steps / 2 - 1
    initial = max_learning_rate / divisor
    final = initial / divisor
    peak_step = warmup_fraction * num_steps - 1
    if step <= peak_step:
        return initial + (max_learning_rate - initial) * step / peak_step
    progress = (step - peak_step) / (num_steps - 1 - peak_step)
    return max_learning_rate + (final - max_learning_rate) * progress
