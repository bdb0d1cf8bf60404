"""The engine: every frame accounted for, errors isolated, cameras changed while others run, nothing left open."""

import asyncio
import csv
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.clip import N_FRAMES, demo_clip
from tests.media import write_video
from vision import kernels
from vision.errors import ConfigError, InferenceError
from vision.pipeline.config import Config
from vision.pipeline.stages import Stages, load_stages
from vision.pipeline.stream import Stream
from vision.site.camera import Camera, Say
from vision.site.output import SiteOutput
from vision.site.paced import PacedFile
from vision.site.settings import CameraSettings, SiteSettings, parse_site
from vision.site.site import Site, SiteEvent, salvaged
from vision.types import CameraStatus, Frame, Planes, Sighting
from vision.video.file import FileSource
from vision.video.status import Source

NS = 1_000_000_000
EMPTY = Planes("bgr", (np.full((64, 96, 3), 90, np.uint8),))


@pytest.fixture(scope="module")
def stages() -> Stages:
    return load_stages(Config.model_validate({"models": {"threads": 1}}))


def settings(*ids: str, **keys: object) -> SiteSettings:
    return parse_site({"camera": [{"id": i, "url": f"test:{i}", **keys} for i in ids]})


def frame(camera: str, index: int, time_ns: int, planes: Planes = EMPTY) -> Frame:
    return Frame(camera, index, time_ns, index / 25, planes, is_utc=True)


class Script:
    """Frames that a test decides on; then it waits for the end."""

    def __init__(self, frames: list[Frame], every_s: float = 0.0) -> None:
        self._frames, self._every_s = frames, every_s
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        for one in self._frames:
            if self._closed.wait(self._every_s):
                return
            yield one
        self._closed.wait()

    def close(self) -> None:
        self._closed.set()


def still(camera: str, n: int, every_s: float = 0.0) -> Script:
    start = time.time_ns()
    return Script([frame(camera, i, start + i * NS // 25) for i in range(n)], every_s)


def clip_frames(camera: str, start_ns: int) -> list[Frame]:
    with FileSource(demo_clip(), stream_id=camera) as source:
        return [replace(f, time_ns=start_ns + round(f.offset_s * NS), is_utc=True) for f in source]


def until(condition: object, timeout_s: float = 90.0) -> None:
    end = time.monotonic() + timeout_s
    assert callable(condition)
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def collect(site: Site) -> tuple[list[SiteEvent], threading.Thread]:
    events: list[SiteEvent] = []
    thread = threading.Thread(target=site.run, args=(events.append,), daemon=True)
    thread.start()
    return events, thread


def names() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(("camera-", "site-"))]


def is_accounted(camera: Camera) -> bool:
    c = camera.counts
    return c.received == c.processed + c.skipped + c.dropped_queue + c.dropped_stop + c.failed


def test_sightings_come_out_and_every_frame_is_accounted_for(stages: Stages) -> None:
    start = time.time_ns()
    site = Site(
        settings("a", "b", queue=256),
        stages=stages,
        open_source=lambda s, say: Script(clip_frames(s.id, start)),
    )
    events, thread = collect(site)
    until(lambda: all(c.counts.processed == N_FRAMES for c in site.cameras.values()) and len(site.cameras) == 2)
    site.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert not names()
    for camera in site.cameras.values():
        assert is_accounted(camera)
        mine = [e for e in events if isinstance(e, Sighting) and e.stream_id == camera.id]
        assert {s.plate.text for s in mine if s.plate} >= {"京A12345"}
        assert camera.counts.vehicles == len(mine)
        assert mine == sorted(mine, key=lambda s: s.last_time_ns) or len({s.id for s in mine}) == len(mine)
    states = [e.state for e in events if isinstance(e, CameraStatus)]
    assert states.count("stopped") == 2


def test_early_sightings_come_before_final_ones_where_asked_for(stages: Stages, tmp_path: Path) -> None:
    start = time.time_ns()
    both = SiteSettings(cameras=(*settings("a", early=True, queue=256).cameras, *settings("b", queue=256).cameras))
    # Not all at once: a machine that is behind looks so seldom that nothing may be sure before the end.
    site = Site(both, stages=stages, open_source=lambda s, say: Script(clip_frames(s.id, start), every_s=0.08))
    events, thread = collect(site)
    until(lambda: all(c.counts.processed == N_FRAMES for c in site.cameras.values()) and len(site.cameras) == 2)
    site.stop()
    thread.join(10)
    mine = {i: [e for e in events if isinstance(e, Sighting) and e.stream_id == i] for i in "ab"}
    assert {s.state for s in mine["b"]} == {"final"}
    early = [s for s in mine["a"] if s.state == "early"]
    final = {s.id: s for s in mine["a"] if s.state == "final"}
    assert early
    for sighting in early:
        assert mine["a"].index(sighting) < mine["a"].index(final[sighting.id])
        assert sighting.revision < final[sighting.id].revision
    counts = site.cameras["a"].counts
    assert (counts.early, counts.vehicles) == (len(early), len(final))
    with SiteOutput(tmp_path) as output:
        written = [output.add(s) for s in mine["a"]]
    pictures = [p for e in written for p in e["evidence"]["images"].values()]
    assert len(set(pictures)) == len(pictures)
    with (tmp_path / "ledger.csv").open(encoding="utf-8-sig", newline="") as file:
        assert sum(int(row["vehicles"]) for row in csv.DictReader(file)) == len(final)


def test_an_error_stays_with_its_camera(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    update = Stream.update

    def fails(self: Stream, taken: Frame, stretch: float = 1.0) -> object:
        if taken.stream_id == "bad" and 3 <= taken.index < 6:
            raise InferenceError("out of memory")
        return update(self, taken, stretch)

    monkeypatch.setattr(Stream, "update", fails)
    site = Site(settings("bad", "good", queue=64), stages=stages, open_source=lambda s, say: still(s.id, 20))
    events, thread = collect(site)
    until(lambda: len(site.cameras) == 2 and all(c.counts.received == 20 for c in site.cameras.values()))
    site.finish()
    thread.join(10)
    bad, good = site.cameras["bad"], site.cameras["good"]
    assert (bad.counts.failed, bad.counts.processed) == (3, 17)
    assert (good.counts.failed, good.counts.processed) == (0, 20)
    said = [(e.stream_id, e.state, e.detail) for e in events if isinstance(e, CameraStatus) and e.state != "stopped"]
    assert said == [
        ("bad", "failed", "InferenceError: out of memory"),
        ("bad", "streaming", "the pipeline works again"),
    ]


def test_sightings_that_cannot_be_closed_after_an_error_are_counted(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(settings("a"), stages=stages, open_source=lambda s, say: still(s.id, 0))
    camera = Camera(site.settings.cameras[0], Stream(stages, site.settings.cameras[0], "a", site.times),
                    threading.Condition(), lambda status: None, lambda s, say: still(s.id, 0))  # fmt: skip
    camera.last_time_ns = 1
    monkeypatch.setattr(Stream, "close", lambda self: 1 / 0)
    assert salvaged(camera) == []
    assert camera.counts.lost_flushes == 1


def test_a_source_that_breaks_is_said_and_opened_again(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.site.camera.RESTART_S", 0.05)
    opened: list[str] = []

    def open_source(camera: CameraSettings, say: Say) -> Source:
        opened.append(camera.id)
        if camera.id == "bad" and opened.count("bad") < 3:
            raise RuntimeError("no such thing")
        return still(camera.id, 5)

    site = Site(settings("bad", "good"), stages=stages, open_source=open_source)
    events, thread = collect(site)
    until(lambda: len(site.cameras) == 2 and all(c.counts.processed == 5 for c in site.cameras.values()))
    site.stop()
    thread.join(10)
    assert opened.count("good") == 1
    assert site.cameras["bad"].counts.restarts == 2
    failed = [e.detail for e in events if isinstance(e, CameraStatus) and e.state == "failed"]
    assert failed == ["RuntimeError: no such thing"] * 2


def test_a_clock_set_back_closes_what_is_open(stages: Stages) -> None:
    now = time.time_ns()
    frames = clip_frames("a", now)
    again = [replace(f, time_ns=f.time_ns - 3600 * NS) for f in frames]
    site = Site(settings("a", queue=256), stages=stages, open_source=lambda s, say: Script(frames + again))
    events, thread = collect(site)
    until(lambda: site.cameras and site.cameras["a"].counts.processed == 2 * N_FRAMES)
    site.stop()
    thread.join(10)
    assert site.cameras["a"].counts.flushes == 2
    assert site.cameras["a"].counts.failed == 0
    times = [s.first_time_ns for s in events if isinstance(s, Sighting)]
    assert min(times) < now - 3000 * NS < max(times)


def test_sightings_of_a_camera_that_went_quiet_are_closed(stages: Stages) -> None:
    start = time.time_ns()
    site = Site(
        settings("a", queue=256, quiet_s=0.5, sightings={"linger_s": 10}),  # no pass of the clip's 3 s ends by itself
        stages=stages,
        open_source=lambda s, say: Script(clip_frames("a", start)),
    )
    events, thread = collect(site)
    until(lambda: any(isinstance(e, Sighting) for e in list(events)))
    assert site.cameras["a"].counts.processed == N_FRAMES
    assert site.cameras["a"].counts.flushes == 1
    site.stop()
    thread.join(10)
    ids = [e.id for e in events if isinstance(e, Sighting)]
    assert len(ids) == len(set(ids))


def test_a_camera_at_rest_decodes_key_frames_and_wakes_for_a_car(stages: Stages, tmp_path: Path) -> None:
    pictures = [kernels.to_bgr(f.planes) for f in clip_frames("a", 0)]
    still = pictures[:1] * 150
    clip = write_video(tmp_path / "a.mp4", still + pictures, codec_options={"g": "50", "bf": "0", "preset": "fast"})
    site = Site(
        settings("a", queue=256, decode={"rest": True}),
        stages=stages,
        open_source=lambda s, say: PacedFile(clip, stream_id=s.id, length_s=(len(still) + len(pictures)) / 25),
    )
    events, thread = collect(site)
    until(lambda: "a" in site.cameras)
    counts = site.cameras["a"].counts
    until(lambda: any(isinstance(e, CameraStatus) and e.state == "ended" for e in list(events)))
    site.finish()
    thread.join(30)
    assert counts.undecoded > 60
    assert counts.processed + counts.undecoded == len(still) + len(pictures)
    found = {e.plate.text for e in events if isinstance(e, Sighting) and e.plate}
    assert found >= {"京A12345", "粤FD12345"}  # beside those that stand in the still picture
    assert counts.flushes == 1  # the end; a resting camera is not a quiet one


def test_reload_touches_only_what_changed(stages: Stages) -> None:
    opened: list[str] = []
    lock = threading.Lock()

    def open_source(camera: CameraSettings, say: Say) -> Source:
        with lock:
            opened.append(camera.id)
        return still(camera.id, 200, 0.01)

    before = settings("kept", "changed", "moved", "removed", queue=256, quiet_s=600)
    site = Site(before, stages=stages, open_source=open_source)
    events, thread = collect(site)
    until(lambda: len(site.cameras) == 4 and all(c.counts.processed > 5 for c in site.cameras.values()))
    kept, changed, removed = (site.cameras[i] for i in ("kept", "changed", "removed"))
    stream = changed.stream
    cameras = [
        {"id": "kept", "url": "test:kept", "queue": 256, "quiet_s": 600},
        {"id": "changed", "url": "test:changed", "queue": 256, "quiet_s": 600, "pace": {"mode": "every_frame"}},
        {"id": "moved", "url": "test:elsewhere", "queue": 256, "quiet_s": 600},
        {"id": "new", "url": "test:new", "queue": 256, "quiet_s": 600},
    ]
    done = site.reload(parse_site({"camera": cameras}))
    assert done == {"added": ["new"], "removed": ["removed"], "reconnected": ["moved"], "changed": ["changed"]}
    until(lambda: all(site.cameras[i].counts.processed >= 200 for i in ("kept", "changed", "moved", "new")))
    site.stop()
    thread.join(10)
    assert sorted(opened) == ["changed", "kept", "moved", "moved", "new", "removed"]
    assert site.cameras["kept"] is kept
    assert (kept.counts.received, kept.counts.processed, kept.counts.flushes) == (200, 200, 1)
    assert site.cameras["changed"] is changed
    assert changed.stream is not stream
    assert changed.counts.processed == 200
    assert is_accounted(removed)
    assert [e.stream_id for e in events if isinstance(e, CameraStatus) and e.state == "stopped"].count("removed") == 1
    assert not names()


def test_a_reload_of_one_among_eight_loses_no_frame_of_the_others(stages: Stages) -> None:
    n, ids = 150, "abcdefgh"
    site = Site(settings(*ids, queue=256, quiet_s=600), stages=stages, open_source=lambda s, say: still(s.id, n, 0.02))
    _, thread = collect(site)
    until(lambda: len(site.cameras) == 8 and all(c.counts.processed > 5 for c in site.cameras.values()))
    others = [site.cameras[i] for i in ids[1:]]
    for change in ({"url": "test:elsewhere"}, {"pace": {"mode": "every_frame"}}, {"url": "test:third"}):
        cameras = [{"id": i, "url": f"test:{i}", "queue": 256, "quiet_s": 600} for i in ids]
        site.reload(parse_site({"camera": [{**cameras[0], **change}, *cameras[1:]]}))
    until(lambda: all(c.counts.processed == n for c in others))
    site.finish()
    thread.join(20)
    site.close()
    assert all(site.cameras[c.id] is c for c in others)
    for counts in (c.counts for c in others):
        assert (counts.received, counts.processed, counts.flushes) == (n, n, 1)
    assert is_accounted(site.cameras["a"])
    assert not names()


def test_a_reload_that_is_wrong_changes_nothing(stages: Stages) -> None:
    site = Site(settings("a"), stages=stages, open_source=lambda s, say: still(s.id, 5))
    _, thread = collect(site)
    until(lambda: site.cameras and site.cameras["a"].counts.processed == 5)
    camera = site.cameras["a"]
    with pytest.raises(ConfigError, match="workers: expected no change while the site runs"):
        site.reload(SiteSettings(workers=7, cameras=site.settings.cameras))
    bad = CameraSettings.model_validate({"id": "b", "url": "test:b", "plates": {"grammar": "mars"}})
    with pytest.raises(ConfigError, match="mars"):
        site.reload(site.settings.model_copy(update={"cameras": (bad,)}))
    assert list(site.cameras.values()) == [camera]
    site.stop()
    thread.join(10)


def test_a_full_queue_loses_its_oldest_and_priority_is_served_first(stages: Stages) -> None:
    gate = threading.Condition()
    site = Site(settings("a", "b", queue=4), stages=stages, open_source=lambda s, say: still(s.id, 0))
    for i, camera in enumerate(site.settings.cameras):
        site.cameras[camera.id] = Camera(
            camera.model_copy(update={"priority": i}), Stream(stages, camera, camera.id, site.times), gate,
            lambda status: None, lambda s, say: still(s.id, 0),
        )  # fmt: skip
    a, b = site.cameras["a"], site.cameras["b"]
    for i in range(6):
        a._hand_over(frame("a", i, i))
        if i == 3:  # those beyond the third have memory of their own: a decoder's pool never becomes smaller
            lent = [np.shares_memory(w.frame.planes.data[0], EMPTY.data[0]) for w in a.waiting]
            assert lent == [True, True, True, False]
            np.testing.assert_array_equal(a.waiting[3].frame.planes.data[0], EMPTY.data[0])
    assert (a.counts.received, a.counts.dropped_queue) == (6, 2)
    assert [w.frame.index for w in a.waiting] == [2, 3, 4, 5]
    b._hand_over(frame("b", 0, 0))
    time.sleep(0.05)
    a.waiting[0].since_s = b.waiting[0].since_s - 0.001  # waited a little longer, but b counts twice
    first, second = site._take(), site._take()
    assert first is not None
    assert second is not None
    assert [first[0].id, second[0].id] == ["b", "a"]


def test_a_rate_leaves_frames_out_and_counts_them(stages: Stages) -> None:
    site = Site(settings("a", fps=5, queue=256), stages=stages, open_source=lambda s, say: still(s.id, 100))
    _, thread = collect(site)
    until(lambda: site.cameras and site.cameras["a"].counts.received == 100)
    site.finish()
    thread.join(10)
    counts = site.cameras["a"].counts
    assert 19 <= counts.processed <= 21  # 4 s at 5 a second
    assert counts.processed + counts.skipped == 100


def test_async_iteration_and_early_exit(stages: Stages) -> None:
    async def first_sighting() -> Sighting:
        start = time.time_ns()
        site = Site(
            settings("a", queue=256, quiet_s=0.5),
            stages=stages,
            open_source=lambda s, say: Script(clip_frames("a", start)),
        )
        with site:
            async for event in site:
                if isinstance(event, Sighting):
                    return event
        raise AssertionError("ended without a sighting")

    assert asyncio.run(first_sighting()).stream_id == "a"
    assert not names()


def test_stopping_is_quick_when_nobody_takes_the_events(stages: Stages) -> None:
    site = Site(settings(*"abcdefgh"), stages=stages, open_source=lambda s, say: PacedFile(demo_clip(), stream_id=s.id))
    with site:
        until(lambda: len(site.cameras) == 8 and all(c.counts.processed > 3 for c in site.cameras.values()))
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert not names()
