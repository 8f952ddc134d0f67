"""The README's example runs as it stands and gives what its comment says."""

import re
from pathlib import Path

import pytest
import yaml

from stagewise.workflow.config import checked, merge

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SETTINGS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


def test_the_llc_example_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    exec(code, names)
    result = names["result"]
    stderr = float(result.llc_stderr)
    assert stderr < 0.06  # 32,000 draws, 20 steps apart: 1.5 / sqrt(1,600) with a margin
    # d/2, less the share that gamma holds back, warmed by the finite step (curvature 2 of x.w squared).
    precision = 2 * 100.0 + 1.0
    exact = 1.5 * (200 / precision) / (1 - 5e-4 * precision / 4)
    assert abs(float(result.llc_mean) - exact) < 4 * stderr


@pytest.mark.parametrize("text", SETTINGS)
def test_settings_pass_with_a_preset(text):
    laptop = merge(
        *(yaml.safe_load((ROOT / f"config/{n}.yaml").read_text()) for n in ("config", "laptop"))
    )
    changed = checked(merge(laptop, yaml.safe_load(text)))
    assert changed != checked(laptop)


def test_every_file_it_names_exists():
    for name in re.findall(r"`((?:lib|config|envs|rules|benchmarks|docs)/[\w./]*)`", README):
        assert (ROOT / name).exists(), name
