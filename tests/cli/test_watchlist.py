"""`vision watchlist`, and watch-lists in runs and sites, as a user runs them."""

import json
import os
import re
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_live import running, site_file
from tests.cli.test_run import one_line, vision
from tests.clip import demo_clip

KEY = "a key of more than 16 characters"
NEIGHBORS = ("京A12346", "京A72345", "津A12345")  # of 京A12345, which the demo clip shows


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, *plates: str) -> Path:
    path.write_text("\n".join(["plate,id", *(f"{p},case {i}" for i, p in enumerate(plates)), ""]), encoding="utf-8")
    return path


def test_check_counts_a_good_list(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(
        "plate,id,valid_until\n京A12345,1,\n京AD12345,2,2020-01-01T00:00:00Z\n京A1234警,3,\n", encoding="utf-8"
    )
    done = vision("watchlist", "check", file)
    assert done.returncode == 0
    assert done.stdout == "3 entries: 1 normal, 1 new_energy_small, 1 police\n1 expired\n"
    values = json.loads(vision("watchlist", "check", file, "--json").stdout)
    assert values == {
        "schema": "vision.watchlist_check/1", "entries": 3, "plates": 3, "expired": 1, "problems": [],
        "kinds": {"normal": 1, "new_energy_small": 1, "police": 1},
    }  # fmt: skip


def test_check_says_what_is_wrong_line_by_line_and_shows_no_plate(tmp_path: Path) -> None:
    done = vision("watchlist", "check", write(tmp_path / "a.csv", "京A12345", "京A1234", "京A1I345"))
    assert done.returncode == 2
    assert done.stdout.splitlines()[:2] == [
        "line 3: plate: expected 7 or 8 characters, got 6",
        "line 4: plate: expected a plate of grammar cn, character 4 cannot stand there: "
        "a letter that looks like a digit",
    ]
    assert one_line(done).endswith("a.csv: 2 problems: a site would not take this list")
    assert "京" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("check", "none.csv"), "error: none.csv: cannot read the watch-list: No such file or directory"),
        (("check", "list.txt"), "error: list.txt: expected a watch-list, .csv or .jsonl"),
        (("hash", "a.csv", "b.csv"), "error: VISION_WATCHLIST_KEY: expected a key of at least 16 characters in this"),
    ],
)
def test_wrong_use_is_one_line(tmp_path: Path, args: tuple[str, ...], message: str) -> None:
    done = vision("watchlist", *args, cwd=tmp_path)
    assert done.returncode == 2
    assert one_line(done).startswith(message)


def test_chinese() -> None:
    done = vision("watchlist", "check", "none.csv", LC_ALL="zh_CN.UTF-8")
    assert one_line(done) == "错误:无法读取布控名单 none.csv:No such file or directory"


def test_hash_makes_a_list_without_plates_that_finds_the_same(tmp_path: Path) -> None:
    plain, secret = write(tmp_path / "a.csv", "京A12345", *NEIGHBORS), tmp_path / "h.csv"
    done = vision("watchlist", "hash", plain, secret, VISION_WATCHLIST_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert "京" not in secret.read_text(encoding="utf-8")
    assert vision("watchlist", "check", secret).stdout == "4 entries: 4 hashed\n"
    done = vision("run", demo_clip(), "-o", tmp_path / "out", "--no-annotate", "--watchlist", secret,
                  VISION_WATCHLIST_KEY=KEY)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {m["match"]["entry"] for m in lines_of(tmp_path / "out" / "matches.jsonl")} == {"case 0"}
    refused = vision("watchlist", "hash", plain, secret, VISION_WATCHLIST_KEY=KEY)
    assert refused.returncode == 5
    nameless = tmp_path / "n.csv"
    nameless.write_text("plate\n京A12345\n", encoding="utf-8")
    done = vision("watchlist", "hash", nameless, tmp_path / "x.csv", VISION_WATCHLIST_KEY=KEY)
    assert one_line(done) == "error: id: expected one in every line (without, the plate would stand for it)"


def test_a_run_says_and_writes_its_matches(tmp_path: Path) -> None:
    out = tmp_path / "out"
    file = write(tmp_path / "stolen cars.csv", "京A12345", *NEIGHBORS)
    done = vision("run", demo_clip(), "-o", out, "--no-annotate", "--watchlist", file)
    assert done.returncode == 0, done.stderr
    found = lines_of(out / "matches.jsonl")
    assert {m["match"]["entry"] for m in found} == {"case 0"}
    assert [m["match"]["revision"] for m in found] == list(range(1, len(found) + 1))
    assert [m["match"]["state"] for m in found] == ["early"] * (len(found) - 1) + ["confirmed"]
    assert found[0]["sighting"]["state"] == "early"
    assert found[0]["sighting"]["last_s"] < found[-1]["sighting"]["last_s"]
    assert found[-1]["match"]["watchlist"] == "stolen-cars"
    assert found[-1]["match"]["kind"] == "certain"
    for match in found:
        for picture in match["sighting"]["evidence"]["images"].values():
            assert (out / picture).stat().st_size > 0
    events = lines_of(out / "events.jsonl")
    assert {e["state"] for e in events} == {"final"}  # early ones are there for the list alone
    assert found[-1]["sighting"] in events
    assert json.loads((out / "run.json").read_text())["summary"]["matches"] == {"confirmed": 1}
    assert "stolen-cars: case 0  京A12345  certain" in done.stderr


def test_a_run_without_lists_writes_none_and_a_wrong_list_starts_nothing(tmp_path: Path) -> None:
    done = vision("run", demo_clip(), "-o", tmp_path / "out", "--watchlist", write(tmp_path / "a.csv", "京A1"))
    assert done.returncode == 2
    assert "line 2: plate: expected 7 or 8 characters, got 3" in one_line(done)
    assert not (tmp_path / "out").exists()


def test_a_site_raises_early_ends_each_alarm_and_hears_of_new_entries(tmp_path: Path) -> None:
    out, listed = tmp_path / "out", write(tmp_path / "stolen.csv", *NEIGHBORS, "沪B67890")
    # The clip begins anew after 3 s: with the usual 2 s, a plate that comes back is still the same pass.
    extra = (
        'purpose = "test"\n[defaults]\nquiet_s = 1\n[defaults.sightings]\nlinger_s = 0.5\n'
        f'[[watchlist]]\nname = "stolen"\nfile = "{listed}"\n'
        f'[[sink]]\ntype = "jsonl"\nfolder = "{tmp_path / "matches"}"\nevents = ["watchlist.match"]\n'
        f'[[sink]]\ntype = "jsonl"\nname = "all"\nfolder = "{tmp_path / "all"}"\n'
    )
    site = site_file(tmp_path, ("gate", f"loop:{demo_clip()}"), extra=extra)

    def sent(folder: str = "matches") -> list[dict[str, Any]]:
        return [event for file in sorted((tmp_path / folder).glob("*.jsonl")) for event in lines_of(file)]

    with running(site, out) as (process, url):
        time.sleep(3)
        assert not sent()
        write(tmp_path / "new.csv", *NEIGHBORS, "京A12345")
        os.replace(tmp_path / "new.csv", listed)
        wait_for(lambda: any(ends(e) for e in sent()))
        write(listed, "京A1")  # broken: the list as it was goes on
        wait_for(lambda: "the list as it was goes on (4 entries)" in (tmp_path / "out.err").read_text(encoding="utf-8"))
        with urllib.request.urlopen(f"{url}/status", timeout=5) as answer:
            (state,) = json.load(answer)["watchlists"]
        assert (state["name"], state["entries"]) == ("stolen", 4)
        assert "line 2: plate: expected 7 or 8 characters" in state["trouble"]
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
        assert 'vision_watchlist_entries{watchlist="stolen"} 4.0' in metrics
        assert 'vision_watchlist_stale{watchlist="stolen"} 1.0' in metrics
        assert re.search(r'vision_matches_total{camera="gate",state="confirmed"} [1-9]', metrics)
        before = len(sent())
        wait_for(lambda: len(sent()) > before + 1)
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 130
    events = sent()
    assert {e["type"] for e in events} == {"vision.watchlist.match.v1"}
    assert len({e["id"] for e in events}) == len(events)
    alarms: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        is_read = event["data"]["sighting"]["plate"] is not None
        alarms.setdefault(event["subject"], []).append({**event["data"]["match"], "is_read": is_read})
    assert len(alarms) > 1
    for i, parts in enumerate(alarms.values()):
        assert [p["revision"] for p in parts] == list(range(1, len(parts) + 1))
        # The list changed in the middle of the first pass; of a plate that is never believed nothing is said early.
        assert parts[0]["state"] == "early" or i == 0 or (parts[0]["kind"], parts[0]["is_read"]) == ("possible", False)
        assert [p["state"] in ("confirmed", "withdrawn") for p in parts] == [False] * (len(parts) - 1) + [True]
        assert {p["entry"] for p in parts} == {"case 3"}
    assert events[0]["data"]["sighting"]["pictures"]
    everything = sent("all")
    assert {e["type"] for e in everything} >= {"vision.watchlist.match.v1", "vision.sighting.final.v1"}
    assert "vision.sighting.early.v1" not in {e["type"] for e in everything}
    assert [e["id"] for e in everything if e["type"] == "vision.watchlist.match.v1"] == [e["id"] for e in events]
    assert lines_of(out / "matches.jsonl")[-1]["match"] == events[-1]["data"]["match"]
    log = (tmp_path / "out.err").read_text(encoding="utf-8")
    assert "watch-list stolen early" in log
    for plate in ("京A12345", "京A1\n", *NEIGHBORS):
        assert plate not in log


def ends(event: dict[str, Any]) -> bool:
    return bool(event["data"]["match"]["state"] == "confirmed")


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 150
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
