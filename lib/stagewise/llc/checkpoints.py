"""A subject of a module and its saved states: files of PyTorch, safetensors or NumPy, or state dicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from stagewise.core.replicas import Batch, Params
from stagewise.core.subject import Subject
from stagewise.llc.modules import Criterion, module_loss

State = Mapping[str, Tensor] | str | Path


def read_state(source: State) -> dict[str, Tensor]:
    """Return a state dict; of a file nothing but tensors is read, never code.

    Raises
    ------
    ValueError
        If the file's ending is none of .pt, .pth, .safetensors, .npz, or it holds no tensors by name.
    """
    if isinstance(source, Mapping):
        return dict(source)
    path = Path(source)
    if path.suffix in (".pt", ".pth"):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ValueError(
                f"{path} does not load with weights_only=True: save module.state_dict() instead"
            ) from error
        state = state.get("state_dict", state) if isinstance(state, Mapping) else state
    elif path.suffix == ".safetensors":
        state = load_file(path)
    elif path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    else:
        raise ValueError(f"{path} is no checkpoint: it must end in .pt, .pth, .safetensors or .npz")
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{path} holds no tensors by name: save module.state_dict() in it")
    return dict(state)


def subject_of_modules(
    make_module: Callable[[], nn.Module],
    checkpoints: Mapping[int, State],
    criterion: Criterion | None,
    data: Batch,
    *,
    name: str = "own",
    names: tuple[str, ...] | None = None,
    num_outputs: int = 100,
    **known: Any,
) -> Subject:
    """Return a subject of a module's checkpoints.

    Parameters
    ----------
    make_module : callable
        Builds the module; frozen parameters are held fixed.
    checkpoints : mapping of int to state dict or path
        By training step. Each has buffers of its own, such as the statistics of batch normalisation.
    criterion, names
        As for `llc.modules.module_loss`.
    data : tuple of Tensor
        Samples, as `llc.modules.stack_dataset` gives them.
    name : str
    num_outputs : int
        Samples on which outputs make the trajectory of essential dynamics.
    **known
        Further fields of `Subject`, such as ``untrained_loss``.

    Raises
    ------
    ValueError
        If there are no checkpoints, or one does not fit the module.
    """
    if not checkpoints:
        raise ValueError("checkpoints is empty: give {step: state dict or path}")
    module = make_module()
    loss_fn, free = module_loss(module, criterion, names=names)
    shapes = {key: value.shape for key, value in module.state_dict().items()}

    @lru_cache(maxsize=2)
    def state_at(step: int) -> dict[str, Tensor]:
        source = checkpoints[step]
        state = read_state(source)
        file = "" if isinstance(source, Mapping) else f", {source},"
        told = f"the checkpoint of step {step}{file}"
        missing, extra = sorted(set(shapes) - set(state)), sorted(set(state) - set(shapes))
        if missing or extra:
            raise ValueError(
                f"{told} does not fit the module: it lacks {missing[:5]} and has {extra[:5]} besides"
            )
        for key, shape in shapes.items():
            if state[key].shape != shape:
                raise ValueError(
                    f"{told} does not fit the module: {key} has shape {tuple(state[key].shape)}, the "
                    f"module's has {tuple(shape)}"
                )
        return state

    def params_at(step: int) -> Params:
        state = state_at(step)
        return {key: state[key].to(value.device) for key, value in free.items()}

    def buffers_at(step: int) -> Params:
        state, device = state_at(step), next(iter(free.values())).device
        rest = {key: value.to(device) for key, value in state.items() if key not in free}
        return {k: v.float() if v.is_floating_point() else v for k, v in rest.items()}

    few = tuple(part[:num_outputs] for part in data)

    @torch.no_grad()
    def function_vector(params: Params) -> np.ndarray:
        return loss_fn.outputs(params, few).flatten().numpy(force=True)

    steps = tuple(sorted(checkpoints))
    return Subject(
        name,
        steps,
        params_at,
        loss_fn,
        data,
        buffers_at=buffers_at,
        function_vector=function_vector,
        **known,
    )


def outputs_along(subject: Subject) -> np.ndarray:
    """Return a subject's outputs on fixed samples at every step, shape (step, feature).

    That is what `development.essential_dynamics.essential_dynamics` takes.
    """
    if subject.function_vector is None:
        raise ValueError(f"subject {subject.name} has no function_vector: give one")
    buffers = subject.buffers_at or (lambda step: {})
    rows = [subject.function_vector({**subject.params_at(s), **buffers(s)}) for s in subject.steps]
    return np.stack(rows)
