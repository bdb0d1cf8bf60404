"""A list in use: what a reading finds in it, and what a changed file does."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.match.lists import BLURRED, read_plate, unsure, watchlist, words, write
from vision.errors import ConfigError
from vision.match.likely import probability_of
from vision.match.plates import hashed
from vision.match.settings import WatchlistSettings
from vision.match.watchlist import SETTLE_S, load_watchlists
from vision.types import PlateText

KEY = "not a very secret key"


def test_a_clear_plate_finds_its_entry_and_no_neighbor(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ["京A12345,7", "京A12346,8", "津A12345,9"])
    (hit,) = watchlist(tmp_path / "a.csv").find(read_plate("京A12345"))
    assert (hit.entry.id, hit.text) == ("7", "京A12345")
    assert hit.score > 0.9


@pytest.mark.parametrize(("listed", "other"), [("京A1B345", "8"), ("京A18345", "B"), ("京AD2345", "0")])
def test_an_unreadable_character_still_finds_the_car(tmp_path: Path, listed: str, other: str) -> None:
    slot = 3 if listed[2] == "1" else 2
    plate = unsure(listed, slot, other)
    write(tmp_path / "a.csv", [f"{listed},7", f"{listed[:slot]}Z{listed[slot + 1 :]},8"])
    (hit,) = watchlist(tmp_path / "a.csv").find(plate)
    assert hit.entry.id == "7"
    assert 0.3 < hit.score < 0.5


def test_both_readings_of_an_unreadable_character_are_found_likelier_first(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ["京A18345,8", "京A1B345,7"])
    plate = unsure("京A1B345", 3, "8", share=0.48)
    assert [h.entry.id for h in watchlist(tmp_path / "a.csv").find(plate)] == ["7", "8"]
    assert [h.entry.id for h in watchlist(tmp_path / "a.csv", min_probability=0.44).find(plate)] == ["7"]


CITY = st.sampled_from(["京A", "津A", "皖A"])
PLATES = st.builds(lambda city, tail: city + tail, CITY, st.text("0128BDZ", min_size=5, max_size=5))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(PLATES, max_size=40, unique=True), PLATES, st.integers(0, 10**6), st.sampled_from([0.001, 0.05, 0.2, 0.6])
)
def test_the_index_finds_what_comparing_with_every_entry_finds(
    tmp_path: Path, listed: list[str], truth: str, seed: int, least: float
) -> None:
    write(tmp_path / "a.csv", [f"{plate},{i}" for i, plate in enumerate([truth, *listed]) if i == 0 or plate != truth])
    charset = words().charset
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (8, len(charset)))
    for slot, char in enumerate(truth.ljust(8, "_")):
        logits[slot, charset.index(char)] += rng.uniform(3, 12)
        for alike in "8B0D2Z津":
            logits[slot, charset.index(alike)] += rng.uniform(0, 8)
    log_probs = np.asarray(logits - np.log(np.exp(logits).sum(1, keepdims=True)), np.float32)
    plate = PlateText(truth, 0.5, (), "normal", "blue", 1, log_probs=log_probs)
    found = {h.text: h.score for h in watchlist(tmp_path / "a.csv", min_probability=least).find(plate)}
    brute = {text: p for text in {truth, *listed} if (p := probability_of(text, log_probs, charset)) >= least}
    assert found == pytest.approx(brute)


def test_entries_hold_from_until(tmp_path: Path) -> None:
    write(
        tmp_path / "a.csv",
        ["京A12345,7,1970-01-01T00:00:10Z,1970-01-01T00:00:20Z", "京A12345,8,,1970-01-01T00:00:15+00:00"],
        "plate,id,valid_from,valid_until",
    )
    found, plate = watchlist(tmp_path / "a.csv"), read_plate("京A12345")
    ids = [[h.entry.id for h in found.find(plate, s * 10**9)] for s in (5, 10, 14, 15, 19, 20)]
    assert ids == [["8"], ["7", "8"], ["7", "8"], ["7"], ["7"], []]
    assert len(found.find(plate)) == 2


def test_hashes_find_the_same_as_plates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISION_WATCHLIST_KEY", KEY)
    plates = ["京A12345", "京A1B345", "京A18345"]
    write(tmp_path / "a.csv", [f"{p},{i}" for i, p in enumerate(plates)])
    write(tmp_path / "h.csv", [f"{hashed(p, KEY.encode())},{i}" for i, p in enumerate(plates)], "plate_hmac,id")
    for plate in (read_plate("京A12345"), unsure("京A1B345", 3, "8"), read_plate("京A12345", BLURRED)):
        plain, secret = (watchlist(tmp_path / name).find(plate) for name in ("a.csv", "h.csv"))
        assert plain == secret
    assert not {p for p in plates if p in (tmp_path / "h.csv").read_text(encoding="utf-8")}
    monkeypatch.setenv("VISION_WATCHLIST_KEY", "another key altogether")
    assert not watchlist(tmp_path / "h.csv").find(read_plate("京A12345"))
    monkeypatch.delenv("VISION_WATCHLIST_KEY")
    with pytest.raises(ConfigError, match="expected the environment variable VISION_WATCHLIST_KEY to be set"):
        watchlist(tmp_path / "h.csv")


def test_the_hash_is_the_standard_one() -> None:
    # RFC 4231, test case 2
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hashed("what do ya want for nothing?", b"Jefe") == expected


def test_a_reading_without_its_probabilities_has_its_runners_up(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ["京A12345,7", "京A12346,8", "京A12347,9"])
    candidates = (("京A12346", 0.5), ("京A12345", 0.3), ("京A12347", 0.05))
    plate = PlateText("京A12346", 0.5, (), "normal", "blue", 1, candidates)
    assert [h.entry.id for h in watchlist(tmp_path / "a.csv").find(plate)] == ["8", "7"]


def test_a_changed_file_is_taken_whole_when_it_is_quiet(tmp_path: Path) -> None:
    file, plate = tmp_path / "a.csv", read_plate("京A12345")
    write(file, ["京A99999,1"])
    found = watchlist(file)
    assert not found.find(plate)
    assert found.refresh(10) == ""
    write(file, ["京A12345,2"])
    assert found.refresh(11) == ""  # noticed
    write(file, ["京A12345,2", "京A88888,3"])  # and still being written
    assert found.refresh(11.5) == ""
    assert found.refresh(11.5 + SETTLE_S / 2) == ""
    assert not found.find(plate)
    assert found.refresh(11.5 + SETTLE_S) == "watch-list stolen: read anew, 2 entries"
    assert [h.entry.id for h in found.find(plate)] == ["2"]
    assert found.refresh(20) == ""


def test_a_replaced_file_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    write(file, ["京A99999,1"])
    found = watchlist(file)
    write(tmp_path / "new.csv", ["京A12345,1"])
    status = file.stat()
    os.utime(tmp_path / "new.csv", ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(tmp_path / "new.csv", file)  # the same size and time
    assert found.refresh(1) == ""
    assert "1 entries" in found.refresh(1 + SETTLE_S)
    assert found.find(read_plate("京A12345"))


@pytest.mark.parametrize("content", [None, b"", b"plate,id\n\xff\n", "plate,id\n京A1234X5,2\n".encode()])
def test_a_broken_file_keeps_the_list_and_says_so(tmp_path: Path, content: bytes | None) -> None:
    file, plate = tmp_path / "a.csv", read_plate("京A12345")
    write(file, ["京A12345,1"])
    found = watchlist(file)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert found.refresh(1) == ""
    said = found.refresh(1 + SETTLE_S)
    assert said.endswith("the list as it was goes on (1 entries)")
    assert str(file) in said
    assert "京A1234X5" not in said
    assert found.trouble
    assert [h.entry.id for h in found.find(plate)] == ["1"]
    assert found.refresh(3) == ""  # said once
    write(file, ["京A12346,5"])
    found.refresh(4)
    assert "read anew" in found.refresh(6)
    assert not found.trouble
    assert not found.find(plate)


def test_a_list_that_is_wrong_at_the_start_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ["京A1,1", "京A2,2", "京A3,3", "京A4,4", "京A12345,5"])
    with pytest.raises(
        ConfigError, match=r"watch-list stolen: .*a.csv: line 2: plate: expected .*; and 1 more"
    ) as error:
        watchlist(tmp_path / "a.csv")
    assert "京A" not in str(error.value)
    with pytest.raises(ConfigError, match="cannot read the watch-list: No such file"):
        watchlist(tmp_path / "b.csv")
    (tmp_path / "a.txt").write_text("plate\n")
    with pytest.raises(ConfigError, match=r"expected a watch-list, .csv or .jsonl"):
        watchlist(tmp_path / "a.txt")


def test_two_lists_have_two_names(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ["京A12345,1"])
    one = WatchlistSettings(name="a", file=str(tmp_path / "a.csv"))
    assert len(load_watchlists([one, one.model_copy(update={"name": "b"})], words())) == 2
    with pytest.raises(ConfigError, match="watchlist: expected different names, got a, a"):
        load_watchlists([one, one], words())
