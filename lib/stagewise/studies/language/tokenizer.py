"""GPT-2's byte-level BPE, whole or cut to its first tokens (Hoogland et al. 2024, App. E.1.2).

GPT-2's ids 0 to 255 are bytes, 256 + k is what the k-th merge makes, and the last one is the
end-of-text token. So any prefix of the ids is closed under merging: a vocabulary of V tokens is ids
0 to V - 2, made by the first V - 257 merges, and end-of-text as V - 1. Encoding loses nothing and
knows no unknown token. End-of-text stands before every document; no text encodes to it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from stagewise.studies.language.archives import ArchiveError, members
from stagewise.studies.language.pins import ARCHIVES

END_OF_TEXT = "<|endoftext|>"
NUM_BYTES = 256

GPT2_ARCHIVE = ARCHIVES["gpt2"]


@dataclass(frozen=True)
class Vocabulary:
    """GPT-2's tokens and merges, in its own alphabet of printable characters for bytes.

    Parameters
    ----------
    tokens : tuple of str
        By id, end-of-text last.
    merges : tuple of tuple of str
        Pairs in order; the k-th makes token 256 + k.
    """

    tokens: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """Number of tokens, end-of-text included."""
        return len(self.tokens)

    def cut(self, size: int) -> Vocabulary:
        """Return the vocabulary of the first `size` - 1 tokens and end-of-text.

        Raises
        ------
        ValueError
            If `size` leaves out a byte or is more than there is.
        """
        if not NUM_BYTES < size <= self.size:
            raise ValueError(
                f"vocab_size must be between {NUM_BYTES + 1} and {self.size}, not {size}"
            )
        tokens = (*self.tokens[: size - 1], END_OF_TEXT)
        return Vocabulary(tokens, self.merges[: size - 1 - NUM_BYTES])


def read_gpt2_vocabulary(path: str | Path) -> Vocabulary:
    """Read GPT-2's vocabulary from the pinned archive.

    Parameters
    ----------
    path : path
        Archive as `studies.language.archives.download` puts it.

    Raises
    ------
    ArchiveError
        As `members`, and if ids and merges contradict each other.
    """
    ((_, encoder),) = members(GPT2_ARCHIVE, path, "*/encoder.json")
    ((_, listed),) = members(GPT2_ARCHIVE, path, "*/vocab.bpe")
    ids: dict[str, int] = json.loads(encoder)
    lines = listed.decode("utf-8").splitlines()[1:]  # the first names the format
    merges = tuple((left, right) for left, right in (line.split() for line in lines if line))
    tokens = tuple(sorted(ids, key=ids.__getitem__))
    made = tuple(left + right for left, right in merges)
    if tokens[NUM_BYTES:] != (*made, END_OF_TEXT):
        raise ArchiveError(f"{path}: the merges of {GPT2_ARCHIVE} do not make its tokens")
    return Vocabulary(tokens, merges)


def build_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """Return an encoder and decoder of a vocabulary.

    End-of-text is in the vocabulary, so that it decodes, but is no special token: the same letters
    in a document are encoded as letters.
    """
    ids = {token: index for index, token in enumerate(vocabulary.tokens)}
    tokenizer = Tokenizer(BPE(vocab=ids, merges=list(vocabulary.merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def end_of_text(tokenizer: Tokenizer) -> int:
    """Return the id of the token that stands before every document, the last one."""
    return tokenizer.get_vocab_size() - 1


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the ids of a text."""
    return tokenizer.encode(text).ids


def readable(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Return each token's own text, broken characters replaced."""
    return [tokenizer.decode([index]) for index in ids]
