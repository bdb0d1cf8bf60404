"""`vision serve` and `vision key` as a user runs them, and the whole way from a camera to an answer."""

import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.archive.samples import filled, seen
from tests.cli.test_live import running, until
from tests.clip import demo_clip
from tests.sinks.certificates import make_certificates
from vision.archive.database import NAME
from vision.outbox.outbox import Outbox
from vision.outbox.sender import Route
from vision.sinks.registry import make_sink

SITE = """\
name = "north gate"
purpose = "traffic statistics"

[[camera]]
id = "gate"
url = "loop:{clip}"
queue = 256
quiet_s = 1
early = true

[[sink]]
type = "archive"
folder = "{archive}"
"""


def vision(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vision", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def new_key(folder: Path, scope: str) -> dict[str, str]:
    done = vision("key", "add", folder, f"key.{scope}", "--scope", scope)
    assert done.returncode == 0, done.stderr
    return {"Authorization": f"Bearer {done.stdout.strip()}"}


@contextmanager
def serving(folder: Path, *options: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address."""
    command = [sys.executable, "-m", "vision", "serve", str(folder), "--listen", "127.0.0.1:0", *map(str, options)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url, process.communicate()[1]
        yield process, url
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    filled(folder, [seen(n) for n in range(1, 4)]).close()
    return folder


def test_from_a_camera_to_an_answer(tmp_path: Path) -> None:
    """Video -> site -> outbox -> archive, then two keys ask another process; the numbers are those of the site."""
    archive, out = tmp_path / "archive", tmp_path / "out"
    site = tmp_path / "site.toml"
    site.write_text(SITE.format(clip=demo_clip(), archive=archive), encoding="utf-8")
    with running(site, out) as (process, monitor):
        until(monitor, lambda cameras: cameras["gate"]["counts"]["vehicles"] >= 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    sink = make_sink("archive", "archive", {"folder": str(archive)})  # as the next start would do it
    with Outbox(out / "outbox", [Route("archive", sink)]) as outbox:
        assert outbox.drain(60)
    records = [json.loads(line) for line in (out / "events.jsonl").read_text("utf-8").splitlines()]
    finals = {one["id"]: one for one in records if one["state"] == "final"}
    assert len(finals) >= 2

    keys = {scope: new_key(archive, scope) for scope in ("status", "sightings", "plates")}
    with serving(archive) as (process, url):

        def get(path: str, scope: str) -> httpx.Response:
            answer = httpx.get(url + path, headers=keys[scope], timeout=30)
            assert answer.status_code == 200, answer.text
            return answer

        items = get("/v1/sightings", "plates").json()["items"]
        assert {one["id"] for one in items} == set(finals)
        for one in items:
            assert (one["plate"], one["reason"], one["vehicle"]) == tuple(
                finals[one["id"]][name] for name in ("plate", "reason", "vehicle")
            )
            assert one["site"]["purpose"] == "traffic statistics"
            for picture in one["pictures"]:
                content = get(f"/v1/pictures/{picture['sha256']}", "plates").content
                assert len(content) == picture["size"]
                assert content in [path.read_bytes() for path in (out / "images").rglob(f"*{picture['role']}*.jpg")]
        assert "京A12345" in {one["plate"]["text"] for one in items if one["plate"]}
        found, *_ = get("/v1/sightings?plate=%E4%BA%ACA1%3F345", "plates").json()["items"]
        assert get(f"/v1/sightings/{found['id']}", "plates").json() == found
        masked = get(f"/v1/sightings/{found['id']}", "sightings").json()
        assert masked == {**found, "plate": {**found["plate"], "text": "京A•••••", "chars": [], "candidates": []}}
        (camera,) = get("/v1/cameras", "status").json()["items"]
        assert (camera["id"], camera["state"]) == ("gate", "stopped")
        hours = get("/v1/statistics", "status").json()["items"]
        assert sum(hour["vehicles"] for hour in hours) == len(finals)
        assert sum(hour["read"] for hour in hours) == sum(one["plate"] is not None for one in finals.values())
        assert f"vision_archive_sightings {len(finals)}.0" in get("/metrics", "status").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 130
    lines = [
        json.loads(line) for path in (archive / "audit").iterdir() for line in path.read_text("utf-8").splitlines()
    ]
    assert {line["key"] for line in lines} == {"key.plates"}
    assert lines[0]["n"] == len([one for one in items if one["plate"]])
    assert "A12345" not in json.dumps(lines, ensure_ascii=False)


def test_keys_are_made_listed_and_taken_away(archive: Path) -> None:
    headers = new_key(archive, "sightings")
    assert vision("key", "add", archive, "short", "--days", "0.5").returncode == 0
    again = vision("key", "add", archive, "short")
    assert (again.returncode, again.stderr) == (2, "error: name: expected one that no other key has, got 'short'\n")
    assert "--scope: expected one of status, sightings, plates" in vision(
        "key", "add", archive, "x", "--scope", "all"
    ).stderr  # fmt: skip
    listed = json.loads(vision("key", "ls", archive, "--json").stdout)["keys"]
    assert [(key["name"], key["scope"], key["expires"] is None) for key in listed] == [
        ("key.sightings", "sightings", True), ("short", "sightings", False)
    ]  # fmt: skip
    assert vision("key", "ls", archive).stdout.startswith("key.sightings  sightings  2")
    secret = headers["Authorization"].removeprefix("Bearer ")
    assert secret not in (archive / "keys.json").read_text("utf-8")
    with serving(archive) as (process, url):
        assert httpx.get(f"{url}/v1/sightings", headers=headers, timeout=30).status_code == 200
        assert vision("key", "rm", archive, "key.sightings").returncode == 0
        assert httpx.get(f"{url}/v1/sightings", headers=headers, timeout=30).status_code == 401
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    gone = vision("key", "rm", archive, "key.sightings")
    assert (gone.returncode, gone.stderr) == (2, "error: name: expected one of short, got 'key.sightings'\n")


def test_an_address_that_others_reach_needs_tls_or_a_word(archive: Path) -> None:
    new_key(archive, "status")
    for address in ("0.0.0.0:0", "[::]:0", "vision.example:7300"):
        done = vision("serve", archive, "--listen", address)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert "--listen: expected a loopback address, or --tls-cert and --tls-key, or --plain-http" in done.stderr
    with serving(archive, "--listen", "0.0.0.0:0", "--plain-http") as (_, url):
        port = url.rpartition(":")[2]
        assert httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=30).status_code == 200


def test_tls_is_really_served(archive: Path, tmp_path: Path) -> None:
    make_certificates(tmp_path)
    headers = new_key(archive, "sightings")
    cert, key = tmp_path / "server.pem", tmp_path / "server.key"
    with serving(archive, "--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key) as (_, url):
        assert url.startswith("https://")
        place = f"127.0.0.1:{url.rpartition(':')[2]}"
        trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        with httpx.Client(verify=trusting, headers=headers, timeout=30) as client:
            assert len(client.get(f"https://{place}/v1/sightings").json()["items"]) == 3
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            httpx.get(f"https://{place}/health/live", timeout=30)
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://{place}/health/live", timeout=30)
    swapped = vision("serve", archive, "--tls-cert", key, "--tls-key", cert)
    assert swapped.returncode == 2
    assert swapped.stderr.startswith(f"error: --tls-cert: cannot use {key} and {cert}: ")
    alone = vision("serve", archive, "--tls-cert", cert)
    assert alone.stderr == "error: --tls-cert: expected together with --tls-key, got one of them\n"


def test_a_missing_library_is_one_line(archive: Path) -> None:
    code = f"import sys; sys.modules['fastapi'] = None; from vision.cli import main; main(['serve', {str(archive)!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    said = "error: vision serve: fastapi is not installed: pip install 'platevision[rest]'\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_what_is_missing_or_damaged_is_one_line(archive: Path, tmp_path: Path) -> None:
    def said(code: int, *args: object) -> str:
        done = vision("serve", *args)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
        return done.stderr

    assert "expected the folder of a sink of type archive, found no archive.db" in said(2, tmp_path)
    assert "keys.json: expected keys (made by vision key add), got: No such file or directory" in said(2, archive)
    assert "--listen: expected HOST:PORT, got '7300'" in said(2, archive, "--listen", "7300")
    new_key(archive, "status")
    (archive / "audit").write_text("in the way", encoding="utf-8")
    assert "audit: cannot write: File exists" in said(5, archive)
    content = (archive / NAME).read_bytes()
    (archive / NAME).write_bytes(content[:4096] + b"\x55" * (len(content) - 4096))
    assert "archive.db: cannot read: database disk image is malformed" in said(5, archive)
    (archive / NAME).write_bytes(b"this is no database, " * 500)
    assert "archive.db: cannot read: file is not a database" in said(5, archive)
