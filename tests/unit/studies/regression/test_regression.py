"""The regression study: data, network and measures against theory and plain PyTorch."""

import math

import pytest
import torch
import torch.nn.functional as F

from stagewise.core.replicas import ParameterLayout, stacked_losses_and_gradients
from stagewise.core.seeding import StreamKey
from stagewise.studies.regression.layout import METRICS
from stagewise.studies.regression.metrics import (
    Evaluation,
    along_steps,
    evaluation_of,
    layer_norm_weights,
)
from stagewise.studies.regression.model import (
    initial_parameters,
    mean_squared_error,
    outputs,
    predictions,
    prefix_squared_error,
    tokens_of,
)
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.study import RegressionRun
from stagewise.studies.regression.task import (
    constant_predictor_loss,
    ridge_predictions,
    sample_contexts,
    task_set,
)
from tests.layouts import assert_keeps

NO_NOISE = 1e-16  # a variance must be positive; its root is below the labels' precision
TASK = TaskSettings(dimension=4, num_examples=8, noise_variance=0.125)
NETWORK = NetworkSettings(num_layers=2, num_heads=4, embed_dim=64, mlp_dim=64, residual="doubled")
KEY = StreamKey(0, ("test",))
PARAMS = initial_parameters(NETWORK, TASK, KEY)


def contexts(count, name="contexts", task=TASK, **options):
    return sample_contexts(task, count, KEY.child(name).generator(), **options)


def within(samples: torch.Tensor, expected: float, errors: float = 4.0) -> bool:
    """Whether the mean of independent samples is within so many standard errors."""
    stderr = samples.std() / math.sqrt(samples.numel())
    return bool(abs(samples.mean() - expected) < errors * stderr)


def test_moments_of_the_data():
    inputs, labels = contexts(20_000)
    assert within(inputs[:, 0, 0], 0.0)
    assert within(inputs[:, 0, 0] ** 2, 1.0)
    assert within(labels[:, 3] ** 2, constant_predictor_loss(TASK))


def test_noise_has_the_stated_variance_not_standard_deviation():
    quiet = TaskSettings(4, 8, NO_NOISE)
    noisy, clean = contexts(20_000)[1], contexts(20_000, task=quiet)[1]
    assert within(((noisy - clean) ** 2)[:, 0], TASK.noise_variance)


def test_scaled_inputs_are_the_same_contexts_at_another_scale():
    inputs, labels = contexts(50, task=TaskSettings(4, 8, NO_NOISE))
    scaled_inputs, scaled_labels = contexts(50, task=TaskSettings(4, 8, NO_NOISE), input_scale=3.0)
    torch.testing.assert_close(scaled_inputs, 3 * inputs)
    torch.testing.assert_close(scaled_labels, 3 * labels)


def test_finite_tasks_are_used_and_no_others():
    few = TaskSettings(4, 8, NO_NOISE, num_tasks=3)
    tasks = task_set(few, KEY)
    inputs, labels = contexts(200, task=few, tasks=tasks)
    misfit = (inputs @ tasks.T - labels.unsqueeze(-1)).abs().amax(1)
    assert misfit.min(1).values.max() < 1e-5
    assert len(set(misfit.argmin(1).tolist())) == 3
    assert task_set(TASK, KEY) is None


def test_ridge_is_the_best_predictor_in_theory():
    """At the first position the posterior is the prior; later the excess falls towards the noise."""
    inputs, labels = (part.double() for part in contexts(20_000))
    error = (ridge_predictions(inputs, labels, TASK.noise_variance) - labels) ** 2
    assert within(error[:, 0], constant_predictor_loss(TASK))
    # E[error_k] = sigma^2 + sigma^2 E tr (X'X + sigma^2)^-1, the posterior variance along x_k.
    for k in (2, 5):
        seen = inputs[:, :k]
        moments = seen.transpose(1, 2) @ seen + TASK.noise_variance * torch.eye(4).double()
        trace = torch.linalg.inv(moments).diagonal(dim1=1, dim2=2).sum(1)
        expected = TASK.noise_variance * (1 + trace)
        assert within(error[:, k] - expected, 0.0)
    for factor in (0.5, 2.0):
        other = (ridge_predictions(inputs, labels, factor * TASK.noise_variance) - labels) ** 2
        assert (other - error).mean() > 0


def test_published_size():
    assert ParameterLayout.of(PARAMS).num_parameters == 51_717


def test_tokens_alternate():
    inputs, labels = contexts(2)
    tokens = tokens_of(inputs, labels)
    assert tokens.shape == (2, 16, 5)
    assert torch.equal(tokens[:, 4, 1:], inputs[:, 2])
    assert torch.equal(tokens[:, 5, 0], labels[:, 2])
    assert tokens[:, 0::2, 0].abs().sum() == 0
    assert tokens[:, 1::2, 1:].abs().sum() == 0


def plain_outputs(params, residual, tokens):
    """Compute the outputs once more, written plainly with PyTorch's own attention."""
    x = F.linear(tokens, params["token_embedding.weight"]) + params["position_embedding.weight"]

    def norm(name, value):
        return F.layer_norm(value, (64,), params[f"{name}.weight"], params[f"{name}.bias"])

    for layer in range(2):
        block = f"blocks.{layer}"
        qkv = F.linear(norm(f"{block}.attention_norm", x), params[f"{block}.attention.qkv.weight"])
        heads = [part.view(*x.shape[:2], 4, 16).transpose(1, 2) for part in qkv.split(64, dim=-1)]
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True).transpose(1, 2).flatten(2)
        stream = x + F.linear(mixed, params[f"{block}.attention.output.weight"])
        hidden = F.relu(
            F.linear(
                norm(f"{block}.mlp_norm", stream),
                params[f"{block}.mlp.input.weight"],
                params[f"{block}.mlp.input.bias"],
            )
        )
        stream = stream + F.linear(
            hidden, params[f"{block}.mlp.output.weight"], params[f"{block}.mlp.output.bias"]
        )
        x = x + stream if residual == "doubled" else stream
    return F.linear(
        norm("unembedding_norm", x), params["unembedding.weight"], params["unembedding.bias"]
    )


@pytest.mark.parametrize("residual", ["doubled", "standard"])
def test_network_against_plain_pytorch(residual):
    network = NetworkSettings(2, 4, 64, 64, residual)
    params = {name: value.double() for name, value in PARAMS.items()}
    batch = tuple(part.double() for part in contexts(6))
    expected = plain_outputs(params, residual, tokens_of(*batch))
    torch.testing.assert_close(outputs(params, network, *batch), expected, rtol=1e-10, atol=1e-12)


def test_predictions_are_the_outputs_at_inputs():
    batch = contexts(6)
    every = outputs(PARAMS, NETWORK, *batch)
    torch.testing.assert_close(
        predictions(PARAMS, NETWORK, *batch), every[:, ::2, 0], rtol=1e-4, atol=1e-6
    )


def test_predictions_do_not_see_the_future():
    inputs, labels = contexts(4)
    before = predictions(PARAMS, NETWORK, inputs, labels)
    later = labels.clone()
    later[:, 5] += 1
    after = predictions(PARAMS, NETWORK, inputs, later)
    assert torch.equal(before[:, :6], after[:, :6])
    assert not torch.equal(before[:, 6:], after[:, 6:])


def test_initialisation_is_pytorchs_default():
    bounds = {"token_embedding.weight": 5, "blocks.0.mlp.input.weight": 64, "unembedding.bias": 64}
    bounds["position_embedding.weight"] = 16
    for name, fan_in in bounds.items():
        limit = fan_in**-0.5
        assert PARAMS[name].abs().max() <= limit
        assert PARAMS[name].abs().max() > 0.7 * limit
    assert torch.equal(PARAMS["unembedding_norm.weight"], torch.ones(64))


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match=r"num_heads \(3\) must divide embed_dim \(64\)"):
        NetworkSettings(2, 3, 64, 64, "doubled")


def test_stacked_networks_agree_with_single_ones():
    layout = ParameterLayout.of(PARAMS)
    vectors = torch.stack(
        [layout.flatten(initial_parameters(NETWORK, TASK, KEY.child(r))) for r in range(3)]
    ).double()
    parts = [contexts(4, f"batch{r}") for r in range(3)]
    batches = tuple(torch.stack(part).double() for part in zip(*parts, strict=True))

    def loss(params, batch):
        return mean_squared_error(params, NETWORK, batch)

    losses, gradients = stacked_losses_and_gradients(loss, layout, vectors, batches)
    for r in range(3):
        one = tuple(part[r : r + 1] for part in batches)
        alone = stacked_losses_and_gradients(loss, layout, vectors[r : r + 1], one)
        torch.testing.assert_close(losses[r], alone[0][0], rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(gradients[r], alone[1][0], rtol=1e-8, atol=1e-12)


def zero_network():
    return {name: torch.zeros_like(value) for name, value in PARAMS.items()}


def measure(instrument, params, network=NETWORK, initial=None):
    both = [(0, params if initial is None else initial), (1, params)]
    measured = along_steps(instrument, network, both)
    assert_keeps(measured, METRICS)
    return measured.isel(step=1)


def test_measures_of_a_network_that_always_answers_zero():
    inputs, labels = contexts(4000)
    scaled = {1.0: (inputs, labels), 2.0: contexts(4000, input_scale=2.0)}
    measured = measure(Evaluation(TASK, (inputs, labels), None, scaled, scaled), zero_network())
    difference = abs(float(measured.test_loss) - constant_predictor_loss(TASK))
    assert difference < 4 * float(measured.test_loss_stderr)
    assert float(measured.mean_squared_prediction) == 0
    assert float(measured.distance_to_mean_task) == 0
    assert abs(float(measured.icl_total)) < 4 * float(measured.icl_total_stderr)
    assert measured.icl_scaled.dims == ("input_scale",)
    assert float(measured.weight_norm) == 0
    assert measured.layer_norm_collapsed.values.tolist() == [1.0] * 5


def test_measures_are_means_over_contexts():
    batch = contexts(300)
    measured = measure(Evaluation(TASK, batch, None, {1.0: batch}, {1.0: batch}), PARAMS)
    expected = mean_squared_error(PARAMS, NETWORK, batch).item()
    assert float(measured.test_loss) == pytest.approx(expected, rel=1e-5)
    token = measured.token_loss.values
    assert float(measured.icl_locate) == pytest.approx(token[3] - token[0], rel=1e-5)
    assert float(measured.icl_refine) == pytest.approx(token[7] - token[3], rel=1e-5)
    assert float(measured.icl_scaled[0]) == pytest.approx(token[7] - token[0], rel=1e-5)
    norm = ParameterLayout.of(PARAMS).flatten(PARAMS).norm().item()
    assert float(measured.weight_norm) == pytest.approx(norm, rel=1e-6)
    assert measured.layer_norm_collapsed.values.tolist() == [0.0] * 5


def test_errors_of_changes_are_paired():
    same_contexts = {1.0: contexts(300)}
    instrument = Evaluation(TASK, contexts(300), None, same_contexts, same_contexts)
    nearby = {name: value + 1e-3 for name, value in PARAMS.items()}
    same, other = measure(instrument, PARAMS), measure(instrument, nearby, initial=PARAMS)
    assert float(same.icl_total_change_stderr) == 0
    assert 0 < float(other.icl_total_change_stderr) < 0.2 * float(other.icl_total_stderr)


def test_errors_until_the_last_checkpoint_are_paired():
    batch = contexts(300)
    instrument = Evaluation(TASK, batch, None, {1.0: batch}, {1.0: batch})
    other = {name: value + 1e-2 for name, value in PARAMS.items()}
    measured = along_steps(instrument, NETWORK, [(0, PARAMS), (1, other)])
    scores = []
    for params in (PARAMS, other):
        error = (predictions(params, NETWORK, *batch) - batch[1]).square()
        scores.append(error[:, 7] - error[:, 0])
    expected = (scores[1] - scores[0]).std() / math.sqrt(300)
    rest = measured.icl_scaled_rest_stderr.sel(input_scale=1.0).values
    assert rest[0] == pytest.approx(expected.item(), rel=1e-3)
    assert rest[1] == 0


def test_scaled_contexts_are_the_first_of_the_fixed_ones():
    """Labels at scale g are g w'x and the noise, whichever of the two factors is scaled."""
    run, scales = study_run(), (1.0, 3.0)
    sizes = {"num_contexts": 40, "num_scaled_contexts": 15}
    instrument = evaluation_of(run, **sizes, input_scales=scales, task_scales=scales)
    inputs, labels = run.fixed_contexts("evaluation", 40)
    clean = (run.fixed_contexts("evaluation", 40, 2.0)[1] - labels)[:15]
    noise = labels[:15] - clean
    for kind, factor in (("", 3.0), ("_tasks", 1.0)):
        scaled_inputs, scaled_labels = instrument.scaled[kind][3.0]
        torch.testing.assert_close(scaled_inputs, factor * inputs[:15])
        torch.testing.assert_close(scaled_labels, 3 * clean + noise, rtol=1e-4, atol=1e-5)


def test_measures_of_scaled_contexts_are_those_of_the_contexts_alone():
    run = study_run()
    sizes = {"num_contexts": 300, "num_scaled_contexts": 20}
    instrument = evaluation_of(run, **sizes, input_scales=[1.0, 3.0], task_scales=[3.0])
    measured = measure(instrument, PARAMS)
    cases = {("", 1.0): 0, ("", 3.0): 1, ("_tasks", 3.0): 0}
    for (kind, scale), place in cases.items():
        batch = instrument.scaled[kind][scale]
        predicted = predictions(PARAMS, NETWORK, *batch)
        error = (predicted - batch[1]).square().mean(0)
        expected = {
            "icl_scaled": (error[7] - error[0]) / scale,
            "loss_scaled": error.mean(),
            "squared_prediction_scaled": predicted.square().mean(),
        }
        for name, value in expected.items():
            found = float(measured[f"{name}{kind}"][place])
            assert found == pytest.approx(value.item(), rel=1e-3), (name, kind)


def test_mean_task_prediction_of_finite_tasks():
    few = TaskSettings(4, 8, 0.125, num_tasks=2)
    tasks = torch.ones(2, 4)
    batch = contexts(2000, task=few, tasks=tasks)
    measured = measure(Evaluation(few, batch, tasks, {1.0: batch}, {1.0: batch}), zero_network())
    expected = (batch[0] @ torch.ones(4)).square().mean().item()
    assert float(measured.distance_to_mean_task) == pytest.approx(expected, rel=1e-5)


def test_layer_norms_are_named():
    names = list(layer_norm_weights(PARAMS))
    assert names[0] == "blocks.0.attention_norm"
    assert names[-1] == "unembedding_norm"
    assert len(names) == 5


def test_a_missing_gpu_is_named():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    settings = {
        "task": {"dimension": 4, "num_examples": 8, "noise_variance": 0.125},
        "network": vars(NETWORK),
        "training": {"betas": [0.9, 0.999]},
    }
    with pytest.raises(RuntimeError, match="device is cuda but no GPU is visible: set device: cpu"):
        RegressionRun.of("base-s0", settings, 0, "cuda")


def study_run(name="base-s0", num_tasks=None):
    settings = {
        "task": {
            "dimension": 4,
            "num_examples": 8,
            "noise_variance": 0.125,
            "num_tasks": num_tasks,
        },
        "network": {
            "num_layers": 2,
            "num_heads": 4,
            "embed_dim": 64,
            "mlp_dim": 64,
            "residual": "doubled",
        },
        "training": {
            "num_steps": 10,
            "batch_size": 4,
            "max_learning_rate": 1e-3,
            "warmup_fraction": 0.5,
            "betas": [0.9, 0.999],
            "epsilon": 1e-8,
            "segment_steps": 5,
        },
    }
    return RegressionRun.of(name, settings, 0, "cpu")


def test_likelihood_based_loss_scores_the_last_label_of_each_prefix_alone():
    inputs, labels = contexts(6)
    prefix = torch.tensor([1, 2, 3, 5, 7, 8])
    loss = prefix_squared_error(PARAMS, NETWORK, (inputs, labels, prefix))
    errors = [
        predictions(PARAMS, NETWORK, inputs[[i], :k], labels[[i], :k])[0, -1] - labels[i, k - 1]
        for i, k in enumerate(prefix.tolist())
    ]
    torch.testing.assert_close(loss, torch.stack(errors).square().mean())


def test_both_losses_agree_over_all_prefixes():
    inputs, labels = contexts(5)
    every = [torch.full((5,), k) for k in range(1, 9)]
    losses = [prefix_squared_error(PARAMS, NETWORK, (inputs, labels, k)) for k in every]
    expected = mean_squared_error(PARAMS, NETWORK, (inputs, labels))
    torch.testing.assert_close(torch.stack(losses).mean(), expected)


def test_likelihood_based_loss_of_stacked_chains():
    layout = ParameterLayout.of(PARAMS)
    batch = (*contexts(12), torch.arange(12) % 8 + 1)
    vectors = torch.stack([scale * layout.flatten(PARAMS) for scale in (0.5, 1.0, 1.5)])
    stacked = tuple(part.expand(3, *part.shape) for part in batch)
    run = study_run()
    losses, _ = stacked_losses_and_gradients(run.prefix_loss, layout, vectors, stacked)
    serial = [run.prefix_loss(layout.unflatten(vector), batch) for vector in vectors]
    torch.testing.assert_close(losses, torch.stack(serial))


def test_samples_of_both_losses_are_the_same_contexts_with_prefixes_drawn_once():
    run, count = study_run(), 4000
    loss_fn, data = run.llc_target("all_positions", count)
    other_fn, other = run.llc_target("random_prefix", count)
    for part, expected in zip(data, run.fixed_contexts("llc-samples", count), strict=True):
        assert torch.equal(part, expected)
    assert all(torch.equal(a, b) for a, b in zip(data, other, strict=False))
    prefix = other[2]
    assert torch.equal(prefix, study_run("base-s1").llc_target("random_prefix", count)[1][2])
    share = prefix.bincount(minlength=9)[1:] / count
    assert prefix.min() == 1
    assert prefix.max() == 8
    assert (share - 1 / 8).abs().max() < 4 * math.sqrt(1 / 8 * 7 / 8 / count)
    assert loss_fn == run.loss
    assert other_fn == run.prefix_loss


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="'all_positions' or 'random_prefix', not 'mean'"):
        study_run().llc_target("mean", 10)
