"""A browser shows the report: headings, claims and figures, on a wide and on a narrow screen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure as Drawing

from stagewise.claims.registry import verdict_table
from stagewise.studies.language.figures.fig17_token_changes import as_html
from stagewise.studies.language.layout import TOKEN_CHANGES
from stagewise.workflow.report import load_figures, quality_table, render_report
from tests.stores import sealed

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)
MARK = (0, 158, 115)  # a colour that occurs in the test figure and nowhere else on the page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason=f"no browser: none of {', '.join(NAMES)} on PATH"),
]


def write_figure(folder: Path) -> tuple[Path, Path]:
    drawing = Drawing(figsize=(6.75, 3), dpi=100)
    axes = drawing.subplots()
    axes.plot([0, 1, 2], [1, 3, 2], color=np.array(MARK) / 255, linewidth=8)
    image, caption = folder / "fig05_behaviour.png", folder / "fig05_behaviour.rst"
    drawing.savefig(image)
    sealed(image)
    caption.write_text("A line over {num_steps:,} steps. It goes up and down.\n")
    values = {"token": np.array([["<b>", " end"]]), "change": np.array([[[-1.25, 0.5]]])}
    changes = TOKEN_CHANGES.dataset(values, {"stage": ["1A, step 0 to 400"]})
    image.with_suffix(".html").write_text(as_html(changes))
    sealed(image.with_suffix(".html"))
    return image, caption


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small report with every verdict."""
    folder = tmp_path_factory.mktemp("report")
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    ledger = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
    claims = verdict_table(ledger, {}, None, "smoke")
    claims.loc[:2, "verdict"] = ["supported", "refuted", "mixed"]
    claims.loc[:2, "value"] = "seed 0: AABBA; seed 1: ABA; seed 2: AABBA"
    claims.loc[:2, "uncertainty"] = "milestones in 62 to 100 % of posterior draws"
    claims.loc[:2, "seeds"] = "0, 1, 2"
    milestones = pd.DataFrame(
        {
            "kind": ["near-plateau", "plateau"],
            "step": [1234.5, 40_000.0],
            "interval_low": [1000.0, 38_000.0],
            "interval_high": [1500.0, 43_210.0],
            "probability": [0.62, 1.0],
            "llc": [12.34, 155.6],
        }
    )
    summary = pd.DataFrame(
        {
            "run": "base-s0",
            "setting": "published",
            "step": range(9),
            "saturated": [True] * 4 + [False] * 5,
            "num_diverged": 0,
            "rhat": 1.01,
            "ess": 345.6,
        }
    )
    image, caption = write_figure(folder)
    html = render_report(
        (ROOT / "report/report.html.j2").read_text(),
        (ROOT / "report/style.css").read_text(),
        config=config,
        figures=load_figures([image], [caption], {"bound": [{}], "config": config}),
        claims=claims,
        changes={},
        milestones=[
            ("regression", "base-s0", "published", milestones),
            ("regression", "base-s1", "local", milestones[:0]),
        ],
        quality=quality_table([("regression", "base-s0", "published")], [summary]),
        corpus=pd.DataFrame(
            {
                **{"source": ["bible"], "split": ["train"], "licence": ["public domain"]},
                **{"num_documents": [4], "num_bytes": [9000], "num_tokens": [2_000_000]},
            }
        ),
        cost=pd.DataFrame(
            {
                **{"study": ["regression"], "rule": ["train"], "jobs": [3]},
                **{
                    "cpu_s": [1234.5],
                    "wall_s": [1300.0],
                    "longest_s": [500.0],
                    "memory_mb": [456.0],
                },
            }
        ),
        runs=[{"Run": "base-s0", "Variant": "base", "Seed": 0, "Steps": 500_000}],
        origin={"commit": "0123456789ab", "version_numpy": "2.0"},
    )
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


def browse(page: Path, *options: str) -> str:
    """Return what the browser prints on standard output."""
    assert BROWSER is not None
    profile = page.parent / "profile"
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to run as root otherwise
    command = [
        BROWSER,
        "--headless",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        *sandbox,
        f"--user-data-dir={profile}",
        *options,
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def screenshot(page: Path, width: int, height: int) -> np.ndarray:
    """Return the page as 8-bit RGB, shape (height, width, 3).

    A frame holds it, as browsers make no window as narrow as a phone.
    """
    frame = page.parent / f"frame-{width}.html"
    frame.write_text(
        f'<body style="margin:0"><iframe src="{page.name}" width="{width}" height="{height}" '
        'style="border:0" scrolling="no">'
    )
    path = page.parent / f"screenshot-{width}.png"
    browse(frame, f"--window-size={max(width, 600)},{height}", f"--screenshot={path}")
    pixels = mpl.image.imread(path)[:, :width]
    return (255 * pixels[..., :3]).round().astype(int)


def test_browser_builds_headings_claims_and_image(page: Path) -> None:
    content = browse(page, "--dump-dom")
    for heading in ("Claims", "In-context linear regression", "Milestones", "Runs", "Provenance"):
        assert re.search(rf"<h2[^>]*>{heading}</h2>", content)
    for claim in ("R1", "R15", "I4"):
        assert f'id="claim-{claim}"' in content
    assert content.count('<img src="data:image/png;base64,') == 1
    assert "A line over 500,000 steps" in content
    assert re.search(r'title="-1\.25 nats"[^>]*>&lt;b&gt;</span>', content)


@pytest.mark.parametrize("width", [1280, 400])
def test_page_is_drawn_with_its_figure(page: Path, width: int) -> None:
    pixels = screenshot(page, width, 9000)
    assert (pixels < 100).all(axis=-1).any(), "there is no dark text"
    # Scaling blends colours at the edges of the line, not along its middle.
    assert (np.abs(pixels - MARK).max(axis=-1) <= 3).sum() > 100, "the figure is not drawn"


def test_page_prints(page: Path) -> None:
    path = page.parent / "report.pdf"
    browse(page, f"--print-to-pdf={path}")
    assert path.read_bytes().startswith(b"%PDF")
