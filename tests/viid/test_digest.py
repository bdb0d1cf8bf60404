"""Digest: our client against Apache's mod_auth_digest, our platform's against httpx, and the example of the RFC."""

import re
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.servers.apache import HAS_APACHE, Apache
from tests.viid.samples import OWN, delivery, sink
from vision.errors import SinkError
from vision.viid.client import KEEPALIVE, REGISTER, Client
from vision.viid.digest import Digest
from vision.viid.mock import Mock

apache = pytest.mark.skipif(not HAS_APACHE, reason="no Apache with mod_auth_digest (apt package apache2)")


@pytest.fixture
def mock() -> Iterator[Mock]:
    one = Mock(nonce_s=3600)
    yield one
    one.close()


class Open(Mock):
    """Behind Apache: what came through is logged in."""

    def register(self, request: object, value: object) -> object:  # type: ignore[override]
        self.registered[OWN] = time.monotonic()
        return self.reply(REGISTER, [(OWN, 0, "OK")])


@pytest.fixture
def behind() -> Iterator[Mock]:
    one = Open()
    yield one
    one.close()


@apache
def test_apache_register_and_reuse_of_the_nonce(behind: Mock) -> None:
    with Apache(behind.url, {OWN: "secret"}) as server:
        client = Client(server.url, OWN, "secret")
        assert client.register().state == "ok"
        assert [client.keepalive().state for _ in range(2)] == ["ok", "ok"]
        client.close()
        lines = server.lines(4)
    assert [(status, path) for status, path, _, _ in lines] == [
        (401, REGISTER), (200, REGISTER), (200, KEEPALIVE), (200, KEEPALIVE),
    ]  # fmt: skip
    assert [f"nc={n:08x}" in asked for n, (_, _, asked, _) in enumerate(lines)] == [False, True, True, True]
    assert len({nonce_in(asked) for _, _, asked, _ in lines[1:]}) == 1


@apache
def test_apache_stale_nonce(behind: Mock) -> None:
    with Apache(behind.url, {OWN: "secret"}, nonce_s=2) as server:
        client = Client(server.url, OWN, "secret")
        assert client.register().state == "ok"
        first, end_s = nonce_in(server.lines(2)[1][2]), time.monotonic() + 30
        while not (stale := [said for _, _, _, said in server.lines(2) if "stale=true" in said]):
            assert time.monotonic() < end_s, "the nonce does not grow old"
            time.sleep(0.5)
            assert client.keepalive().state == "ok"  # also the one that meets the old nonce
        client.close()
        lines = server.lines(4)
    refused = next(i for i, line in enumerate(lines) if line[3] == stale[0])
    assert (lines[refused][0], nonce_in(lines[refused][2])) == (401, first)  # the old nonce was tried first
    assert lines[refused + 1][0] == 200
    assert nonce_in(lines[refused + 1][2]) == nonce_in(stale[0]) != first


def nonce_in(header: str) -> str:
    """The nonce that a header names."""
    match = re.search(r'nonce="([^"]+)"', header)
    assert match, header
    return match[1]


@apache
def test_apache_wrong_password(behind: Mock) -> None:
    with Apache(behind.url, {OWN: "secret"}) as server:
        client = Client(server.url, OWN, "wrong")
        assert client.register().state == "unregistered"
        client.close()
        one = sink(server.url, password="wrong", register_wait_s=3600.0)
        for _ in range(3):
            with pytest.raises(SinkError, match="registration refused") as caught:
                one.send([delivery()])
            assert caught.value.wait_s is not None
        one.close()
        lines = server.lines(5)  # two each for client and sink; then the sink waits for its moment
    assert [status for status, _, _, _ in lines] == [401] * 4
    assert ["username" in asked for _, _, asked, _ in lines] == [False, True] * 2
    assert behind.arrivals.counts()["vehicles"] == 0


@apache
def test_apache_vehicles_go_through(behind: Mock) -> None:
    with Apache(behind.url, {"account": "秘密"}) as server:
        one = sink(server.url, user="account", password="秘密")
        answers = one.send([delivery(n) for n in range(1, 4)])
        one.close()
    assert [a.state for a in answers] == ["delivered"] * 3
    assert behind.arrivals.counts() == {"vehicles": 3, "repeats": 0}


def test_example_of_the_rfc() -> None:
    digest = Digest({"Mufasa": "Circle Of Life"}, realm="testrealm@host.com")
    got = {
        "username": "Mufasa", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093", "uri": "/dir/index.html", "qop": "auth",
        "nc": "00000001", "cnonce": "0a4f113b",
    }  # fmt: skip
    assert digest.response("GET", got, "Circle Of Life") == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize("has_qop", [True, False])
@pytest.mark.parametrize("is_single_use", [True, False])
def test_our_digest_takes_httpx(mock: Mock, has_qop: bool, is_single_use: bool) -> None:
    mock.digest = Digest({OWN: "vision"}, has_qop=has_qop, is_single_use=is_single_use)
    client = Client(mock.url, OWN, "vision")
    assert [client.register().state for _ in range(3)] == ["ok"] * 3
    client.close()
    wrong = Client(mock.url, OWN, "other")
    assert wrong.register().state == "unregistered"
    wrong.close()


def test_our_digest_refuses_replays_and_old_nonces(mock: Mock) -> None:
    client = Client(mock.url, OWN, "vision")
    seen: list[str] = []
    client._http.event_hooks["request"] = [lambda r: seen.append(r.headers.get("Authorization", ""))]
    assert client.register().state == "ok"
    client.close()
    used = mock.digest.login("POST", REGISTER, seen[-1])
    assert used == ("stale", OWN)  # the same count again
    assert mock.digest.login("POST", KEEPALIVE, seen[-1])[0] == "wrong"  # another address
    assert mock.digest.login("POST", REGISTER, None)[0] == "none"
    assert mock.digest.login("POST", REGISTER, "Digest nonsense")[0] == "wrong"


def test_stale_nonce_of_ours(mock: Mock) -> None:
    client = Client(mock.url, OWN, "vision")
    heard: list[tuple[int, bool]] = []
    client._http.event_hooks["response"] = [
        lambda r: heard.append((r.status_code, "stale=true" in r.headers.get("WWW-Authenticate", "")))
    ]
    assert client.register().state == "ok"
    for nonce, (made_s, count) in mock.digest._nonces.items():
        mock.digest._nonces[nonce] = made_s - 3601, count
    assert client.register().state == "ok"
    client.close()
    assert heard == [(401, False), (200, False), (401, True), (200, False)]


@pytest.mark.parametrize(
    "header",
    ['Digest realm="x", nonce="y", algorithm=', 'Digest realm="x", nonce="y", algorithm=SHA-1024', 'Digest realm="x"'],
)
def test_a_challenge_that_cannot_be_met_is_said(header: str) -> None:
    def serve(_: httpx.Request) -> httpx.Response:
        return httpx.Response(401, headers={"WWW-Authenticate": header})

    client = Client("http://platform", OWN, "x", transport=httpx.MockTransport(serve))
    with pytest.raises(SinkError, match="http://platform"):
        client.register()
    client.close()
