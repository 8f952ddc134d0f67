"""The package as others install it: few dependencies, lazy names, one way of imports."""

import ast
import doctest
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import stagewise
from stagewise.development import stages

ROOT = Path(__file__).parents[2]
STUBS = sorted((ROOT / "lib/stagewise").rglob("__init__.pyi"))
WORKFLOW_ONLY = ("snakemake", "pandera", "jinja2", "markupsafe", "matplotlib")

ESTIMATE = """
import torch
from stagewise import SGLDConfig, estimate_llc

inputs = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
config = SGLDConfig(step_size=1e-3, n_beta=50.0, localization=1.0, num_chains=2, num_burnin=10,
                    num_draws=20, batch_size=50)
result = estimate_llc(lambda params, batch: (batch[0] @ params["w"]).square().mean(),
                      {"w": torch.zeros(3)}, (inputs,), config, key=0)
assert 0 < result.llc_mean < 3
"""

INSTRUMENTS = """
import numpy as np
from stagewise import detect_forms, essential_dynamics, find_stages, FormSettings
import stagewise.exact
from stagewise.stores.provenance import provenance

stagewise.exact.sample_hmc
steps = np.arange(40)
path = np.cumsum(np.random.default_rng(0).normal(size=(40, 20)), axis=0)
scores = essential_dynamics(lambda: [path], steps, 3).scores.values
detect_forms(scores, steps, FormSettings(sigma_end=1.0, num_surrogates=0))
find_stages(steps, np.log1p(steps), np.full(40, 0.1))
assert provenance()["version_snakemake"] == "not installed"
"""


def program(folder, text):
    """Return a program that uses the package in a folder without what the workflow alone needs."""
    return f"""
import importlib.abc, importlib.metadata, sys

sys.path.insert(0, {str(folder)!r})


class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {WORKFLOW_ONLY!r}:
            raise ModuleNotFoundError(name)


installed = importlib.metadata.distribution


def without(name):
    if name in {WORKFLOW_ONLY!r}:
        raise importlib.metadata.PackageNotFoundError(name)
    return installed(name)


importlib.metadata.distribution = without
sys.meta_path.insert(0, Absent())
{text}
import stagewise
assert stagewise.__file__.startswith({str(folder)!r}), stagewise.__file__
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return a folder that holds what a wheel of the package holds."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lib", source / "lib", ignore=ignored)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", target, source]
    subprocess.run(command, check=True)
    return target


@pytest.mark.parametrize("text", [ESTIMATE, INSTRUMENTS])
def test_installed_it_needs_nothing_of_the_workflow(installed, tmp_path, text):
    command = [sys.executable, "-I", "-c", program(installed, text)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_wheel_holds_every_module(installed):
    def modules(folder):
        found = (path for path in folder.rglob("*.py*") if path.suffix in (".py", ".pyi"))
        return {path.relative_to(folder) for path in found}

    assert modules(installed / "stagewise") == modules(ROOT / "lib/stagewise")
    assert (installed / "stagewise/py.typed").exists()


def test_importing_it_loads_nothing():
    code = "import sys, stagewise, stagewise.llc, stagewise.development, stagewise.exact; "
    code += "print(sorted({name.split('.')[0] for name in sys.modules} & set(%r)))"
    heavy = ("torch", "numpy", "scipy", "pandas", "xarray")
    done = subprocess.run(
        [sys.executable, "-c", code % (heavy,)],
        cwd=ROOT / "lib",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.parent.name)
def test_every_name_it_offers_exists_and_is_what_it_is_called(stub):
    package = ".".join(stub.parent.relative_to(ROOT / "lib").parts)
    room = __import__(package, fromlist=["_"])
    offered = {
        alias.name: f"{package}.{node.module}"
        for node in ast.parse(stub.read_text()).body
        for alias in node.names
    }
    assert sorted(room.__all__) == sorted(offered)
    for name, module in offered.items():
        assert (getattr(room, name).__name__, getattr(room, name).__module__) == (name, module)


def test_the_example_of_find_stages_is_true():
    assert doctest.testmod(stages).attempted
    assert doctest.testmod(stages).failed == 0


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert stagewise.__doc__


def test_the_order_of_imports_is_kept():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        env={"PYTHONPATH": "lib"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
