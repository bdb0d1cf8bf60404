"""The outbox keeps its promise: every event to every sink, at least once, in order per camera, and nothing silent."""

import hashlib
import logging
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.events.samples import JPEG, T0, final_event, match, one_of_each, sighting, site
from tests.outbox.helpers import WAIT_S, Receiver, files, fill, quick, until
from vision.errors import SinkError
from vision.events.make import match_event, picture_part, sighting_event
from vision.events.model import FINAL, MATCH
from vision.outbox.backoff import wait_s
from vision.outbox.outbox import Outbox
from vision.sinks.protocol import Answer, Delivery


def test_every_sink_gets_every_event_in_order_with_equal_bytes(tmp_path: Path) -> None:
    one, two = Receiver(), Receiver()
    with Outbox(tmp_path, [quick("one", one), quick("two", two)]) as outbox:
        keys = fill(outbox, 300, "a", "b", "c")
        until(lambda: len(one.got) == len(two.got) == 300)
        assert one.keys_of() == two.keys_of() == keys
        assert [d.body for d in one.got] == [final_event(i, "abc"[i % 3]).body() for i in range(1, 301)]
        assert [d.number for d in one.got if d.camera == "a"] == list(range(1, 101))
        until(lambda: outbox.figures()["one"]["delivered"] == 300)
        until(lambda: outbox.figures()["two"]["waiting"] == 0)
    assert one.is_closed


def test_what_was_not_delivered_is_delivered_by_the_next_one(tmp_path: Path) -> None:
    first = Receiver()
    first.gate.clear()
    outbox = Outbox(tmp_path, [quick("one", first)])
    keys = fill(outbox, 10)
    outbox.close(0.3)
    first.gate.set()
    second = Receiver()
    with Outbox(tmp_path, [quick("one", second)]) as outbox:
        more = fill(outbox, 5, first=11)
        until(lambda: len(second.got) >= 15)
        assert second.keys_of() == keys + more
        assert [d.number for d in second.got] == list(range(1, 16))


def test_a_key_that_is_known_enters_once_also_after_it_was_delivered(tmp_path: Path) -> None:
    sink = Receiver()
    for _ in range(2):
        with Outbox(tmp_path, [quick("one", sink)]) as outbox:
            fill(outbox, 3)
            fill(outbox, 3)
            assert outbox.drain(WAIT_S)
    assert len(sink.keys_of()) == 3
    assert [d.number for d in sink.got] == [1, 2, 3]


def test_a_sink_takes_only_the_types_it_wants(tmp_path: Path) -> None:
    some, every = Receiver(), Receiver()
    with Outbox(tmp_path, [quick("some", some, types=frozenset({MATCH, FINAL})), quick("every", every)]) as outbox:
        for event in one_of_each():
            outbox.put(event)
        until(lambda: len(every.got) == 5)
        until(lambda: len(some.got) == 2)
    assert [d.event["type"] for d in some.got] == [FINAL, MATCH]


def test_one_camera_waits_and_the_others_go_on(tmp_path: Path) -> None:
    is_fixed = False

    def decide(delivery: Delivery) -> Answer:
        return Answer("retry", "busy") if delivery.camera == "a" and not is_fixed else Answer("delivered")

    sink = Receiver(decide)
    with Outbox(tmp_path, [quick("one", sink, max_attempts=10**6)]) as outbox:
        keys = fill(outbox, 100, "a", "b")
        until(lambda: len(sink.got) == 50)
        assert {d.camera for d in sink.got} == {"b"}
        until(lambda: outbox.figures()["one"]["trouble"] == "busy")
        is_fixed = True
        until(lambda: len(sink.got) == 100)
        assert sink.keys_of("a") == keys[1::2]
        assert sink.keys_of("b") == keys[::2]
    assert len({d.key for d in sink.tried if d.camera == "a" and d.attempt > 1}) == 1  # only the first was tried


def test_refused_and_tried_too_often_become_dead_letters_and_can_be_put_back(tmp_path: Path) -> None:
    bad = {final_event(3).id: "refused", final_event(5).id: "retry"}

    def decide(delivery: Delivery) -> Answer:
        state = bad.get(delivery.key, "delivered")
        return Answer(state, "no good")  # type: ignore[arg-type]

    sink = Receiver(decide)
    with Outbox(tmp_path, [quick("one", sink, max_attempts=4)]) as outbox:
        keys = fill(outbox, 8)
        until(lambda: outbox.figures()["one"]["dead"] == 2)
        until(lambda: len(sink.got) == 6)
        assert sink.keys_of() == [k for k in keys if k not in bad]
        assert [d.attempt for d in sink.tried if d.key == keys[4]] == [1, 2, 3, 4]
        assert outbox.figures()["one"]["dead_total"] == 2


def test_a_platform_that_is_away_makes_no_dead_letters(tmp_path: Path) -> None:
    n_left = 50

    class Away(Receiver):
        def send(self, deliveries: Sequence[Delivery]) -> list[Answer]:
            nonlocal n_left
            if n_left:
                n_left -= 1
                raise SinkError("nobody there")
            return super().send(deliveries)

    sink = Away()
    with Outbox(tmp_path, [quick("one", sink, max_attempts=2)]) as outbox:
        keys = fill(outbox, 20)
        until(lambda: len(sink.got) == 20)
        assert sink.keys_of() == keys
        assert {d.attempt for d in sink.got} == {1}
        assert outbox.figures()["one"]["outages"] == 50
        assert outbox.figures()["one"]["dead"] == 0


def test_a_sink_that_breaks_on_one_event_loses_that_one_alone_to_the_dead_letters(tmp_path: Path) -> None:
    poison = final_event(7).id

    class Fragile(Receiver):
        def send(self, deliveries: Sequence[Delivery]) -> list[Answer]:
            if any(d.key == poison for d in deliveries):
                raise RuntimeError("a mistake")
            return super().send(deliveries)

    sink = Fragile()
    with Outbox(tmp_path, [quick("one", sink, max_attempts=3)]) as outbox:
        keys = fill(outbox, 20)
        until(lambda: len(sink.got) == 19)
        assert sink.keys_of() == [k for k in keys if k != poison]
        until(lambda: outbox.figures()["one"]["dead"] == 1)
        assert outbox.figures()["one"]["errors"] >= 3


@given(st.integers(0, 2**32), st.integers(0, 3))
@settings(max_examples=12, deadline=None)
def test_whatever_a_sink_answers_nothing_is_lost_and_order_is_kept(
    tmp_path_factory: pytest.TempPathFactory, seed: int, n_bad: int
) -> None:
    dice = random.Random(seed)
    too_early: list[str] = []
    refused = {final_event(i, "ba"[i % 2]).id for i in dice.sample(range(1, 41), n_bad)}

    class Wild(Receiver):
        def send(self, deliveries: Sequence[Delivery]) -> list[Answer]:
            mood = dice.random()
            if mood < 0.1:
                raise SinkError("away")
            if mood < 0.2:
                raise ValueError("a mistake")
            answers = super().send(deliveries)
            return answers[: dice.randrange(len(answers) + 1)] if mood < 0.3 else answers  # some are not told

        def _one(self, delivery: Delivery) -> Answer:
            if held_back(self, delivery):
                too_early.append(delivery.key)
            return super()._one(delivery)

    def held_back(sink: Receiver, delivery: Delivery) -> bool:
        """Whether it came before an earlier one of its camera that is neither delivered nor refused."""
        numbers = {d.number for d in sink.got if d.camera == delivery.camera}
        dead = {d.number for d in sink.tried if d.camera == delivery.camera and d.key in refused}
        return any(n not in numbers | dead for n in range(1, delivery.number))

    def decide(delivery: Delivery) -> Answer:
        if delivery.key in refused:
            return Answer("refused", "never")
        return Answer("retry", "later", dice.choice([None, 0.001])) if dice.random() < 0.2 else Answer("delivered")

    sink = Wild(decide)
    with Outbox(tmp_path_factory.mktemp("o"), [quick("one", sink, max_attempts=10**6)]) as outbox:
        keys = fill(outbox, 40, "b", "a")
        until(lambda: outbox.figures()["one"]["waiting"] == 0)
        assert list(dict.fromkeys(sink.keys_of("a"))) == [k for k in keys[::2] if k not in refused]
        assert list(dict.fromkeys(sink.keys_of("b"))) == [k for k in keys[1::2] if k not in refused]
        assert outbox.figures()["one"]["dead"] == n_bad
        assert not too_early


def test_pictures_lie_on_disk_once_and_go_with_the_last_event_that_needs_them(tmp_path: Path) -> None:
    seen: list[bytes] = []
    sha256 = hashlib.sha256(JPEG).hexdigest()

    def decide(delivery: Delivery) -> Answer:
        seen.append(delivery.evidence(sha256))
        return Answer("delivered")

    sink = Receiver(decide)
    sink.gate.clear()
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        part = [picture_part("scene", JPEG, 8, 8)]
        for n in (1, 2):
            assert outbox.wait(outbox.put(sighting_event(sighting(n), site(), part, now_ns=0), [JPEG]), WAIT_S)
        assert files(tmp_path) == {f"{sha256}.jpg"}
        sink.gate.set()
        until(lambda: len(sink.got) == 2)
        until(lambda: not files(tmp_path))
    assert seen == [JPEG, JPEG]


def test_too_much_is_dropped_counted_and_said_watch_list_matches_last(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Receiver()
    sink.gate.clear()
    alarm = match_event(match(sighting(900)), site(), now_ns=T0)
    outbox = Outbox(tmp_path, [quick("one", sink)])
    outbox.put(alarm)
    fill(outbox, 1200)
    outbox.close(0.2)
    assert outbox.figures()["one"]["waiting"] == 1201
    size = len(final_event(1).body())
    with caplog.at_level(logging.WARNING), Outbox(tmp_path, [quick("one", sink)], max_bytes=300 * size) as outbox:
        fill(outbox, 1, first=2000)
        figures = outbox.figures()["one"]
        assert figures["dropped"] == {"size": 1000}  # 500 events at once
        assert figures["waiting"] == 202
        assert "1000 for want of room" in caplog.text
        sink.gate.set()
        until(lambda: any(d.key == alarm.id for d in sink.got))
        outbox.close()
    sink.gate.set()


def test_too_old_is_dropped_counted_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = Receiver()
    sink.gate.clear()
    outbox = Outbox(tmp_path, [quick("one", sink), quick("two", Receiver())])
    fill(outbox, 20)
    assert outbox.put(match_event(match(sighting(900)), site(), now_ns=T0))
    outbox.close(0.3)
    with caplog.at_level(logging.WARNING), Outbox(tmp_path, [quick("one", sink)], max_age_s=0.0) as outbox:
        fill(outbox, 1, first=2000)
        assert outbox.figures()["one"]["dropped"]["age"] >= 21
        assert "dropped for their age" in caplog.text
        sink.gate.set()


def test_back_off_doubles_up_to_a_limit_with_full_jitter() -> None:
    dice = random.Random(1)
    for n, limit in ((1, 1.0), (2, 2.0), (5, 16.0), (9, 60.0), (5000, 60.0)):
        waits = [wait_s(n, 1.0, 60.0, dice) for _ in range(2000)]
        assert 0 <= min(waits) < 0.02 * limit
        assert 0.98 * limit < max(waits) <= limit
        assert abs(sum(waits) / 2000 - limit / 2) < 0.03 * limit


def test_a_receiver_s_wish_to_wait_is_heard(tmp_path: Path) -> None:
    import time

    times: list[float] = []

    def decide(delivery: Delivery) -> Answer:
        times.append(time.monotonic())
        return Answer("retry", "busy", 0.4) if len(times) == 1 else Answer("delivered")

    sink = Receiver(decide)
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        fill(outbox, 1)
        until(lambda: sink.got)
    assert times[1] - times[0] >= 0.4


def test_two_sinks_of_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected different names"):
        Outbox(tmp_path, [quick("one", Receiver()), quick("one", Receiver())])
