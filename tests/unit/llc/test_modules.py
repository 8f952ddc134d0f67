"""The adapter gives a module's own loss, a fixed function of the parameters that are free."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from stagewise.core.seeding import StreamKey
from stagewise.llc.along import llc_along
from stagewise.llc.checkpoints import outputs_along, read_state, subject_of_modules
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.modules import module_loss, sample_names, stack_dataset
from stagewise.llc.settings import SGLDConfig

CONFIG = SGLDConfig(
    step_size=1e-3,
    n_beta=50.0,
    localization=10.0,
    num_chains=2,
    num_burnin=2,
    num_draws=6,
    batch_size=8,
)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=StreamKey(seed, ("modules",)).generator())


def network(*layers: nn.Module) -> nn.Module:
    """Return a module with parameters of its own stream, in training mode as modules are built."""
    module = nn.Sequential(*layers)
    with torch.no_grad():
        for index, parameter in enumerate(module.parameters()):
            parameter.copy_(0.5 * normal(*parameter.shape, seed=index + 10))
    return module


def data(count: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    return normal(count, 3), normal(count, 2, seed=1)


def test_the_loss_and_its_gradient_are_the_modules_own() -> None:
    module, (inputs, target) = network(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), data()
    loss_fn, params = module_loss(module, nn.MSELoss())
    assert list(params) == [name for name, _ in module.named_parameters()]
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    loss = loss_fn(leaves, (inputs, target))
    loss.backward()
    expected = nn.MSELoss()(module(inputs), target)
    expected.backward()
    torch.testing.assert_close(loss, expected)
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(leaves[name].grad, parameter.grad)


def test_chains_side_by_side_see_their_own_parameters() -> None:
    loss_fn, params = module_loss(network(nn.Linear(3, 2)), nn.MSELoss())
    batch = data()
    scales = torch.tensor([0.5, 1.0, 2.0])

    def scaled(scale: torch.Tensor) -> torch.Tensor:
        return loss_fn({name: scale * value for name, value in params.items()}, batch)

    stacked = torch.func.vmap(scaled)(scales)
    torch.testing.assert_close(stacked, torch.stack([scaled(scale) for scale in scales]))


def test_frozen_parameters_and_buffers_are_held_fixed() -> None:
    module = network(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    module[0].requires_grad_(False)
    inputs, target = data()
    loss_fn, params = module_loss(module, nn.MSELoss())
    assert list(params) == ["1.weight", "1.bias", "2.weight", "2.bias"]
    before = copy.deepcopy(module.state_dict())
    stored = loss_fn(params, (inputs, target))
    estimate_llc(loss_fn, params, (inputs, target), CONFIG, key=0)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    torch.testing.assert_close(loss_fn(params, (inputs, target)), stored, rtol=0, atol=0)


def test_later_training_of_the_module_changes_nothing() -> None:
    module, batch = network(nn.Linear(3, 2)), data()
    loss_fn, params = module_loss(module, nn.MSELoss())
    before = loss_fn(params, batch)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1.0)
    torch.testing.assert_close(loss_fn(params, batch), before, rtol=0, atol=0)


def test_a_stochastic_module_is_measured_in_evaluation_mode() -> None:
    module, batch = network(nn.Linear(3, 2), nn.Dropout(0.5)), data()
    assert module.training
    loss_fn, params = module_loss(module, nn.MSELoss())
    assert module.training  # the caller's module is left as it was
    assert loss_fn(params, batch) == loss_fn(params, batch)
    torch.testing.assert_close(
        loss_fn(params, batch), nn.MSELoss()(module.eval()(batch[0]), batch[1])
    )


def test_tied_parameters_are_one() -> None:
    module = network(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = module[0].weight
    loss_fn, params = module_loss(module, nn.MSELoss())
    assert list(params) == ["0.weight"]
    inputs = normal(20, 3)
    doubled = {"0.weight": 2 * params["0.weight"]}
    expected = (inputs @ (4 * params["0.weight"] @ params["0.weight"]).T).square().mean()
    torch.testing.assert_close(loss_fn(doubled, (inputs, torch.zeros(20, 3))), expected)


def test_several_inputs_and_integer_targets() -> None:
    class Weighted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = network(nn.Linear(3, 4))

        def forward(self, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
            return self.layer(inputs) * weight

    target = torch.arange(40) % 4
    loss_fn, params = module_loss(Weighted(), nn.CrossEntropyLoss())
    batch = stack_dataset(TensorDataset(normal(40, 3), normal(40, 1, seed=4), target))
    assert batch[2].dtype == torch.int64
    assert np.isfinite(estimate_llc(loss_fn, params, batch, CONFIG, key=0).llc_mean)


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_a_criterion_that_is_no_mean_is_refused(reduction: str) -> None:
    with pytest.raises(ValueError, match=f"reduction='{reduction}'.*mean over samples"):
        module_loss(network(nn.Linear(3, 2)), nn.MSELoss(reduction=reduction))


def test_a_module_without_free_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to sample"):
        module_loss(network(nn.Linear(3, 2)).requires_grad_(False), nn.MSELoss())


def test_parameters_stay_where_the_module_is() -> None:
    """The meta device stands for any other: it needs no hardware."""
    _, params = module_loss(nn.Linear(3, 2, device="meta"), nn.MSELoss())
    assert {value.device.type for value in params.values()} == {"meta"}
    (inputs, _) = stack_dataset(TensorDataset(*data()), device="meta")
    assert inputs.device.type == "meta"


def test_data_are_stacked_in_order() -> None:
    stacked = stack_dataset(TensorDataset(*data()))
    for part, whole in zip(stacked, data(), strict=True):
        torch.testing.assert_close(part, whole, rtol=0, atol=0)


def test_arrays_and_numbers_become_tensors() -> None:
    inputs, target = stack_dataset([(np.ones(3, dtype="f4"), 1.5), (np.zeros(3, dtype="f4"), 2)])
    assert inputs.dtype == target.dtype == torch.float32
    assert target.tolist() == [1.5, 2.0]


def test_a_limit_takes_samples_from_the_whole_data_set() -> None:
    samples = [(torch.tensor([float(index)]), index // 50) for index in range(200)]
    inputs, target = stack_dataset(samples, limit=8)
    assert inputs[:, 0].tolist() == [0, 25, 50, 75, 100, 125, 150, 175]
    assert target.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(stack_dataset(samples, limit=500)[0]) == 200


class Endless(IterableDataset):
    def __iter__(self):
        yield torch.zeros(3), 0


@pytest.mark.parametrize(
    ("dataset", "limit", "message"),
    [
        (Endless(), None, "Endless has no length"),
        ([], None, "the data set is empty"),
        ([(torch.zeros(3), 0)], 0, "limit must be at least 1, not 0"),
        ([torch.zeros(3)], None, r"sample 0 is not \(input, target\)"),
        ([(torch.zeros(3),)], None, r"sample 0 is not \(input, target\)"),
        ([(torch.zeros(3), 0), (torch.zeros(4), 0)], None, r"sample 1 has shapes \[\(4,\), \(\)\]"),
    ],
)
def test_unusable_data_are_named(dataset: object, limit: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stack_dataset(dataset, limit)


class Tokens(nn.Module):
    """A model as libraries have them: named inputs, an output with logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(7, 4), nn.Linear(4, 7)

    def forward(self, input_ids, attention_mask):
        return {"logits": self.out(self.embed(input_ids) * attention_mask[..., None])}


def dictionaries(count: int = 20) -> list[dict[str, torch.Tensor]]:
    tokens = torch.arange(count)[:, None] * torch.arange(1, 6) % 7
    return [
        {"input_ids": row, "labels": row.roll(-1), "attention_mask": torch.ones(5)}
        for row in tokens
    ]


def token_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


def test_dictionaries_and_logits() -> None:
    samples = dictionaries()
    names = sample_names(samples)
    assert names == ("input_ids", "attention_mask", "labels")
    batch = stack_dataset(DataLoader(samples, batch_size=4))
    assert batch[1].dtype == torch.float32
    assert batch[2].shape == (20, 5)
    loss_fn, params = module_loss(Tokens(), token_loss, names=names)
    assert np.isfinite(estimate_llc(loss_fn, params, batch, CONFIG, key=0).llc_mean)
    with pytest.raises(ValueError, match="no 'target': name its target"):
        stack_dataset(samples, target="target")


def test_a_sum_with_its_count_couples_no_samples() -> None:
    module, inputs = network(nn.Linear(3, 4)), normal(40, 3)
    labels = torch.arange(40) % 4
    labels[::3] = -100
    summed = nn.CrossEntropyLoss(reduction="sum")
    loss_fn, params = module_loss(module, summed, count=26 / 40)
    assert np.isfinite(estimate_llc(loss_fn, params, (inputs, labels), CONFIG, key=0).llc_mean)
    mean_fn, _ = module_loss(module, nn.CrossEntropyLoss())
    torch.testing.assert_close(loss_fn(params, (inputs, labels)), mean_fn(params, (inputs, labels)))
    with pytest.warns(UserWarning, match="couples samples"):
        estimate_llc(mean_fn, params, (inputs, labels.roll(1)), CONFIG, key=0)


def test_targets_that_would_be_broadcast_are_refused() -> None:
    loss_fn, params = module_loss(network(nn.Linear(3, 1)), nn.MSELoss())
    with pytest.raises(ValueError, match=r"give targets of shape \(n, 1\)"):
        loss_fn(params, (normal(40, 3), normal(40)))


def test_checkpoints_have_buffers_of_their_own(tmp_path) -> None:
    inputs, target = data()
    module = network(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    states, losses = {}, {}
    for step in (1, 2):
        module.train()(step * inputs + step)
        states[step] = tmp_path / f"{step}.pt"
        torch.save(module.state_dict(), states[step])
        losses[step] = nn.MSELoss()(module.eval()(inputs), target).item()
    subject = subject_of_modules(
        lambda: copy.deepcopy(module), states, nn.MSELoss(), (inputs, target)
    )
    for step in subject.steps:
        loss = subject.loss_at(step)(subject.params_at(step), subject.samples)
        assert loss.item() == pytest.approx(losses[step], rel=1e-6)
    assert outputs_along(subject).shape == (2, 80)
    curve = llc_along(subject, subject.steps, CONFIG)
    assert curve.sizes["step"] == 2
    np.testing.assert_allclose(curve.init_loss, [losses[1], losses[2]], rtol=1e-5)
    assert curve.verdict.shape == (2,)
    assert losses[1] != losses[2]


@pytest.mark.parametrize("ending", [".pt", ".safetensors", ".npz"])
def test_a_state_is_the_same_from_every_kind_of_file(tmp_path, ending: str) -> None:
    state = nn.Linear(3, 2).state_dict()
    path = tmp_path / f"state{ending}"
    if ending == ".pt":
        torch.save(state, path)
    elif ending == ".safetensors":
        save_file(state, path)
    else:
        np.savez(path, **{name: value.numpy() for name, value in state.items()})
    found = read_state(path)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_foreign_checkpoints_are_named(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"it must end in .pt, .pth, .safetensors or .npz"):
        read_state(tmp_path / "weights.bin")
    subject = subject_of_modules(
        lambda: nn.Linear(3, 2), {5: {"weight": torch.zeros(2, 3)}}, nn.MSELoss(), data()
    )
    with pytest.raises(ValueError, match=r"step 5 does not fit the module: it lacks \['bias'\]"):
        subject.params_at(5)
