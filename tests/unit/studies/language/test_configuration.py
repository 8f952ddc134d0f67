"""What a wrong setting of the language study says: one sentence that names the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stagewise.core.fields import limits_of
from stagewise.core.seeding import StreamKey
from stagewise.studies.language.configuration import CorpusSettings
from stagewise.studies.language.packages import SOURCES
from stagewise.studies.language.pins import ARCHIVES
from stagewise.studies.language.settings import SplitSettings
from stagewise.studies.language.splits import split_documents
from stagewise.workflow.config import ConfigError, checked, merge

ROOT = Path(__file__).parents[4]
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())


@pytest.mark.parametrize(
    ("delta", "parts"),
    [
        ({"vocab_size": 256}, ("'language.vocab_size' is 256", "at least 257")),
        (
            {"corpus": {"source": "web"}},
            ("'language.corpus.source' is \"web\"", "packages, folder, hub"),
        ),
        (
            {"corpus": {"source": "folder"}},
            ("'language.corpus.folder.path' (null) must name the folder",),
        ),
        (
            {"corpus": {"packages": ["koran"]}},
            ("'language.corpus.packages[0]' is \"koran\"", "bible"),
        ),
        (
            {"corpus": {"split": {"validation_share": 0.5, "sampling_share": 0.5}}},
            ("'language.corpus.split.sampling_share' (0.5) leave no documents to train on",),
        ),
        ({"corpus": {"hub": {"colum": "text"}}}, ("unknown key", "did you mean 'column'")),
    ],
)
def test_mistakes(delta: dict[str, Any], parts: tuple[str, ...]):
    with pytest.raises(ConfigError) as caught:
        checked(merge(CONFIG, {"language": delta}))
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_schema_and_code_agree_on_packages():
    listed = limits_of(CorpusSettings)["packages"]
    assert set(listed["items"]["enum"]) == set(SOURCES) == set(ARCHIVES) - {"gpt2"}


def test_published_shares_are_the_published_lines():
    """10 m lines to train on, the next 0.1 m to validate, and 0.9 m more for the LLC."""
    rows = CONFIG["language"]["corpus"]["hub"]["num_rows"]
    settings = SplitSettings(**CONFIG["language"]["corpus"]["split"])
    assert settings.order == "given"
    # A thousandth of the lines: what matters is how shares are rounded.
    split = split_documents(["pile"] * (rows // 1000), settings, StreamKey(0))
    assert [int((split == place).sum()) for place in range(3)] == [10_000, 100, 900]
    assert round(rows * settings.validation_share) == 100_000
    assert round(rows * settings.sampling_share) == 900_000
