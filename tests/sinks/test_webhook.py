"""The webhook: signed as the public library expects, and calm whatever the other side says."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from tests.events.samples import JPEG
from tests.sinks.deliveries import delivery
from tests.sinks.receiver import OK, Receiver, Request, reply
from vision.errors import ConfigError, SinkError
from vision.events.model import parse_event
from vision.sinks.protocol import Answer
from vision.sinks.webhook import WebhookSink, retry_after, webhook_sink

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 24).decode()


def sink(url: str, **more: object) -> WebhookSink:
    return webhook_sink("hook", {"url": url, "secrets": [SECRET], "timeout_s": 2, **more})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


def test_the_standardwebhooks_library_verifies_every_request(receiver: Receiver) -> None:
    hook = sink(receiver.url, secrets=[OTHER, SECRET])
    sent = [delivery(n) for n in range(1, 6)]
    assert [a.state for a in hook.send(sent)] == ["delivered"] * 5
    hook.close()
    for request, one in zip(receiver.requests, sent, strict=True):
        for secret in (SECRET, OTHER):
            assert Webhook(secret).verify(request.body, request.headers) == json.loads(one.body)
        assert request.headers["webhook-id"] == one.key
        assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
        assert request.body == one.body
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify(receiver.requests[0].body + b" ", receiver.requests[0].headers)


def test_pictures_are_put_in_where_the_receiver_wants_them(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    hook = sink(receiver.url, inline=True)
    hook.send([delivery(1), delivery(2, is_gone=True)])
    hook.close()
    here, gone = (json.loads(r.body)["data"]["pictures"][0] for r in receiver.requests)
    assert base64.b64decode(here["data_base64"]) == JPEG
    assert gone["data_base64"] is None
    assert f"{delivery(2).key} goes without its {gone['role']} picture" in caplog.text
    parse_event(receiver.requests[0].body)


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "delivered"), (202, "delivered"), (400, "refused"), (413, "refused"), (422, "refused"), (500, "retry")],
)
def test_what_a_status_means_for_one_event(receiver: Receiver, status: int, state: str) -> None:
    receiver.answer = lambda _: reply(status, body=b"because")
    hook = sink(receiver.url)
    answer = hook.send([delivery()])[0]
    hook.close()
    assert answer.state == state
    assert str(status) in answer.detail
    assert state == "delivered" or "because" in answer.detail


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404, 429, 503])
def test_what_no_event_can_help_is_an_outage(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda _: reply(status, f"Location: {receiver.url}/other", "Retry-After: 7")
    hook = sink(receiver.url)
    with pytest.raises(SinkError, match=str(status)) as caught:
        hook.send([delivery(1), delivery(2)])
    hook.close()
    assert caught.value.wait_s == 7
    assert len(receiver.requests) == 1  # no redirect was followed, the second not tried


def test_gone_ends_it(receiver: Receiver) -> None:
    receiver.answer = lambda _: reply(410)
    hook = sink(receiver.url)
    answers = [*hook.send([delivery(1), delivery(2)]), *hook.send([delivery(3)])]
    hook.close()
    assert [a.state for a in answers] == ["refused"] * 3
    assert len(receiver.requests) == 1


def test_a_camera_that_has_to_wait_stays_in_order(receiver: Receiver) -> None:
    receiver.answer = lambda r: reply(500, "Retry-After: 3") if b'"gate"' in r.body else OK
    hook = sink(receiver.url)
    answers = hook.send([delivery(1), delivery(2, "yard"), delivery(3), delivery(4, "yard")])
    hook.close()
    assert [a.state for a in answers] == ["retry", "delivered", "retry", "delivered"]
    assert [answers[0].wait_s, answers[2].wait_s] == [3, 3]
    assert len(receiver.requests) == 3


def test_nobody_there_is_an_outage(receiver: Receiver) -> None:
    receiver.close()
    hook = sink(receiver.url)
    with pytest.raises(SinkError, match="no connection"):
        hook.send([delivery()])
    hook.close()


def test_a_connection_that_breaks_after_some_keeps_what_was_delivered(receiver: Receiver) -> None:
    receiver.answer = lambda r: OK if len(receiver.requests) < 3 else reply(503)
    hook = sink(receiver.url)
    assert [a.state for a in hook.send([delivery(n) for n in range(1, 6)])] == ["delivered", "delivered"]
    hook.close()


def test_no_answer_in_time_is_a_retry(receiver: Receiver) -> None:
    is_over = threading.Event()

    def slow(request: Request) -> bytes:
        is_over.wait(60)
        return OK

    receiver.answer = slow
    hook = sink(receiver.url, timeout_s=0.2)
    answer = hook.send([delivery()])[0]
    is_over.set()
    hook.close()
    assert (answer.state, answer.detail.partition(":")[0]) == ("retry", "ReadTimeout")


raw_answers = st.one_of(
    st.none(),
    st.binary(max_size=200),
    st.builds(
        lambda status, name, value, body: f"HTTP/1.1 {status} {value}\r\n{name}: {value}\r\n\r\n".encode() + body,
        st.integers(-1, 1200),
        st.sampled_from(["Content-Length", "Transfer-Encoding", "Content-Encoding", "Retry-After", "Location", "X"]),
        st.one_of(st.text(max_size=20), st.sampled_from(["gzip", "chunked", "-1", "99999999999999999999", "br"])),
        st.binary(max_size=100),
    ),
)


YES = re.compile(rb"HTTP/1\.[01] +2\d\d\b")


@given(st.lists(raw_answers, min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_whatever_comes_back_every_event_has_an_answer_or_is_tried_again(raw: list[bytes | None]) -> None:
    with Receiver(lambda _: raw[(len(one.requests) - 1) % len(raw)]) as one:
        hook = sink(one.url, timeout_s=0.3)
        left = [delivery(n) for n in range(1, 4)]
        try:
            answers = hook.send(left)
        except SinkError:
            answers = []
        hook.close()
    assert len(answers) <= 3
    said = [raw[i % len(raw)] or b"" for i in range(len(one.requests))]
    assert sum(a.state == "delivered" for a in answers) <= sum(bool(YES.match(s)) for s in said)
    for answer in answers:
        assert isinstance(answer, Answer)
        assert answer.state in ("delivered", "retry", "refused")
        assert answer.wait_s is None or 0 <= answer.wait_s <= 86_400


@given(st.text(max_size=40))
def test_a_strange_retry_after_says_nothing_or_a_bounded_time(text: str) -> None:
    found = retry_after(text, 0.0)
    assert found is None or 0 <= found <= 86_400


def test_retry_after_in_both_forms() -> None:
    assert retry_after("120", 0) == 120
    assert retry_after(formatdate(1_700_000_060, usegmt=True), 1_700_000_000) == 60
    assert retry_after(formatdate(1_600_000_000, usegmt=True), 1_700_000_000) == 0
    assert retry_after("9" * 400, 0) == 86_400
    assert retry_after("", 0) is retry_after("soon", 0) is retry_after("-5", 0) is None


@pytest.mark.parametrize(
    ("settings_", "said"),
    [
        ({"url": "https://a/", "secrets": ["whsec_short"]}, "secrets: expected whsec_ and base64 of 24 to 64 bytes"),
        ({"url": "http://example.org/", "secrets": [SECRET]}, "url: expected https://, got http://"),
        ({"url": "ftp://a/", "secrets": [SECRET]}, "url: expected https://HOST/..."),
        ({"url": "https://a/"}, "secrets: expected a value, got none"),
        ({"url": "https://a/", "secrets": "hunter2"}, "secrets"),
        ({"url": "https://a/", "secrets": [SECRET], "urll": 1}, "urll: unknown key, expected one of url, secrets"),
        ({"url": "https://a/", "secrets": [SECRET], "headers": {"x": "a\nb"}}, "headers: expected printable ASCII"),
        (
            {"url": "https://a/", "secrets": [SECRET], "ca_file": "/no"},
            "sink 'hook': cannot read the certificates of /no",
        ),
    ],
)
def test_wrong_settings_are_one_line_without_a_secret(settings_: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        webhook_sink("hook", settings_)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not any(word in str(caught.value) for word in ("hunter2", "short", SECRET))
