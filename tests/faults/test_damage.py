"""A damaged file of any kind is never read: one sentence names it; made again it is whole."""

import shutil

import pytest
import torch

from stagewise.stores.files import StoreError
from stagewise.stores.journal import SegmentFiles
from stagewise.stores.seals import beside, own
from tests.faults.damages import DAMAGES
from tests.faults.kinds import KINDS, values

LONGEST = 300


@pytest.fixture(autouse=True)
def nobody_owns():
    yield
    own({})


@pytest.mark.parametrize("name", KINDS)
def test_no_damage_is_read(tmp_path, name):
    kind, path, other = KINDS[name], tmp_path / name, tmp_path / "other" / name
    kind.write(path, 0)
    kind.write(other, 5)
    whole = path.read_bytes()
    assert len(whole) > 4096
    for damage, of in DAMAGES.items():
        path.write_bytes(of(whole, other.read_bytes()))
        assert path.read_bytes() != whole, damage
        with pytest.raises(StoreError, match="delete it and run again") as caught:
            kind.read(path)
        assert str(path) in str(caught.value), damage
        assert len(str(caught.value)) <= LONGEST, damage
    path.unlink()
    with pytest.raises(StoreError, match="does not exist: run the rule that makes it"):
        kind.read(path)
    kind.write(path, 0)
    kind.read(path)


@pytest.mark.parametrize("name", KINDS)
def test_a_seal_that_is_not_its_own_is_no_seal(tmp_path, name):
    kind, path, other = KINDS[name], tmp_path / name, tmp_path / "other" / name
    owners = {str(path): ("llc base-s0", "a")}
    own(owners)
    kind.write(path, 0)
    kind.write(other, 5)
    seal = beside(path, "seal")
    whole, foreign = seal.read_bytes(), beside(other, "seal").read_bytes()
    for damage, of in DAMAGES.items():
        if damage == "last byte missing":  # the end of its line
            continue
        own(owners)  # what was read before is read again
        seal.write_bytes(of(whole, foreign))
        with pytest.raises(StoreError, match="delete it and run again") as caught:
            kind.read(path)
        assert len(str(caught.value)) <= LONGEST, damage
    seal.unlink()
    own(owners)
    with pytest.raises(StoreError, match="has no seal"):
        kind.read(path)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_another_run_or_of_other_settings_is_refused(tmp_path, name):
    """Also where its seal has come with it."""
    kind, path = KINDS[name], tmp_path / name
    other, older = tmp_path / "other" / name, tmp_path / "older" / name
    ours, theirs, old = ("llc base-s0", "a"), ("llc base-s1", "b"), ("llc base-s0", "c")
    own({str(path): ours, str(other): theirs, str(older): old})
    for place, seed in ((path, 0), (other, 5), (older, 9)):
        kind.write(place, seed)
        kind.read(place)
    for source in (other, older):
        shutil.copy(source, path)
        shutil.copy(beside(source, "seal"), beside(path, "seal"))
        with pytest.raises(StoreError, match=r"is that of llc .*, expected llc base-s0 \(a\)"):
            kind.read(path)
    kind.write(path, 0)
    kind.read(path)


def test_files_that_nobody_said_anything_of_are_not_of_a_rule(tmp_path):
    kind, path = KINDS["curve.nc"], tmp_path / "curve.nc"
    kind.write(path, 0)
    kind.read(path)
    own({str(path): ("llc base-s0", "a")})
    with pytest.raises(StoreError, match=r"that of no rule \(no settings\), expected llc base-s0"):
        kind.read(path)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_training_goes_on_before_a_damaged_segment(tmp_path, place):
    def journal():
        return SegmentFiles(tmp_path, "run", 10)

    def fill(written, first):
        for k in range(first, 3):
            rows = {step: values(step, 500) for step in range(10 * k, 10 * k + 10)}
            state = {"vectors": torch.from_numpy(values(k, 400))}
            written.save(10 * (k + 1), state, {"trajectory": rows})
        return [path.read_bytes() for path in written.segments]

    whole = fill(journal(), 0)
    path = tmp_path / f"segment-0000{place}.h5"
    other = tmp_path / f"segment-0000{(place + 1) % 3}.h5"
    for damage, of in DAMAGES.items():
        path.write_bytes(of(whole[place], other.read_bytes()))
        again = journal()
        kept = again.load()
        assert (kept[0] if kept else 0) == 10 * place, damage
        assert len(again.segments) == place
        assert fill(again, place) == whole, damage
