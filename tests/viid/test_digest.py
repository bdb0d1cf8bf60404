"""Digest: our client against Apache's mod_auth_digest, our platform's against httpx, and the example of the RFC."""

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
        lines = server.lines()
    assert [(status, path) for status, path, _ in lines] == [
        (401, REGISTER), (200, REGISTER), (200, KEEPALIVE), (200, KEEPALIVE),
    ]  # fmt: skip
    assert [f"nc={n:08x}" in header for n, (_, _, header) in enumerate(lines)] == [False, True, True, True]


@apache
def test_apache_stale_nonce(behind: Mock) -> None:
    with Apache(behind.url, {OWN: "secret"}, nonce_s=1) as server:
        client = Client(server.url, OWN, "secret")
        assert client.register().state == "ok"
        time.sleep(2.2)
        assert client.keepalive().state == "ok"
        client.close()
        lines = server.lines()
    assert [(status, path) for status, path, _ in lines[2:]] == [(401, KEEPALIVE), (200, KEEPALIVE)]
    assert "nc=00000002" in lines[2][2]  # the old nonce was tried first


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
        assert len(server.lines()) == 4  # two each for client and sink; then the sink waits for its moment
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


def test_stale_nonce_of_ours() -> None:
    mock = Mock(nonce_s=0.2)
    client = Client(mock.url, OWN, "vision")
    try:
        assert client.register().state == "ok"
        time.sleep(0.3)
        assert client.register().state == "ok"
    finally:
        client.close()
        mock.close()


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
