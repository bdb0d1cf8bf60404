"""`vision live` and `vision top` as a user runs them."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clip import demo_clip
from tests.servers import RtspServer, has_gstreamer, raw_h264

pytest.importorskip("prometheus_client")


def site_file(folder: Path, *cameras: tuple[str, str], extra: str = "") -> Path:
    path = folder / "site.toml"
    tables = [f'[[camera]]\nid = "{name}"\nurl = "{url}"\nqueue = 256\n' for name, url in cameras]
    path.write_text(extra + "\n".join(tables), encoding="utf-8")
    return path


def vision(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vision", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def running(site: Path, out: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the address of its monitor."""
    command = [sys.executable, "-m", "vision", "live", str(site), "-o", str(out), "--metrics", "127.0.0.1:0", *options]
    with (out.parent / f"{out.name}.err").open("w+") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        try:
            found = ""
            end = time.monotonic() + 60
            while not found and time.monotonic() < end and process.poll() is None:
                text = Path(log.name).read_text()
                found = next((w for w in text.split() if w.startswith("http://")), "")
                time.sleep(0.05)
            assert found, Path(log.name).read_text()
            yield process, found.removesuffix("/status")
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def status(url: str) -> dict[str, dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/status", timeout=5) as answer:
        return {c["id"]: c for c in json.load(answer)["cameras"]}


def until(url: str, condition: Any) -> dict[str, dict[str, Any]]:
    end = time.monotonic() + 40
    while True:
        cameras = status(url)
        if condition(cameras):
            return cameras
        assert time.monotonic() < end, cameras
        time.sleep(0.1)


def events(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_site_runs_is_watched_and_flushes_when_stopped(tmp_path: Path, sent: signal.Signals) -> None:
    out = tmp_path / "out"
    site = site_file(tmp_path, ("gate", f"loop:{demo_clip()}"))
    with running(site, out) as (process, url):
        until(url, lambda c: c["gate"]["counts"]["processed"] >= 60)
        shown = vision("top", url, "--once")
        assert shown.returncode == 0, shown.stderr
        assert "gate" in shown.stdout
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
        assert 'vision_frames_total{camera="gate",fate="processed"}' in metrics
        assert 'vision_camera_streaming{camera="gate"} 1.0' in metrics
        assert urllib.request.urlopen(f"{url}/healthz", timeout=5).read() == b"ok\n"
        began_s = time.monotonic()
        process.send_signal(sent)
        assert process.wait(10) == 130
        assert time.monotonic() - began_s < 5
    found = events(out)
    assert found, "nothing was flushed"
    assert all(e["stream_id"] == "gate" and e["first_time"] for e in found)
    for event in found:
        for picture in (event["evidence"] or {"images": {}})["images"].values():
            assert (out / picture).stat().st_size > 0
    assert [json.loads(line)["state"] for line in (out / "cameras.jsonl").read_text().splitlines()][-1] == "stopped"


def test_killed_and_started_again_nothing_is_doubled(tmp_path: Path) -> None:
    out = tmp_path / "out"
    site = site_file(tmp_path, ("gate", f"loop:{demo_clip()}"), extra="[defaults]\nquiet_s = 1\n")
    with running(site, out) as (process, url):
        until(url, lambda c: c["gate"]["counts"]["vehicles"] >= 1)
        process.kill()
        process.wait()
    with (out / "events.jsonl").open("ab") as file:
        file.write(b'{"schema": "half a li')  # what a power cut leaves
    before = events_whole(out)
    with running(site, out) as (process, url):
        until(url, lambda c: c["gate"]["counts"]["vehicles"] >= 1)
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    after = events(out)
    assert after[: len(before)] == before
    assert len(after) > len(before)
    ids = [e["id"] for e in after]
    assert len(ids) == len(set(ids))


def events_whole(out: Path) -> list[dict[str, Any]]:
    lines = (out / "events.jsonl").read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]


def test_the_file_is_taken_anew_when_it_changes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    loop = f"loop:{demo_clip()}"
    site = site_file(tmp_path, ("a", loop), ("b", loop))
    with running(site, out) as (_, url):
        until(url, lambda c: all(c[i]["counts"]["processed"] > 5 for i in "ab"))
        before = status(url)["a"]["counts"]
        site_file(tmp_path, ("a", loop), ("c", loop))
        after = until(url, lambda c: set(c) == {"a", "c"} and c["c"]["counts"]["processed"] > 5)
        assert after["a"]["counts"]["processed"] > before["processed"]
        assert after["a"]["counts"]["flushes"] == before["flushes"]
        site.write_text("[[camera]]\nid = 'a'\nulr = 'x'\n", encoding="utf-8")
        log = tmp_path / "out.err"
        end = time.monotonic() + 10
        while "goes on as it was" not in log.read_text() and time.monotonic() < end:
            time.sleep(0.1)
        assert "ulr: unknown key" in log.read_text()
        assert set(status(url)) == {"a", "c"}


@pytest.mark.skipif(not has_gstreamer(), reason="needs GStreamer's RTSP server (Debian packages)")
def test_one_dead_camera_does_not_touch_the_other(tmp_path: Path) -> None:
    clip = raw_h264(tmp_path / "cam.h264", 320, 192)
    with RtspServer([f"a={clip}"]) as good, RtspServer([f"b={clip}"]) as bad:
        site = site_file(
            tmp_path, ("good", good.url("a")), ("bad", bad.url("b", "admin:s3cret")),
            extra="[defaults]\ntimeout_s = 2\nfirst_wait_s = 0.2\n",
        )  # fmt: skip
        with running(site, tmp_path / "out", "--log-json") as (process, url):
            until(url, lambda c: all(x["counts"]["processed"] > 10 for x in c.values()))
            bad.kill()
            until(url, lambda c: c["bad"]["state"] == "waiting")
            began = status(url)["good"]["counts"]
            began_s = time.monotonic()
            time.sleep(2)
            got = status(url)["good"]["counts"]["received"] - began["received"]
            assert got == pytest.approx(25 * (time.monotonic() - began_s), abs=8)
            bad.restart()
            until(url, lambda c: c["bad"]["state"] == "streaming")
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 130
    log = (tmp_path / "out.err").read_text()
    assert "s3cret" not in log + (tmp_path / "out" / "cameras.jsonl").read_text()
    states = [json.loads(x)["state"] for x in log.splitlines() if x.startswith("{") and '"bad"' in x]
    assert states[:3] == ["connecting", "streaming", "waiting"]
    assert states[-1] == "stopped"


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    missing = vision("live", tmp_path / "no.toml")
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1
    nobody = vision("top", "http://127.0.0.1:9", "--once")
    assert nobody.returncode == 3
    assert "expected a running `vision live --metrics`" in nobody.stderr
    site = site_file(tmp_path, ("a", f"loop:{demo_clip()}"))
    wrong = vision("live", site, "-o", tmp_path / "out", "--metrics", "9464")
    assert wrong.returncode == 2
    assert "expected HOST:PORT, got '9464'" in wrong.stderr
