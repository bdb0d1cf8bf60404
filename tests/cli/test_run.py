"""The command line as a user meets it: real processes, real files."""

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

from tests.clip import N_FRAMES, demo_clip
from tests.media import picture, write_audio, write_video
from vision.infer.store import find


def vision(*args: str | Path, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``vision`` with these arguments."""
    return subprocess.run(
        [sys.executable, "-m", "vision", *map(str, args)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C.UTF-8", **env},
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What went wrong: exactly one line on stderr, no traceback."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    out = tmp_path_factory.mktemp("run") / "out"
    return vision("run", demo_clip(), "-o", out), out


def test_run_succeeds_and_sums_up(result: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, out = result
    assert done.returncode == 0, done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("vehicles ")
    assert f"frames {N_FRAMES}" in last
    assert str(out) in last


def test_run_writes_everything_and_says_complete(result: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, out = result
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["complete"] is True
    assert run["schema"] == "vision.run/1"
    assert run["sources"][0]["frames"]["decoded"] == run["summary"]["frames"] == N_FRAMES
    assert {m["name"] for m in run["models"]} >= {"vehicle_detector", "plate_detector", "plate_reader"}
    assert all(len(m["sha256"]) == 64 for m in run["models"])
    assert not list(out.rglob("*.part"))


def test_events_are_right_and_point_to_their_pictures(result: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, out = result
    events = [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    plates = [e["plate"]["text"] for e in events if e["plate"]]
    assert plates.count("京A12345") == 1
    assert len(plates) == len(set(plates))
    assert len({e["id"] for e in events}) == len(events)
    for event in events:
        assert event["schema"] == "vision.sighting/1"
        assert (event["plate"] is None) != (event["reason"] is None)
        assert 0 <= event["first_s"] <= event["last_s"] <= N_FRAMES / 25
        for name in event["evidence"]["images"].values():
            assert (out / name).stat().st_size > 500
    one = next(e for e in events if e["plate"] and e["plate"]["text"] == "京A12345")
    assert one["plate"]["color"] == "blue"
    assert one["vehicle"]["type"]
    assert set(one["evidence"]["images"]) == {"scene", "vehicle", "plate"}


def test_csv_opens_in_a_spreadsheet(result: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, out = result
    data = (out / "events.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(data.decode("utf-8-sig").splitlines()))
    events = (out / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert [r["id"] for r in rows] == [json.loads(e)["id"] for e in events]


def test_tracks_are_motchallenge(result: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, out = result
    rows = [line.split(",") for line in (out / "tracks.csv").read_text().splitlines()]
    assert rows
    assert all(len(r) == 10 for r in rows)
    assert all(1 <= int(r[0]) <= N_FRAMES and int(r[1]) > 0 and float(r[4]) > 0 for r in rows)


def test_annotated_video_is_whole_and_plays_in_a_browser(result: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, out = result
    with av.open(str(out / "annotated.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sum(1 for _ in container.decode(video=0)) == N_FRAMES


def test_two_runs_give_the_same_events(tmp_path: Path, result: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done = vision("run", demo_clip(), "-o", tmp_path / "again", "--no-annotate", "--json")
    assert done.returncode == 0
    summary = json.loads(done.stdout)
    assert summary["frames"] == N_FRAMES
    assert not (tmp_path / "again" / "annotated.mp4").exists()
    assert (tmp_path / "again" / "events.jsonl").read_bytes() == (result[1] / "events.jsonl").read_bytes()


def test_part_of_a_video(tmp_path: Path) -> None:
    part = ("--start", "0:01", "--duration", "1", "--fps", "5")
    done = vision("run", demo_clip(), "-o", tmp_path / "o", *part, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["frames"] == 5


def test_several_sources_one_bad(tmp_path: Path) -> None:
    empty_road = write_video(tmp_path / "road.mp4", [picture(320, 180)] * 5)
    done = vision("run", empty_road, tmp_path / "nope.mp4", empty_road, "-o", tmp_path / "o")
    assert done.returncode == 3
    assert "nope.mp4" in one_line(done)
    assert (tmp_path / "o" / "road" / "annotated.mp4").exists()
    assert (tmp_path / "o" / "road-2" / "annotated.mp4").exists()
    assert json.loads((tmp_path / "o" / "run.json").read_text())["complete"] is False


def test_video_without_vehicles_is_fine(tmp_path: Path) -> None:
    done = vision("run", write_video(tmp_path / "sky.mp4", [picture(322, 182)] * 10), "-o", tmp_path / "o")
    assert done.returncode == 0
    assert done.stdout.startswith("vehicles 0  read 0 (-)  frames 10")
    assert (tmp_path / "o" / "events.jsonl").read_bytes() == b""


def test_bad_sources_give_one_line_and_leave_nothing(tmp_path: Path) -> None:
    text, empty, audio = tmp_path / "text.mp4", tmp_path / "empty.mp4", write_audio(tmp_path / "sound.m4a")
    text.write_text("hello\n" * 100)
    empty.touch()
    half = tmp_path / "half.mp4"
    whole = write_video(tmp_path / "whole.mp4", [picture(64, 48)] * 30).read_bytes()
    half.write_bytes(whole[: len(whole) // 2])
    for source in (tmp_path / "missing.mp4", text, empty, audio, half, tmp_path):
        done = vision("run", source, "-o", tmp_path / "o")
        assert done.returncode == 3, source
        assert str(source) in one_line(done)
        assert not (tmp_path / "o").exists()


def test_truncated_video_keeps_what_it_gave(tmp_path: Path) -> None:
    data = demo_clip().read_bytes()  # its index comes first, so that half of the file can be decoded
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 2 // 3])
    done = vision("run", cut, "-o", tmp_path / "o")
    assert done.returncode == 3
    error, *reasons = done.stderr.splitlines()  # a plate seen in what there is may be unread for a reason
    assert f"expected {N_FRAMES} frames, got" in error
    assert len(reasons) <= 1
    assert "Traceback" not in done.stderr
    run = json.loads((tmp_path / "o" / "run.json").read_text())
    assert run["complete"] is False
    with av.open(str(tmp_path / "o" / "annotated.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 10


def test_usage_errors(tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text("[detect]\nvehicle_sid = 640\nplate_side = 100\n[nonsense]\n")
    done = vision("run", demo_clip(), "-o", tmp_path / "o", "--config", config)
    assert done.returncode == 2
    line = one_line(done)
    assert "detect.vehicle_sid: unknown key" in line
    assert "detect.plate_side" in line
    assert "nonsense: unknown key" in line
    (tmp_path / "there").mkdir()
    done = vision("run", demo_clip(), "-o", tmp_path / "there")
    assert done.returncode == 2
    assert "exists" in one_line(done)
    bad = (("--fps", "0"), ("--fps", "nan"), ("--start", "soon"), ("--duration", "1:99"), ("--duration", "0"))
    for option, value in bad:
        done = vision("run", demo_clip(), "-o", tmp_path / "o", option, value)
        assert done.returncode == 2, (option, value)
        assert option in one_line(done)
    assert vision("run").returncode == 2
    assert vision("nonsense").returncode == 2
    assert not (tmp_path / "o").exists()


def test_corrupted_model_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "plate_reader"
    shutil.copytree(find("plate_reader").path.parent, folder)
    toml = folder / "model.toml"
    toml.write_text(toml.read_text("utf-8").split("\n[variants")[0], "utf-8")
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)
    config = tmp_path / "site.toml"
    config.write_text(f'[models]\nplate_reader = "{folder}"\n')
    done = vision("run", demo_clip(), "-o", tmp_path / "o", "--config", config)
    assert done.returncode == 4
    assert "SHA-256" in one_line(done)
    # A manifest that was made to match does not make it a model.
    (folder / "model.onnx").write_bytes(b"not onnx")
    manifest = (folder / "model.toml").read_text(encoding="utf-8")
    old = next(line for line in manifest.splitlines() if line.startswith("sha256"))
    new = f'sha256 = "{hashlib.sha256(b"not onnx").hexdigest()}"'
    (folder / "model.toml").write_text(manifest.replace(old, new), encoding="utf-8")
    done = vision("run", demo_clip(), "-o", tmp_path / "o", "--config", config)
    assert done.returncode == 4
    assert "onnxruntime cannot load it" in one_line(done)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_keeps_valid_results(tmp_path: Path, sent: signal.Signals) -> None:
    out = tmp_path / "o"
    process = subprocess.Popen(
        [sys.executable, "-m", "vision", "run", *[str(demo_clip())] * 40, "-o", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where tests run in the background
    )
    deadline = time.monotonic() + 120
    tracks = out / "clip" / "tracks.csv"
    while time.monotonic() < deadline and not (tracks.exists() and tracks.stat().st_size > 500):
        time.sleep(0.05)
    process.send_signal(sent)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stdout.startswith("vehicles ")
    assert "Traceback" not in stderr
    run = json.loads((out / "run.json").read_text())
    assert run["complete"] is False
    assert run["summary"]["interrupted"] is True
    for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line)
    with av.open(str(out / "clip" / "annotated.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_disk_full_is_one_line(tmp_path: Path) -> None:
    # A file size limit makes the kernel refuse writes as a full disk does.
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "from vision.cli import main; main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", str(demo_clip()), "-o", str(tmp_path / "o")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5, done.stderr
    assert "cannot write" in one_line(done)
    assert json.loads((tmp_path / "o" / "run.json").read_text())["complete"] is False
    assert not (tmp_path / "o" / "annotated.mp4").exists()
    for line in (tmp_path / "o" / "events.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line)


def test_errors_are_chinese_in_a_chinese_locale(tmp_path: Path) -> None:
    done = vision("run", tmp_path / "没有.mp4", LC_ALL="zh_CN.UTF-8", PYTHONUTF8="1")
    assert done.returncode == 3
    assert one_line(done) == f"错误:找不到文件 {tmp_path / '没有.mp4'}"


def test_default_folder_is_numbered(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "road.mp4", [picture(64, 48)] * 3)
    for n in (1, 2):
        assert vision("run", clip, "--no-annotate", cwd=tmp_path).returncode == 0
        assert (tmp_path / "runs" / f"road-{n:03d}" / "run.json").exists()


def test_a_decoder_device_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text('[decode]\ndevice = "abacus"\n', encoding="utf-8")
    done = vision("run", demo_clip(), "-o", tmp_path / "out", "--config", config)
    assert done.returncode == 2
    assert "decode.device: expected one of cpu" in one_line(done)
    assert not (tmp_path / "out").exists()
