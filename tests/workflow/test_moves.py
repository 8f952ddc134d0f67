"""Results of another run or of another configuration are refused, whatever Snakemake remembers."""

import shutil

import pytest

SMOKE = ("--configfile", "config/smoke.yaml")
RUN = "results/smoke/regression/base-s0/llc/local"


def test_a_shard_of_another_run_is_refused_with_its_seal(edited):
    other = edited.path / RUN.replace("base-s0", "base-s1")
    for name in ("shard-0000.nc", ".shard-0000.nc.seal"):
        shutil.copy(other / name, edited.path / RUN / name)
    result = edited.snakemake(f"{RUN}/llc.nc", *SMOKE, check=False)
    assert result.returncode != 0
    assert (
        f"{RUN}/shard-0000.nc is that of llc_shard regression/base-s1/local/0000" in result.stdout
    )
    assert not (edited.path / RUN / "llc.nc").exists()


@pytest.mark.parametrize("changed", [False, True])
def test_results_moved_without_records_count_only_for_their_settings(edited, changed):
    shutil.rmtree(edited.path / ".snakemake")
    (edited.path / RUN / "stages.csv").unlink()
    if changed:
        old = "local: {num_chains: 2, num_burnin: 2, num_draws: 6,"
        edited.edit("config/smoke.yaml", old, old.replace("num_draws: 6", "num_draws: 7"))
    result = edited.snakemake(f"{RUN}/stages.csv", *SMOKE, check=False)
    assert (result.returncode != 0) == changed, result.stdout[-3000:]
    assert (f"{RUN}/llc.nc is that of llc regression/base-s0/local (" in result.stdout) == changed
    assert (edited.path / RUN / "stages.csv").exists() != changed
