"""The README's example runs as it stands and gives what its comment says."""

import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_llc_example():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    exec(code, names)
    result = names["result"]
    stderr = float(result.llc_stderr)
    assert stderr < 0.1
    # Three directions with n_beta h much above gamma: d/2, less the share that gamma holds back.
    assert abs(float(result.llc_mean) - 1.5) < 4 * stderr + 0.05


def test_every_file_it_names_exists():
    root = Path(__file__).parents[2]
    for name in re.findall(r"`((?:lib|config|envs|rules|benchmarks|docs)/[\w./]*)`", README):
        assert (root / name).exists(), name
