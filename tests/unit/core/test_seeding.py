import pytest
import torch

from stagewise.core.seeding import StreamKey, as_key


def draw(key: StreamKey, count: int = 8) -> torch.Tensor:
    return torch.randn(count, generator=key.generator())


def test_a_stream_depends_on_its_name_only():
    key = StreamKey(0, ("regression", "base-s0")).child("batch", 7)
    first = draw(key)
    draw(key.child("else"), 1000)
    assert torch.equal(first, draw(StreamKey(0, ("regression", "base-s0", "batch", 7))))


@pytest.mark.parametrize(
    "other", [StreamKey(1, ("a", 1)), StreamKey(0, ("a", 2)), StreamKey(0, ("a", "1"))]
)
def test_other_names_give_other_streams(other):
    assert not torch.equal(draw(StreamKey(0, ("a", 1))), draw(other))


def test_parts_cannot_run_together():
    assert StreamKey(0, ("ab", "c")).seed != StreamKey(0, ("a", "bc")).seed


def test_streams_are_uncorrelated():
    a, b = draw(StreamKey(0, ("x", 0)), 20000), draw(StreamKey(0, ("x", 1)), 20000)
    correlation = torch.corrcoef(torch.stack((a, b)))[0, 1].item()
    assert abs(correlation) < 4 / 20000**0.5


@pytest.mark.parametrize("part", [0.1, None, True])
def test_names_are_text_and_integers(part):
    with pytest.raises(TypeError, match="integers and strings"):
        StreamKey(0).child(part)


def test_an_integer_is_a_root_seed():
    assert as_key(3) == StreamKey(3)
    assert as_key(StreamKey(3)) == StreamKey(3)
