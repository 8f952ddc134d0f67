"""Slices of the published scale: they end in time, and what they carry on is what was there."""

import signal
import sys
import time
from pathlib import Path

import pytest

from benchmarks.slices import CONFIGS, pack, plan_of, run, slices, unpack


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["heeds", "ignores"])
def interrupts(request):
    """How this process takes interrupts; one in the background of a shell ignores them."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_run_ends_when_its_time_is_over(interrupts):
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    began = time.monotonic()
    assert not run(sleeping, began + 0.3)
    assert time.monotonic() - began < 20
    assert run([sys.executable, "-c", ""], time.monotonic() + 60)
    assert not run([sys.executable, "-c", "raise SystemExit(1)"], time.monotonic() + 60)


def test_small_results_are_carried_on_first_and_large_ones_while_they_fit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sizes = {"a.nc": 10, ".a.nc.seal": 3, "b.h5": 300_000, "c.h5": 900_000}
    for name, size in sizes.items():
        path = Path("results/published") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    before = Path("results/published/a.nc").stat().st_mtime
    pack(Path("results/published"), Path("out"), megabytes=1.0)
    for path in Path("results/published").iterdir():
        path.unlink()
    unpack(Path("out"))
    found = {path.name: path.stat().st_size for path in Path("results/published").iterdir()}
    assert found == {name: size for name, size in sizes.items() if name != "c.h5"}
    assert abs(Path("results/published/a.nc").stat().st_mtime - before) < 1


def test_the_shown_seed_comes_first_and_language_last():
    asked = slices(plan_of(CONFIGS))
    assert list(asked) == ["base-s1", "base-s0", "base-s2", "base-s3", "base-s4", "language"]
    assert "results/published/regression/base-s1/llc/local/llc.nc" in asked["base-s1"]
