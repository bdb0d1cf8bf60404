"""The walk through a platform: what it finds, in both languages, with exit codes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.servers.apache import HAS_APACHE, Apache
from tests.viid.samples import OWN, YARD
from vision.cli import main
from vision.cli.viid_words import MARKS, SENTENCES, sentence
from vision.viid.check import Finding, walk
from vision.viid.client import Client
from vision.viid.dialects import DIALECTS
from vision.viid.mock import Mock
from vision.viid.profile import profile_of
from vision.viid.times import zone_of


@pytest.fixture
def mock() -> Iterator[Mock]:
    one = Mock()
    yield one
    one.close()


def walked(mock: Mock, password: str = "vision", *, send: bool = True) -> dict[str, Finding]:
    client = Client(mock.url, OWN, password, profile=profile_of(mock.dialect.profile, {}))
    try:
        return {f.name: f for f in walk(client, zone_of("+08:00"), send_vehicle=send)}
    finally:
        client.close()


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_can_be_used(name: str) -> None:
    mock = Mock(dialect=name)
    try:
        found = walked(mock)
    finally:
        mock.close()
    assert not [f for f in found.values() if f.mark == "off"]
    assert {"registered", "time", "keepalive", "vehicle", "repeat", "unregister", "stranger"} <= set(found)
    notes = {
        "string-codes": {"string_codes", "no_ids"}, "lower-case": {"lower_case", "digest_old"},
        "response-status": {"root", "single"}, "single": {"single"}, "one-for-all": {"string_codes", "no_ids"},
    }  # fmt: skip
    assert {n for n, f in found.items() if f.mark == "note"} == notes.get(name, set())
    assert mock.registered == {}


def test_what_can_be_off(mock: Mock) -> None:
    assert walked(mock, "wrong")["wrong_password"].mark == "off"
    mock.devices = frozenset({YARD})
    mock.speak("not-found-zero")
    assert walked(mock)["unknown_device"].mark == "off"
    assert "wrong_password" in walked(mock, "wrong")
    mock.devices = frozenset()
    mock.speak("standard")
    mock.clock_s = 90
    assert walked(mock)["time"].mark == "note"
    mock.fail("invalid")
    assert walked(mock)["vehicle_refused"].mark == "off"
    assert "vehicle" not in walked(mock, send=False)
    mock.fail("lost")
    assert walked(mock)["broke_off"].mark == "off"
    mock.close()
    assert list(walked(mock)) == ["unreachable"]


@pytest.mark.skipif(not HAS_APACHE, reason="no Apache with mod_auth_digest (apt package apache2)")
def test_behind_apache(mock: Mock) -> None:
    mock.register = lambda *_: mock.reply("/VIID/System/Register", [(OWN, 0, "OK")])  # type: ignore[method-assign]
    with Apache(mock.url, {OWN: "vision"}) as server:
        client = Client(server.url, OWN, "vision")
        found = [f.name for f in walk(client, zone_of("+08:00"), send_vehicle=False)]
        client.close()
    assert found[:2] == ["digest", "registered"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["viid", *arguments])
    done = capsys.readouterr()
    return int(caught.value.code or 0), done.out, done.err


def test_command(mock: Mock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIID_PASSWORD", "vision")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    code, out, _ = run(capsys, "check", mock.url, "--device", OWN, "--send-vehicle")
    assert code == 0
    assert out.splitlines()[-1] == "this platform can be used"
    assert "[ok] registered as" in out
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    code, out, _ = run(capsys, "check", mock.url, "--device", OWN)
    assert code == 0
    assert out.splitlines()[-1] == "此平台可以对接"
    monkeypatch.setenv("VIID_PASSWORD", "other")
    code, out, _ = run(capsys, "check", mock.url, "--device", OWN, "--json")
    report = json.loads(out)
    assert code == 1
    assert report["schema"] == "vision.viid-check/1"
    assert report["is_good"] is False
    assert report["findings"][-1]["name"] == "wrong_password"
    assert "other" not in out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["check", "http://x", "--device", "12"], "--device: expected 20 digits"),
        (["check", "ftp://x", "--device", OWN], "expected http"),
        (["check", "http://x", "--device", OWN, "--profile", "x"], "profile: expected one of"),
        (["check", "http://x", "--device", OWN, "--zone", "x"], "zone"),
        (["mock", "--listen", "x"], "--listen: expected HOST:PORT"),
        (["mock", "--listen", "0.0.0.0:0"], "--open-to-network"),
        (["mock", "--dialect", "x", "--listen", "127.0.0.1:0"], "dialect: expected one of"),
        (["mock", "--fault", "x", "--listen", "127.0.0.1:0"], "fault: expected one of"),
        (["mock", "--fault", "busy=x", "--listen", "127.0.0.1:0"], "--fault: expected NAME"),
        (["mock", "--device", "1", "--listen", "127.0.0.1:0"], "--device: expected 20 digits"),
        (["mock", "--subscribe", "x:1", "--listen", "127.0.0.1:0"], "--subscribe: expected http"),
        (["check", "http://x", "--device", OWN, "--ca-file", "/no"], "--ca-file: cannot read the certificates of /no"),
    ],
)
def test_wrong_usage(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIID_PASSWORD", "x")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert text in err
    assert err.count("\n") == 1


def test_mock_as_a_command() -> None:
    command = [sys.executable, "-m", "vision", "viid", "mock", "--listen", "127.0.0.1:0", "--dialect", "single"]
    with subprocess.Popen(
        [*command, "--fault", "busy=2", "--device", OWN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where tests run in the background
    ) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        state = httpx.get(f"{url}/mock/state", timeout=20).json()
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    assert (state["dialect"], state["faults"]) == ("single", ["busy", "busy"])
    assert child.returncode == 130
    assert "Traceback" not in said


def test_no_password_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIID_PASSWORD", raising=False)
    assert "VIID_PASSWORD" not in os.environ
    code, _, err = run(capsys, "check", "http://x", "--device", OWN)
    assert code == 2
    assert "VIID_PASSWORD" in err


@pytest.mark.parametrize("lang", ["C", "zh_CN.UTF-8"])
def test_every_finding_has_a_sentence(lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", lang)
    values = dict.fromkeys(("why", "http", "header", "device", "detail", "type", "form"), "x")
    for name in SENTENCES:
        for mark in MARKS:
            text = sentence(Finding(name, mark, {**values, "seconds": 1.0, "error": 0.5}))  # type: ignore[arg-type]
            assert "{" not in text
