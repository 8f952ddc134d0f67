"""The report holds everything, needs nothing else, and says what is wrong with a caption."""

from __future__ import annotations

import base64
import copy
import re
import struct
import zlib
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from stagewise.stores.files import StoreError
from stagewise.studies.language.figures.fig17_token_changes import as_html
from stagewise.studies.language.layout import TOKEN_CHANGES
from stagewise.workflow.captions import (
    CaptionError,
    bound_settings,
    caption_settings,
    fill_caption,
    split_caption,
)
from stagewise.workflow.report import Figure, ReportError, load_figure, quality_table, render_report
from tests.stores import sealed

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
SETTINGS = caption_settings(CONFIG)
COST = {
    **{"study": ["regression"], "rule": ["train"], "jobs": [3], "cpu_s": [1234.5]},
    **{"wall_s": [1300.0], "longest_s": [500.0], "memory_mb": [456.0]},
}
VERDICTS = ("supported", "refuted", "mixed", "not testable at this scale")


def png(width: int = 4, height: int = 3) -> bytes:
    """Return a small grey PNG."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\x80" * width for _ in range(height)))
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def write_figure(folder: Path, name: str, caption: str) -> tuple[Path, Path]:
    (folder / "regression").mkdir(exist_ok=True)
    image, text = folder / "regression" / f"{name}.png", folder / f"{name}.rst"
    image.write_bytes(png())
    sealed(image)
    image.with_suffix(".pdf").write_text("")
    image.with_suffix(".csv").write_text("")
    text.write_text(caption)
    return image, text


def figure(name: str, title: str = "A title") -> Figure:
    return Figure(name, "A study", title, ("More.",), "AAAA", 4, 3, (f"{name}.csv", f"{name}.pdf"))


def claims_table(**changes: str) -> pd.DataFrame:
    row = {
        "claim": "Something happens.",
        "source": "section 1",
        "value": "seed 0: yes; seed 1: no",
        "uncertainty": "± 0.1",
        "criterion": "If it does.",
        "seeds": "0, 1",
        "figure": "fig01b",
    }
    rows = [{"id": f"R{n}", "verdict": v, **row} for n, v in enumerate(VERDICTS, start=1)]
    return pd.DataFrame([{**entry, **changes} for entry in rows])


def corpus_table() -> pd.DataFrame:
    row = {"licence": "public domain", "num_documents": 4, "num_bytes": 9000}
    return pd.DataFrame(
        [
            {"source": "a <bible>", "split": "train", **row, "num_tokens": 2_000_000},
            {"source": "a <bible>", "split": "validation", **row, "num_tokens": 100_000},
        ]
    )


def rendered(**changes: Any) -> str:
    milestones = pd.DataFrame(
        {
            "kind": ["plateau"],
            "step": [1234.5],
            "interval_low": [1000.0],
            "interval_high": [float("nan")],
            "probability": [0.9],
            "llc": [12.34],
        }
    )
    content = {
        "config": CONFIG,
        "figures": [figure("fig01b", "First"), figure("fig05", "Second")],
        "claims": claims_table(),
        "changes": {},
        "milestones": [
            ("regression", "base-s0", "local", milestones),
            ("regression", "base-s1", "local", milestones[:0]),
        ],
        "quality": quality_table([], []),
        "corpus": corpus_table(),
        "cost": pd.DataFrame(COST),
        "runs": [{"Run": "base-s0", "Seed": 0}],
        "origin": {"commit": "abc123", "version_numpy": "2.0"},
        **changes,
    }
    template = (ROOT / "report/report.html.j2").read_text()
    return render_report(template, (ROOT / "report/style.css").read_text(), **content)


class Collector(HTMLParser):
    """What a page refers to, what can be referred to, and whether its elements close."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        self.references += [v for k, v in attrs if k in ("src", "href", "srcset") and v]
        self.ids += [v for k, v in attrs if k == "id" and v]
        if tag == "img":
            self.images.append(named)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_self_contained_and_its_anchors_lead_somewhere() -> None:
    page = rendered()
    seen = Collector(page)
    assert seen.open == []
    assert not {"script", "link", "iframe"} & set(seen.tags)
    assert "url(" not in page
    assert "@import" not in page
    for reference in seen.references:
        assert reference.startswith(("#", "data:image/png;base64,"))
        assert not reference.startswith("#") or reference[1:] in seen.ids
    assert len(set(seen.ids)) == len(seen.ids)


def test_page_can_be_read_by_everyone() -> None:
    page = rendered()
    seen = Collector(page)
    assert '<html lang="en">' in page
    assert seen.tags.count("h1") == 1
    assert all(image["alt"] for image in seen.images)
    assert "@media print" in page
    assert 'name="viewport"' in page
    headings = [int(tag[1]) for tag in seen.tags if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in pairwise(headings))


def test_every_figure_claim_and_verdict_is_there() -> None:
    page = rendered()
    for name in ("fig01b", "fig05"):
        assert f'id="figure-{name}"' in page
        assert f"{name}.pdf" in page
        assert f"{name}.csv" in page
    for number, verdict in enumerate(VERDICTS, start=1):
        row = page[page.index(f'id="claim-R{number}"') :].split("</tr>")[0]
        assert verdict in re.sub(r"<[^>]+>", "", row)
        assert "seed 1: no" in row
        assert 'href="#figure-fig01b"' in row
    assert "no milestone found" in page
    assert "1,234" in page
    assert "abc123" in page
    assert "n_beta: 66.7" in page


def test_later_changes_of_a_criterion_stand_below_it() -> None:
    claim = claims_table()["id"][0]
    change = {"date": "2026-11-24", "what": "Longer runs.", "why": "It was too short."}
    page = rendered(changes={claim: [change], "Z99": [change]})
    assert page.count("<b>Changed 2026-11-24:</b> Longer runs. <i>It was too short.</i>") == 1
    assert page.index("Criterion:") < page.index("Changed 2026")
    assert "Changed 2026" not in rendered()


def test_claim_whose_figure_is_not_made_names_it_without_a_link() -> None:
    page = rendered(figures=[])
    assert "#figure-fig01b" not in page
    assert "fig01b" in page


def test_figure_of_text_is_shown_as_text_below_its_image(tmp_path: Path) -> None:
    image, caption = write_figure(tmp_path, "fig17", "Coloured text. More.\n")
    assert load_figure(image, caption, SETTINGS).fragment == ""
    values = {"token": np.array([["<b>", " end"]]), "change": np.array([[[-1.25, 0.5]]])}
    changes = TOKEN_CHANGES.dataset(values, {"stage": ["1A, step 0 to 400"]})
    image.with_suffix(".html").write_text(as_html(changes))
    sealed(image.with_suffix(".html"))
    page = rendered(figures=[load_figure(image, caption, SETTINGS), figure("fig05")])
    shown = page[page.index('id="figure-fig17"') : page.index('id="figure-fig05"')]
    assert shown.index("<img") < shown.index('title="-1.25 nats">&lt;b&gt;<')
    assert shown.index('title="+0.50 nats"> end<') < shown.index("<figcaption>")
    assert page.count("The same as text") == 1  # the other figure has none
    seen = Collector(page)
    assert seen.open == []
    assert "script" not in seen.tags
    headings = [int(tag[1]) for tag in seen.tags if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in pairwise(headings))


def test_text_is_escaped() -> None:
    page = rendered(
        claims=claims_table(claim="a < b & <script>alert(1)</script>"),
        figures=[figure("fig01b", 'A "quoted" <b>title</b>')],
    )
    assert "<script>" not in page
    assert "a &lt; b &amp; " in page
    assert "<b>title</b>" not in page
    assert Collector(page).images[0]["alt"] == 'A "quoted" <b>title</b>'


def test_what_a_report_does_not_have_is_no_section_of_it() -> None:
    whole = rendered()
    bare = rendered(cost=None, corpus=None, milestones=[], runs=[])
    for name in ("cost", "text", "milestones", "runs"):
        assert f'id="{name}"' in whole
        assert f'href="#{name}"' in whole
        assert f'id="{name}"' not in bare
        assert f'href="#{name}"' not in bare
    assert Collector(bare).open == []


def test_unknown_preset_is_said_to_be_ones_own() -> None:
    assert "A preset of your own" in rendered(config={**CONFIG, "preset": "mine"})


# Captions and figures


def test_caption_knows_every_setting_that_was_promised() -> None:
    samplers = ["step_size", "n_beta", "localization", "batch_size"]
    samplers += ["num_chains", "num_burnin", "num_draws"]
    promised = ["num_steps", "batch_size", "num_seeds", "shown_seed", "num_llc_checkpoints"]
    promised += [f"{name}_{key}" for name in ("published", "local") for key in samplers]
    assert set(promised) <= set(SETTINGS)
    assert SETTINGS["num_steps"] == 500_000
    assert SETTINGS["published_n_beta"] == SETTINGS["published"]["n_beta"] == 66.7
    assert SETTINGS["num_tasks"] == 16


def test_a_caption_of_several_figures_knows_which_one_it_is_for() -> None:
    own = bound_settings(SETTINGS, {"common_setting": "local"})
    assert own["common_setting"] == "local"
    assert own["sampler"] == SETTINGS["local"]
    for name, words in (
        ("rrr", "reduced rank regression"),
        ("transformer", "seed 1 of the regression transformer"),
        ("modular", "modular-addition network"),
    ):
        own = bound_settings(SETTINGS, {"calibrated_model": name})
        assert own["sampler"] == CONFIG["calibration"][name]["sampler"]
        assert words in own["model"]
    assert bound_settings(SETTINGS, {}) == SETTINGS


def test_verdicts_of_claims_stand_under_their_figure() -> None:
    page = rendered()
    shown = page[page.index('id="figure-fig01b"') : page.index('id="figure-fig05"')]
    caption = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", shown[shown.index("<figcaption>") :]))
    for number, verdict in enumerate(VERDICTS, start=1):
        assert re.search(rf"R{number} . {verdict} seed 0: yes; seed 1: no", caption), caption
    assert "findings" not in page[page.index('id="figure-fig05"') :]


def test_numbers_are_written_for_reading(tmp_path: Path) -> None:
    path = tmp_path / "fig01b.rst"
    path.write_text(
        "{num_steps}, {failure_escaped[step_size]}, {published_n_beta}, {num_seeds}, {tolerance:.2f}"
    )
    filled = fill_caption(path, SETTINGS)
    assert filled.replace("\N{NO-BREAK SPACE}", " ") == "500,000, 1 × 10⁻⁵, 66.7, 5, 0.10"


def test_markup_of_a_caption_becomes_html() -> None:
    title, paragraphs = split_caption("**A ``local`` <b>.** Rest of\nit.\n\nMore.")
    assert (title, paragraphs) == ("A ``local`` <b>", ("Rest of it.", "More."))
    page = rendered(figures=[figure("fig01b", title)])
    assert "A <code>local</code> &lt;b&gt;</h3>" in page
    assert 'alt="A local &lt;b&gt;"' in page


def test_figure_is_read_with_its_caption_and_files(tmp_path: Path) -> None:
    text = "The loss over\n{num_steps:,} steps. Bands are errors.\n\nSecond paragraph {{sic}}."
    made = load_figure(*write_figure(tmp_path, "fig01b", text), SETTINGS)
    assert made.title == "The loss over 500,000 steps"
    assert made.paragraphs == ("Bands are errors.", "Second paragraph {sic}.")
    assert made.study == "In-context linear regression"
    assert made.files == ("fig01b.csv", "fig01b.pdf")
    assert (made.width, made.height) == (4, 3)
    assert base64.b64decode(made.image) == png()


@pytest.mark.parametrize(
    ("caption", "message"),
    [
        ("After {num_stepz} steps.", r"unknown placeholder \{num_stepz\}"),
        ("After {num_stepz} steps.", r"did you mean \{num_steps\}"),
        ("After {local[epsilon]} steps.", r"unknown placeholder \{local\[epsilon\]\}"),
        ("After {} steps.", "unknown placeholder"),
        ("After {num_steps", "malformed placeholder"),
        ("After {preset:.2f}", "malformed placeholder"),
        (" \n", "is empty"),
    ],
)
def test_fault_of_a_caption_names_its_file(tmp_path: Path, caption: str, message: str) -> None:
    path = tmp_path / "fig07.rst"
    path.write_text(caption)
    with pytest.raises(CaptionError, match=rf"fig07\.rst.*{message}") as caught:
        fill_caption(path, SETTINGS)
    assert "\n" not in str(caught.value)


def test_missing_caption_and_foreign_image_are_named(tmp_path: Path) -> None:
    image, caption = write_figure(tmp_path, "fig01b", "Text.")
    with pytest.raises(CaptionError, match=r"absent\.rst cannot be read"):
        load_figure(image, tmp_path / "absent.rst", SETTINGS)
    image.write_bytes(b"%PDF-1.7 and so on, long enough")
    with pytest.raises(StoreError, match=r"fig01b\.png is damaged"):
        load_figure(image, caption, SETTINGS)
    sealed(image)
    with pytest.raises(ReportError, match=r"fig01b\.png is not a PNG"):
        load_figure(image, caption, SETTINGS)
    image.unlink()
    with pytest.raises(StoreError, match="run the rule that makes it"):
        load_figure(image, caption, SETTINGS)


# Tables


def test_quality_counts_and_takes_medians() -> None:
    summary = pd.DataFrame(
        {
            "run": "base-s0",
            "setting": "local",
            "step": [0, 1, 2],
            "saturated": [False, True, True],
            "num_diverged": [0, 3, 0],
            "rhat": [1.0, 1.2, float("nan")],
            "ess": [10.0, 30.0, 20.0],
        }
    )
    curves = [("regression", "base-s0", "local"), ("language", "base-s0", "local")]
    table = quality_table(curves, [summary, summary[:1]])
    assert table.loc[0].tolist() == ["regression", "base-s0", "local", 3, 2, 1, 1.1, 20.0]
    assert table["study"].tolist() == ["regression", "language"]
    assert "1.100" in rendered(quality=table)


def test_cost_is_shown_with_its_total() -> None:
    page = rendered()
    assert "3 jobs took 20.6 minutes" in page
    assert "<td>train</td>" in page
    assert "0 jobs took 0.0 minutes" in rendered(cost=pd.DataFrame(COST)[:0])


def test_numbers_that_are_missing_become_dashes() -> None:
    assert "1,000 to –" in rendered()


def test_sources_licences_and_epochs_of_the_text_are_named():
    page = rendered()
    assert "a &lt;bible&gt;" in page
    assert "public domain" in page
    # 50,000 steps of 100 rows of 1,024 tokens, over two million.
    assert "Training goes through it 2,560.00 times." in page
    assert "repeat a passage" not in page
    config = copy.deepcopy(CONFIG)
    config["language"]["training"]["repeated_share"] = 0.3
    assert "30 % of the rows repeat a passage of their own text" in rendered(config=config)
