"""A folder of somebody's checkpoints of a plain module, from files to the report."""

import pandas as pd
import torch
import xarray as xr
from torch import nn

FACTORY = """
import torch
from torch import nn
from stagewise import subject_of_modules


def make():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def samples():
    inputs = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    return inputs, torch.tanh(inputs.sum(1, keepdim=True))


def subject(checkpoints, device):
    return subject_of_modules(make, checkpoints, nn.MSELoss(), samples())
"""
SECTION = """
preset: mine
own:
  factory: net.py:subject
  runs: {small: states}
  llc:
    shard_size: 4
    settings:
      near: {step_size: 0.001, n_beta: 20.0, localization: 10.0, num_chains: 2, num_burnin: 4,
        num_draws: 8, batch_size: 20}
  stages: {num_draws: 10}
  forms: {num_surrogates: 2}
"""
OWN = ("own", "--configfile", "own.yaml")


def trained(folder) -> None:
    """Write checkpoints of a module that learns, as somebody would."""
    names: dict = {}
    exec(FACTORY, names)
    torch.manual_seed(0)
    module, (inputs, targets) = names["make"](), names["samples"]()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.03)
    for step in range(101):
        if step in (0, 5, 12, 25, 50, 100):
            torch.save(module.state_dict(), folder / f"step-{step}.pt")
        optimizer.zero_grad()
        nn.functional.mse_loss(module(inputs), targets).backward()
        optimizer.step()


def test_a_folder_of_checkpoints_becomes_a_report(project):
    (project.path / "net.py").write_text(FACTORY)
    (project.path / "own.yaml").write_text(SECTION)
    wrong = project.snakemake("--dry-run", *OWN, check=False).stdout
    assert "config: 'own.runs.small' is 'states': the folder states does not exist" in wrong
    assert "Traceback" not in wrong
    (project.path / "states").mkdir()
    trained(project.path / "states")
    project.snakemake(*OWN)
    results = project.path / "results/mine"
    llc = xr.load_dataset(results / "own/small/llc/near/llc.nc")
    assert llc["step"].values.tolist() == [0, 5, 12, 25, 50, 100]
    assert set(pd.read_csv(results / "own/small/llc/near/stages.csv")["run"]) == {"small"}
    report = (results / "reports/own.html").read_text()
    assert report.count("<img") == 5
    assert "Your own checkpoints" in report
    project.edit("net.py", "def make", "# A comment.\ndef make")
    assert project.planned(*OWN) == {}
    state = torch.load(project.path / "states/step-50.pt", weights_only=True)
    torch.save(
        {key: 1.1 * value for key, value in state.items()}, project.path / "states/step-50.pt"
    )
    jobs = project.planned(*OWN)
    assert jobs["own_along"] == jobs["llc_shard"] == 1  # the other shard stays
    assert jobs["figure"] == 5
