"""The archive: what its sink keeps, what it tells, and what becomes of it in hardship."""

import json
import os
import re
import shutil
import sqlite3
import time
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.archive.samples import counts, delivery_of, filled, jpeg, passes, seen, state
from tests.events.samples import NS, T0, match, sighting, site
from vision.archive.database import NAME
from vision.archive.reader import Place, Search, open_archive
from vision.archive.sink import ArchiveSettings, archive_sink
from vision.errors import ConfigError, OutputError, SinkError
from vision.events.make import match_event, picture_part
from vision.sinks.registry import make_sink

ALL = Search()
OLD_NS = time.time_ns() - 3 * 86_400 * NS


def told(folder: Path, search: Search = ALL, after: Place | None = None, limit: int = 100) -> list[dict[str, object]]:
    with open_archive(folder) as archive:
        return [json.loads(data) for _, data in archive.sightings(search, after, limit)]


def plates(folder: Path, search: Search = ALL) -> list[str]:
    return [str(one["plate"]["text"]) for one in told(folder, search)]  # type: ignore[index]


def age(folder: Path, table: str, condition: str = "1") -> None:
    """Say of rows that they came in three days ago."""
    connection = sqlite3.connect(folder / NAME, isolation_level=None)
    connection.execute(f"UPDATE {table} SET entered_ns = ? WHERE {condition}", (OLD_NS,))
    connection.close()


def test_the_sink_is_found_by_its_type_and_names_bad_settings(tmp_path: Path) -> None:
    make_sink("archive", "a", {"folder": str(tmp_path)}).close()
    with pytest.raises(ConfigError, match=r"sink 'a': days: expected greater than 0, got 0"):
        make_sink("archive", "a", {"folder": str(tmp_path), "days": 0})
    with pytest.raises(ConfigError, match="pictures: unknown key, expected one of folder, days"):
        make_sink("archive", "a", {"folder": str(tmp_path), "pictures": True})


def test_the_example_of_the_page_makes_a_sink_and_names_every_setting() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "rest.md").read_text("utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    (table,) = tomllib.loads(block)["sink"]
    assert set(table) == {"type", *ArchiveSettings.model_fields}
    make_sink(table.pop("type"), "out", table).close()


def test_a_sighting_stands_once_in_its_newest_revision(tmp_path: Path) -> None:
    early = passes(sighting(1, text="京A1234?", is_early=True), jpeg(1))
    final = passes(sighting(1, text="京A12345", revision=2), jpeg(2))
    sink = filled(tmp_path, [early, early])
    assert plates(tmp_path) == ["京A1234?"]
    for again in ([final], [final, early], [early]):
        sink.send(again)
        assert plates(tmp_path) == ["京A12345"]
        assert plates(tmp_path, Search(plate="京A1234?")) == ["京A12345"]
        assert plates(tmp_path, Search(plate="京A12345")) == ["京A12345"]
    sink.close()
    with open_archive(tmp_path) as archive:
        assert archive.picture(picture_part("plate", jpeg(2), 1, 1).sha256) == jpeg(2)
        assert archive.picture(picture_part("plate", jpeg(1), 1, 1).sha256) is None
    assert len(list((tmp_path / "pictures").glob("*/*.jpg"))) == 1


def test_merged_sightings_lead_to_the_one_they_are_part_of(tmp_path: Path) -> None:
    first, second = sighting(1, is_early=True), sighting(2, is_early=True)
    middle = replace(sighting(3, is_early=True), merged_ids=(first.id,))
    whole = replace(sighting(4), merged_ids=(middle.id, second.id))
    sink = filled(tmp_path, [passes(one, jpeg(9)) for one in (first, second, middle, whole)])
    sink.send([passes(replace(first, revision=7))])  # late: it is part of another already
    sink.close()
    assert [one["id"] for one in told(tmp_path)] == [whole.id]
    with open_archive(tmp_path) as archive:
        for own in (first.id, second.id, middle.id, whole.id):
            assert json.loads(archive.sighting(own) or "")["id"] == whole.id
        assert archive.sighting("nobody") is None
        assert archive.picture(picture_part("plate", jpeg(9), 1, 1).sha256) == jpeg(9)


def test_cameras_have_their_newest_state(tmp_path: Path) -> None:
    sink = filled(tmp_path, [seen(3, "yard"), state("gate", 5, "streaming"), state("gate", 9, "stalled")])
    sink.send([state("gate", 7, "streaming"), state("yard", 1, "connecting"), seen(20)])
    sink.close()
    with open_archive(tmp_path) as archive:
        gate, yard = archive.cameras()
    assert (gate.camera, gate.state, gate.since_ns) == ("gate", "stalled", T0 + 9 * NS)
    assert gate.heard_ns == T0 + 21 * NS + 123_456_789
    assert (yard.camera, yard.state) == ("yard", "connecting")


def test_counts_are_added_up_by_hour_and_camera_once(tmp_path: Path) -> None:
    minutes = [counts("gate", 60 * i, 3, 2) for i in range(90)]
    sink = filled(tmp_path, [*minutes, counts("yard", 0, 1, 1)])
    sink.send(minutes)
    sink.close()
    with open_archive(tmp_path) as archive:
        hours = archive.statistics(ALL, None, 10)
        assert [archive.statistics(ALL, (h.hour_ns, h.camera), 10) for h in hours[-1:]] == [[]]
        (yard,) = archive.statistics(Search(camera="yard"), None, 10)
    assert sum(h.vehicles for h in hours if h.camera == "gate") == 270
    assert [(h.hour_ns, h.camera) for h in hours] == sorted(((h.hour_ns, h.camera) for h in hours), reverse=True)
    assert all(h.unread == {"too_small": h.vehicles - h.read} for h in hours)
    assert all(h.frames == {"processed": 500 * h.vehicles, "failed": 0} for h in hours if h.camera == "gate")
    assert (yard.vehicles, yard.read, yard.hour_ns % (3600 * NS)) == (1, 1, 0)


def test_matches_are_taken_and_not_kept(tmp_path: Path) -> None:
    filled(tmp_path, [delivery_of(match_event(match(), site(), now_ns=T0))]).close()
    assert told(tmp_path) == []


def test_search(tmp_path: Path) -> None:
    filled(
        tmp_path,
        [
            seen(1, text="京A11111"), seen(2, "yard", text="京A21111", vehicle=("truck", "red")),
            seen(3, text="沪B11111", vehicle=("truck", "white")), seen(4, "yard", text="京A1111"),
        ],
    ).close()  # fmt: skip
    assert plates(tmp_path) == ["京A1111", "沪B11111", "京A21111", "京A11111"]
    assert plates(tmp_path, Search(camera="yard")) == ["京A1111", "京A21111"]
    assert plates(tmp_path, Search(type="truck")) == ["沪B11111", "京A21111"]
    assert plates(tmp_path, Search(type="truck", color="red", camera="yard")) == ["京A21111"]
    assert plates(tmp_path, Search(plate="京A?1111")) == ["京A21111", "京A11111"]
    assert plates(tmp_path, Search(plate="??11111")) == ["沪B11111", "京A11111"]
    assert plates(tmp_path, Search(plate="京A1111")) == ["京A1111"]
    assert plates(tmp_path, Search(plate="京A*")) == plates(tmp_path, Search(plate="[京]?11111")) == []
    begin = T0 + 2 * NS + 123_456_789
    assert plates(tmp_path, Search(from_ns=begin, to_ns=begin + NS)) == ["京A21111"]
    assert plates(tmp_path, Search(from_ns=begin + 1, to_ns=begin + NS)) == []


def test_without_utc_the_time_of_the_event_counts(tmp_path: Path) -> None:
    filled(tmp_path, [passes(replace(sighting(1), is_utc=False))]).close()
    assert len(told(tmp_path, Search(from_ns=T0, to_ns=T0 + 1))) == 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(1, 60), max_size=6), min_size=1, max_size=8), st.integers(1, 4))
def test_paging_stays_right_while_rows_are_added_and_replaced(
    tmp_path: Path, arrivals: Sequence[Sequence[int]], limit: int
) -> None:
    """Between two pages others come, newer, older, and newer revisions of what was seen: nothing twice, none missed."""
    folder = tmp_path / str(time.time_ns())
    before = range(10, 50, 3)
    sink = filled(folder, [seen(n) for n in before])
    pages: list[Place] = []
    rest = iter(arrivals)
    after: Place | None = None
    while True:
        with open_archive(folder) as archive:
            page = [place for place, _ in archive.sightings(ALL, after, limit)]
        if not page:
            break
        pages += page
        after = page[-1]
        for n in next(rest, ()):
            early, later = sighting(n), replace(sighting(n, revision=2), first_time_ns=T0)
            sink.send([passes(early), passes(later)])  # the pass turned out to have begun long before
    sink.close()
    assert pages == sorted(set(pages), reverse=True)
    assert {sighting(n).id for n in before} <= {own for _, own in pages}


def test_what_is_too_old_is_not_told_and_then_deleted(tmp_path: Path) -> None:
    everything = [seen(1), seen(2), state("gate", 1, "streaming"), counts("gate", 0, 3, 2)]
    shared = passes(sighting(3), jpeg(1))  # its picture is that of the first
    filled(tmp_path, [*everything, shared], days=2).close()
    first = sighting(1).id
    for table in ("cameras", "statistics", "taken"):
        age(tmp_path, table)
    age(tmp_path, "sightings", f"id != '{sighting(3).id}'")
    hashes = {n: picture_part("plate", jpeg(n), 1, 1).sha256 for n in (1, 2)}
    with open_archive(tmp_path) as archive:
        assert (archive.cameras(), archive.statistics(ALL, None, 9), archive.sighting(first)) == ([], [], None)
        assert archive.n_sightings() == 1
        assert archive.picture(hashes[2]) is None
        assert archive.picture(hashes[1]) == jpeg(1)
    assert plates(tmp_path) == ["京A12345"]
    assert b"A00002" in (tmp_path / NAME).read_bytes()

    filled(tmp_path, [], days=2).close()
    connection = sqlite3.connect(tmp_path / NAME)
    tables = ("sightings", "pictures", "cameras", "statistics", "taken", "merged")
    left = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert left == {**dict.fromkeys(tables, 0), "sightings": 1, "pictures": 1}
    assert [path.stem for path in (tmp_path / "pictures").glob("*/*.jpg")] == [hashes[1]]
    assert b"A00002" not in (tmp_path / NAME).read_bytes()


def test_many_old_sightings_are_deleted_in_steps(tmp_path: Path) -> None:
    filled(tmp_path, [seen(n) for n in range(1, 1203)]).close()
    age(tmp_path, "sightings", f"begin_ns < {T0 + 1200 * NS}")
    filled(tmp_path, [], days=1).close()
    assert plates(tmp_path) == ["京A01202", "京A01201", "京A01200"]


def test_what_a_killed_process_left_is_deleted_when_it_is_old(tmp_path: Path) -> None:
    filled(tmp_path, [seen(1)]).close()
    kept = next((tmp_path / "pictures").glob("*/*.jpg"))
    orphan, young = tmp_path / "pictures" / "aa" / f"{'a' * 64}.jpg", tmp_path / "pictures" / "aa" / f"aa{'b' * 62}.jpg"
    orphan.parent.mkdir()
    old = tmp_path / "archive.damaged-20200101T000000-1.db"
    piece = orphan.with_suffix(".part")
    for path in (orphan, young, old, piece):
        path.write_bytes(b"x")
    for path in (orphan, old, kept, piece):
        os.utime(path, ns=(OLD_NS, OLD_NS))
    filled(tmp_path, [], days=2).close()
    assert [p.exists() for p in (orphan, young, old, kept, piece)] == [False, True, False, True, False]


def test_a_damaged_file_is_put_aside_and_a_new_one_begins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    filled(tmp_path, [seen(1)]).close()
    (tmp_path / NAME).write_bytes(b"this is no database, " * 500)
    sink = filled(tmp_path, [seen(2)])
    assert "archive.db: damaged (file is not a database): kept as archive.damaged-" in caplog.text
    assert plates(tmp_path) == ["京A00002"]

    sink.close()
    content = bytearray((tmp_path / NAME).read_bytes())
    content[4096:] = b"\x55" * (len(content) - 4096)  # found while it is in use
    with (tmp_path / NAME).open("r+b") as file:
        file.write(content)
    sink = archive_sink("archive", {"folder": str(tmp_path)})
    with pytest.raises(SinkError, match=r"archive.db: cannot write: database disk image is malformed"):
        sink.send([seen(3)])
    assert [a.state for a in sink.send([seen(3)])] == ["delivered"]
    sink.close()
    assert plates(tmp_path) == ["京A00003"]
    assert len(list(tmp_path.glob("archive.damaged-*.db"))) == 2


def test_a_folder_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    sink = archive_sink("archive", {"folder": str(tmp_path / "file" / "below")})
    with pytest.raises(SinkError, match="file"):
        sink.send([seen(1)])
    (tmp_path / "file").unlink()
    assert [a.state for a in sink.send([seen(1)])] == ["delivered"]
    sink.close()


def test_a_picture_that_is_gone_is_missed_and_the_sighting_kept(tmp_path: Path) -> None:
    def gone(sha256: str) -> bytes:
        raise LookupError(sha256)

    sink = archive_sink("archive", {"folder": str(tmp_path)})
    sink.send([replace(seen(1), evidence=gone)])
    sink.close()
    with open_archive(tmp_path) as archive:
        assert archive.picture(picture_part("plate", jpeg(1), 1, 1).sha256) is None
    assert plates(tmp_path) == ["京A00001"]


def test_no_archive_another_file_and_a_damaged_one_are_each_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected the folder of a sink of type archive, found no archive.db"):
        told(tmp_path)
    sqlite3.connect(tmp_path / NAME).execute("CREATE TABLE t(x)").connection.close()
    with pytest.raises(OutputError, match=r"archive.db: expected an archive of version 1, got version 0"):
        told(tmp_path)
    (tmp_path / NAME).write_bytes(b"this is no database, " * 500)
    with pytest.raises(OutputError, match=r"archive.db: cannot read: file is not a database"):
        told(tmp_path)


def test_a_picture_that_was_changed_is_not_told(tmp_path: Path) -> None:
    filled(tmp_path, [seen(1)]).close()
    next((tmp_path / "pictures").glob("*/*.jpg")).write_bytes(b"another")
    with open_archive(tmp_path) as archive, pytest.raises(OutputError, match="its content has another hash"):
        archive.picture(picture_part("plate", jpeg(1), 1, 1).sha256)


def test_a_copy_without_its_writer_can_be_read(tmp_path: Path) -> None:
    """A folder of a writer that was killed: what it committed is in the side file."""
    sink = filled(tmp_path / "one", [seen(1)])
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    sink.close()
    assert plates(tmp_path / "two") == ["京A00001"]
