"""The page's example runs as it stands and gives what the page says."""

import dataclasses
import re
from pathlib import Path

import pytest
import torch
import yaml

from stagewise.llc.estimate_layout import VERDICTS_OF_ESTIMATES
from stagewise.llc.settings import AXES, SGLDConfig

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reading_an_llc.md").read_text()

EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def exact_llc(params, inputs, n_beta, localization):
    """n_beta E[L - L(w*)] of a linear network with one hidden layer, one output and no noise.

    Given the second layer v, the product u = W' v is normal under the pull to w*, and the loss is
    quadratic in u, so both its evidence and its mean are known; v is left to plain Monte Carlo.
    """
    first, second = params["0.weight"].double(), params["1.weight"].double()[0]
    target = torch.ones(inputs.shape[1], dtype=torch.float64)
    moments, basis = torch.linalg.eigh((inputs.T @ inputs).double() / len(inputs))
    normal = torch.randn(200_000, len(second), generator=torch.Generator().manual_seed(1)).double()
    v = second + normal / localization**0.5
    pull = localization / v.square().sum(1, keepdim=True)
    force = 2 * n_beta * moments
    start = (v @ first - target) @ basis
    precision = pull + force
    evidence = 0.5 * ((pull / precision).log() - start.square() * pull * force / precision).sum(1)
    mean = start * pull / precision
    excess = n_beta * (moments * (1 / precision + mean.square())).sum(1)
    return float(evidence.softmax(0) @ excess)


def test_the_example_gives_what_the_page_says(capsys):
    names: dict = {}
    exec(EXAMPLES[0], names)
    printed = re.fullmatch(r"LLC (\S+) \+- (\S+): ok\n", capsys.readouterr().out)
    assert printed
    llc, stderr = map(float, printed.groups())
    assert (llc, stderr) == pytest.approx(
        (names["result"].llc_mean.item(), names["result"].llc_stderr.item()), abs=0.0051
    )
    config = names["config"]
    exact = exact_llc(names["params"], names["inputs"], config.n_beta, config.localization)
    assert stderr < 0.1 * exact
    # A finite step warms the stiffest of the three directions by 5 %, as the page says.
    assert abs(llc - exact) < 4 * stderr + 0.05 * exact
    assert exact == pytest.approx(1.5, rel=0.02)  # close to the exact coefficient


@pytest.mark.slow
def test_the_sweep_goes_on_from_the_example(capsys):
    names: dict = {}
    exec("".join(EXAMPLES), names)
    text = capsys.readouterr().out
    chosen = yaml.safe_load(text[text.index("# Sampler settings") :])["calibrated"]
    SGLDConfig(**chosen)
    best = names["best"]
    assert best["num_ok"] == 1
    cell = {axis: best[axis] for axis in AXES}
    llc = float(names["swept"]["llc_mean"].sel(step=1000, **cell))
    assert llc == pytest.approx(1.5, rel=0.25)  # as much as the criteria promise


def test_every_verdict_and_setting_on_the_page_exists():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(VERDICTS_OF_ESTIMATES)
    fields = {field.name for field in dataclasses.fields(SGLDConfig)}
    named = set(re.findall(r"`(num_\w+|step_size|n_beta|localization|batch_size|paired)`", PAGE))
    assert named
    assert named <= fields
    assert {"preconditioner", "start"} <= fields


def test_every_file_it_names_exists():
    for name in re.findall(r"`(lib/[\w/.]+)`", PAGE):
        assert (ROOT / name).exists(), name
