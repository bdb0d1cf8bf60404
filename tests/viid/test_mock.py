"""The platform to test against: its page in a browser, its controls, its log; nothing that came in becomes markup."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.viid.samples import delivery, jpeg, sink
from vision.errors import ConfigError, OutputError, SinkError
from vision.viid.dialects import DIALECTS
from vision.viid.mock import FAULTS, Mock
from vision.viid.profile import PROFILES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium (apt package chromium)")


@pytest.fixture
def mock() -> Iterator[Mock]:
    one = Mock()
    yield one
    one.close()


def fill(mock: Mock) -> None:
    one = sink(mock.url)
    one.send([delivery(1), delivery(2), delivery(1, "yard", roles=("plate",))])
    one.close()


def browser(tmp_path: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000", *arguments],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


@chromium
@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["VIID test platform", "vehicles", "02 small vehicle", "5 blue", "K33", "north to south"]),
        ("zh", ["视图库测试平台", "车辆", "02 小型汽车号牌", "5 蓝", "K33 小型轿车", "北向南"]),
    ],
)
def test_page_in_a_browser(mock: Mock, tmp_path: Path, lang: str, words: list[str]) -> None:
    fill(mock)
    page = browser(tmp_path, "--dump-dom", f"{mock.url}/?lang={lang}")
    for word in words:
        assert word in page
    assert page.count("<article") == 3
    assert page.count("京A12345") >= 3
    assert page.count("<img ") == 7


@chromium
def test_pictures_are_shown(mock: Mock, tmp_path: Path) -> None:
    import cv2

    fill(mock)
    browser(tmp_path, f"--screenshot={tmp_path / 'page.png'}", "--window-size=1100,1400", f"{mock.url}/?lang=en")
    shot = cv2.imread(str(tmp_path / "page.png"))
    assert shot is not None
    saturation = cv2.cvtColor(shot, cv2.COLOR_BGR2HSV)[..., 1]
    assert (saturation > 100).mean() > 0.02  # the sample pictures are colorful, the page itself is not


def test_pictures_come_as_they_were_sent(mock: Mock) -> None:
    fill(mock)
    id_ = next(iter(mock.arrivals.latest))
    for kind, role in (("01", "scene"), ("09", "vehicle"), ("02", "plate")):
        answer = httpx.get(f"{mock.url}/mock/picture?id={id_}&type={kind}")
        assert answer.content == jpeg(role)
        assert answer.headers["content-type"] == "image/jpeg"
    assert httpx.get(f"{mock.url}/mock/picture?id={id_}&type=77").status_code == 404
    assert httpx.get(f"{mock.url}/elsewhere").status_code == 404


def test_nothing_that_came_in_becomes_markup(mock: Mock) -> None:
    one = sink(mock.url, profile={"extra": {"<script>alert(1)</script>": "<img src=x onerror=alert(2)>"}})
    seen = delivery(1)
    seen.event["data"]["plate"]["text"] = '"><b>x'
    one.send([seen])
    one.close()
    answer = httpx.get(mock.url)
    assert "<script>" not in answer.text
    assert "<img src=x" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_controls(mock: Mock) -> None:
    assert (
        httpx.post(f"{mock.url}/mock/set", data={"dialect": "string-codes", "lang": "zh"}).headers["location"]
        == "/?lang=zh"
    )
    assert httpx.post(f"{mock.url}/mock/set", data={"fault": "busy", "count": "3"}).status_code == 303
    state = httpx.get(f"{mock.url}/mock/state").json()
    assert (state["dialect"], state["profile"], state["faults"]) == ("string-codes", "strings", ["busy"] * 3)
    for wrong in ({"dialect": "klingon"}, {"fault": "flood"}, {"fault": "busy", "count": "x"}):
        assert httpx.post(f"{mock.url}/mock/set", data=wrong).status_code == 400
    fill_one = sink(mock.url, profile="strings")
    mock.faults.clear()
    fill_one.send([delivery(1)])
    fill_one.close()
    assert httpx.post(f"{mock.url}/mock/set", data={"clear": "1"}).status_code == 303
    assert httpx.get(f"{mock.url}/mock/state").json()["vehicles"] == 0


def test_log_knows_doubles_after_a_restart(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    first = Mock(log=log)
    fill(first)
    first.close()
    with log.open("a") as file:
        file.write('{"id": "cut o')
    second = Mock(log=log)
    try:
        fill(second)
        assert second.arrivals.counts() == {"vehicles": 3, "repeats": 3}
    finally:
        second.close()
    lines = log.read_text().splitlines()
    assert lines.pop(3) == '{"id": "cut o'
    assert [json.loads(line)["again"] for line in lines] == [False] * 3 + [True] * 3
    with pytest.raises(OutputError):
        Mock(log=tmp_path)


def test_wrong_arguments(mock: Mock) -> None:
    with pytest.raises(ConfigError, match="dialect: expected one of"):
        Mock(dialect="klingon")
    with pytest.raises(ConfigError, match="fault: expected one of"):
        mock.fail("flood")
    with pytest.raises(SinkError, match="cannot listen"):
        Mock(port=int(mock.url.rpartition(":")[2]))


def test_every_dialect_and_profile_is_in_both_how_tos() -> None:
    for name in ("viid.md", "viid.zh.md"):
        text = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / name).read_text(encoding="utf-8")
        for word in (*DIALECTS, *PROFILES, *FAULTS):
            assert f"`{word}`" in text, f"{name}: {word}"


def test_requests_that_are_none(mock: Mock) -> None:
    for body in (b"", b"[]", b"null", b'{"MotorVehicleListObject": 5}', b"\xff\xfe", b"[" * 5000):
        mock.registered["x"] = 1e12
        answer = httpx.post(f"{mock.url}/VIID/MotorVehicles", content=body, headers={"User-Identify": "x"})
        assert answer.status_code == 200
        assert '"StatusCode": 8' in answer.text
    assert re.search("no list", httpx.get(mock.url).text)
