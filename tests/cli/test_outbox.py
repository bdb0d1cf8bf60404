"""`vision outbox` as a user runs it, and a site that sends."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.test_live import running, site_file, until, vision
from tests.clip import demo_clip
from tests.events.samples import final_event
from tests.outbox.helpers import Receiver, fill, quick
from tests.outbox.helpers import until as until_true
from tests.sinks.receiver import Receiver as HttpReceiver
from vision.cli.app import app
from vision.events.model import parse_event
from vision.outbox.outbox import Outbox
from vision.sinks.protocol import Answer

pytest.importorskip("prometheus_client")
SECRET = "whsec_" + "a2" * 20


def called(*args: object) -> str:
    done = CliRunner().invoke(app, ["outbox", *map(str, args)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def with_dead_letters(folder: Path) -> list[str]:
    """An outbox with two dead letters among five events; returns their keys."""
    bad = [final_event(n).id for n in (2, 4)]
    sink = Receiver(lambda d: Answer("refused", "no such camera") if d.key in bad else Answer("delivered"))
    with Outbox(folder / "outbox", [quick("hook", sink)]) as outbox:
        fill(outbox, 5)
        until_true(lambda: outbox.figures()["hook"]["dead"] == 2)
        until_true(lambda: outbox.figures()["hook"]["delivered"] == 3)
    return bad


def test_dead_letters_are_listed_exported_and_sent_again(tmp_path: Path) -> None:
    bad = with_dead_letters(tmp_path)
    said = called("ls", tmp_path, "--dead")
    assert "hook: 2 dead, 2 dead total, 3 delivered" in said
    assert all(key in said for key in bad)
    assert "no such camera" in said
    rows = json.loads(called("ls", tmp_path, "--dead", "--json"))["rows"]
    assert [(r["key"], r["number"], r["attempts"]) for r in rows] == [(bad[0], 2, 1), (bad[1], 4, 1)]
    called("export", tmp_path, tmp_path / "dead.jsonl", "--dead")
    lines = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_text("utf-8").splitlines()]
    assert [parse_event(line["event"]).id for line in lines] == bad
    assert "1 dead letters wait again" in called("requeue", tmp_path, "--key", bad[1])
    assert bad[1] in called("ls", tmp_path)
    sink = Receiver()
    with Outbox(tmp_path / "outbox", [quick("hook", sink)]) as outbox:
        until_true(lambda: sink.got)
        assert "1 dead letters wait again" in called("requeue", tmp_path)  # also while it runs
        until_true(lambda: len(sink.got) == 2)
        until_true(lambda: outbox.figures()["hook"]["delivered"] == 5)
    assert [(d.key, d.number) for d in sink.got] == [(bad[1], 4), (bad[0], 2)]


def test_nothing_is_given_up_without_yes(tmp_path: Path) -> None:
    with_dead_letters(tmp_path)
    assert "2 would be given up; --yes does it" in called("purge", tmp_path, "--dead")
    assert "0 given up" in called("purge", tmp_path, "--dead", "--yes", "--sink", "other")
    assert "2 given up" in called("purge", tmp_path, "--dead", "--yes")
    assert json.loads(called("ls", tmp_path, "--json"))["sinks"]["hook"]["dropped_purge"] == 2


def test_a_folder_without_outbox_is_one_line(tmp_path: Path) -> None:
    done = vision("outbox", "ls", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "expected a folder of `vision live` with an outbox, found none" in done.stderr


SITE = """
name = "north"
purpose = "traffic statistics"
statistics_s = 1
[defaults]
early = true
[[sink]]
type = "jsonl"
folder = "{folder}"
[[sink]]
name = "hook"
type = "webhook"
url = "{url}"
secrets = ["${{HOOK_SECRET}}"]
events = ["sighting.final"]
"""


def test_a_site_sends_its_events_and_shows_how_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    out = tmp_path / "out"
    with HttpReceiver() as receiver:
        extra = SITE.format(folder=tmp_path / "log", url=receiver.url)
        site = site_file(tmp_path, ("gate", f"loop:{demo_clip()}"), extra="")
        site.write_text(extra.partition("[[sink]]")[0] + site.read_text() + "[[sink]]" + extra.partition("[[sink]]")[2])
        with running(site, out) as (process, url):
            until(url, lambda c: c["gate"]["counts"]["vehicles"] >= 1)
            until_true(lambda: receiver.requests)
            shown = vision("top", url, "--once").stdout
            assert "2 sinks" in shown
            assert max(map(len, shown.splitlines())) <= 80
            import urllib.request

            with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
                metrics = answer.read().decode()
            assert 'vision_outbox_delivered_total{sink="hook"}' in metrics
            assert 'vision_outbox_waiting{sink="jsonl"}' in metrics
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 130
    records = [json.loads(line) for line in (out / "events.jsonl").read_text("utf-8").splitlines()]
    text = "".join(path.read_text("utf-8") for path in sorted((tmp_path / "log").glob("*.jsonl")))
    events = [parse_event(line) for line in text.splitlines()]
    sightings = [e for e in events if e.type.startswith("vision.sighting.")]
    assert [(s.data.id, s.data.revision) for s in sightings] == [(r["id"], r["revision"]) for r in records]  # type: ignore[union-attr]
    assert {e.type for e in events} >= {"vision.camera.status.v1", "vision.statistics.v1", "vision.sighting.final.v1"}
    assert {e.source for e in events} == {"vision://north/gate"}
    plain = [json.loads(e.body())["data"] for e in events]
    assert {d["site"]["purpose"] for d in plain} == {"traffic statistics"}
    assert all(len(d["site"]["models"]) == 5 for d in plain)
    vehicles = sum(d["vehicles"] for d in plain if "vehicles" in d)
    assert vehicles == sum(r["state"] == "final" for r in records)
    finals = [e for e in events if e.type == "vision.sighting.final.v1"]
    assert len(receiver.requests) == len(finals)
    assert all(d["pictures"] for d in plain if d.get("state") == "final")
    log = (tmp_path / "out.err").read_text()
    assert f"hook {len(finals)} delivered, 0 waiting, 0 dead letters" in log
    assert SECRET not in log


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[sink]]\ntype = "jsonll"\n', "type: expected one of archive, callback, "),
        (
            '[[sink]]\ntype = "jsonl"\nfolder = "x"\nmax_mbb = 1\n',
            "max_mbb: unknown key, expected one of folder, max_mb",
        ),
        ('[[sink]]\ntype = "jsonl"\nfolder = "${NOT_SET}"\n', "the environment variable NOT_SET to be set"),
        ('[[sink]]\ntype = "jsonl"\nfolder = "x"\nevents = ["sightings"]\n', "events.0: expected"),
        ('[[sink]]\ntype = "jsonl"\nfolder = "x"\n[[sink]]\ntype = "jsonl"\nfolder = "y"\n', "name: expected one that"),
        ('[[sink]]\nfolder = "x"\n', "type: expected a value, got none"),
    ],
)
def test_a_wrong_sink_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    site = site_file(tmp_path, ("gate", "loop:none.mp4"), extra='purpose = "a test"\n')
    site.write_text(site.read_text() + text)
    done: subprocess.CompletedProcess[str] = vision("live", site, "-o", tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_site_that_sends_says_what_for(tmp_path: Path) -> None:
    site = site_file(tmp_path, ("gate", "loop:none.mp4"))
    site.write_text(site.read_text() + '[[sink]]\ntype = "jsonl"\nfolder = "x"\n')
    done = vision("live", site)
    assert done.returncode == 2
    assert "purpose: expected what the data are collected for" in done.stderr
