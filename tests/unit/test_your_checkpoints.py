"""The page on one's own checkpoints runs as it stands, block by block."""

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch
import yaml

from stagewise.workflow.config import checked, merge
from stagewise.workflow.plan import Plan

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/your_checkpoints.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> dict:
    """Return all names of the page, run in a folder of its own."""
    known: dict = {}
    with pytest.MonkeyPatch.context() as patch, mpl.rc_context({"backend": "agg"}):
        patch.chdir(tmp_path_factory.mktemp("notebook"))
        threads = torch.get_num_threads()
        for block in BLOCKS:
            exec(block, known)
        torch.set_num_threads(threads)
        known["written"] = {path.name for path in Path().iterdir()}
    return known


def test_blocks_are_short():
    assert len(BLOCKS) == 9
    assert all(len(block.splitlines()) <= 20 for block in BLOCKS)


def test_the_llc_grows_with_the_directions_that_are_learned(names):
    llc = names["llc"]
    late = llc.sel(step=800)
    assert str(late.verdict.values) == "ok"
    # Three directions of the task are in use at the end, one at step 60.
    assert float(late.llc_mean) > float(llc.llc_mean.sel(step=60)) + 1
    assert np.isfinite(llc.llc_mean).all()


def test_stages_components_and_forms_are_found(names):
    stages = names["found"].stages
    assert stages["end"].iloc[-1] == 800
    assert set(stages["type"]) <= {"A", "B"}
    shares = names["ed"].explained_variance_ratio.values
    assert shares.sum() > 0.9
    assert names["forms"].sizes["step"] == len(names["states"])


def test_figures_are_drawn_with_their_numbers(names):
    figures = names["figures"]
    assert list(figures) == ["loss_and_llc", "traces", "planes", "forms_in_time"]
    assert {"planes.png", "planes.pdf", "planes.csv"} <= names["written"]
    table = figures["loss_and_llc"].data
    drawn = table[table["series"] == "linear estimates"]
    np.testing.assert_allclose(drawn["y"], names["llc"].llc_mean, rtol=1e-6)


def test_the_factory_takes_paths(names, tmp_path):
    paths = {step: tmp_path / f"step-{step}.pt" for step in (0, 800)}
    for step, path in paths.items():
        torch.save(names["states"][step], path)
    found = names["subject"](paths, "cpu")
    again = found.loss_at(800)(found.params_at(800), found.samples)
    assert float(again) == pytest.approx(float(names["llc"].init_loss.sel(step=800)), rel=1e-5)


def test_the_section_of_the_page_and_the_example_are_valid(tmp_path, monkeypatch):
    (section,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_net.py").write_text("")
    (tmp_path / "docs/examples").mkdir(parents=True)
    (tmp_path / "docs/examples/regression_transformer.py").write_text("")
    for folder in ("checkpoints", "checkpoints/transformer"):
        (tmp_path / folder).mkdir()
        for step in range(5):
            (tmp_path / folder / f"step-{step}.pt").write_text("")
    example = (ROOT / "docs/examples/own.yaml").read_text()
    for text, run in ((section, "linear"), (example, "transformer")):
        plan = Plan(checked(merge(CONFIG, yaml.safe_load(text))))
        assert [one.name for one in plan.runs_of("own")] == [run]
