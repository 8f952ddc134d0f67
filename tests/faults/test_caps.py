"""Where more is asked for than there is, that is said, and captions give the number that was used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from stagewise.studies.language.documents import hub_documents
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokens import TokenRows
from stagewise.workflow.captions import caption_settings, fill_caption, with_numbers_used
from stagewise.workflow.config import completed
from tests.unit.studies.test_subjects import LANGUAGE

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("count", "said"), [(29, ""), (30, ""), (31, "31 rows are asked for, all 30")]
)
def test_rows_of_text(caplog, count, said):
    run = LanguageRun.of("twolayers-s0", LANGUAGE, 0, "cpu")
    rows = TokenRows(np.zeros(12 * 30 + 5, dtype=np.uint16), 12)
    assert len(run.fixed_rows(rows, "evaluation", count)) == min(count, 30)
    assert len(run.llc_target(rows, count)[1][0]) == min(count, 30)
    assert len(run.tokens_in_context(rows, count)[0]) == min(count, 30)
    assert (said in caplog.text) if said else not caplog.text
    assert caplog.text.count("are taken") == (3 if said else 0)


@pytest.mark.parametrize(("num_rows", "said"), [(None, ""), (7, ""), (8, "has 7 rows, fewer")])
def test_rows_of_a_data_set(tmp_path, monkeypatch, caplog, num_rows, said):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "hub/data").mkdir(parents=True)
    table = pa.table({"contents": [f"text {n}" for n in range(7)]})
    pq.write_table(table, tmp_path / "hub/data/train-00000-of-00001.parquet")
    name = str(tmp_path / "hub")
    found = list(hub_documents(name, "main", "train", "contents", "x", num_rows))
    assert len(found) == 7
    warned = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("stagewise") and record.levelname == "WARNING"
    ]
    assert (said in warned[0]) if said else warned == []


def test_captions_give_the_number_that_was_used(tmp_path):
    config = completed(yaml.safe_load((ROOT / "config/config.yaml").read_text()))
    language = config["language"]
    length = language["context_length"]
    corpus = pd.DataFrame(
        {
            "split": ["validation", "validation", language["llc"]["source"]],
            "num_tokens": [3 * length, 4 * length + 1, 10**12],
        }
    )
    names = ("[trajectory][num_contexts]", "[evaluation][num_rows]", "[llc][num_samples]")
    (tmp_path / "caption.rst").write_text(" ".join(f"{{language{name}}}" for name in names))
    filled = fill_caption(
        tmp_path / "caption.rst", caption_settings(with_numbers_used(config, corpus))
    )
    asked = language["llc"]["num_samples"]
    assert filled.replace(",", "") == f"7 7 {asked}"
    assert language["trajectory"]["num_contexts"] > 7
    assert with_numbers_used(config, None) == config
