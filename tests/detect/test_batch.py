"""Frames of several streams in one batch give what each gives alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from tests.clip import demo_clip
from vision.detect.heads import Memory
from vision.detect.plates import PlateDetector
from vision.detect.vehicles import VehicleDetector
from vision.infer.session import CPU_BATCH_PIXELS, Session
from vision.infer.store import choose
from vision.types import F32, Frame, Planes
from vision.video.file import FileSource


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Five frames of one stream and one of another, smaller."""
    with FileSource(demo_clip(), start_s=1.2) as source:
        found = list(islice(source, 0, 50, 10))
    data = found[0].planes.data
    small = Planes("i420", (data[0][:240, :320], *(p[:120, :160] for p in data[1:])))
    return [*found[:2], replace(found[2], stream_id="other", planes=small), *found[2:]]


@pytest.mark.parametrize(("most", "expected"), [(None, [1, 5]), (4, [1, 1, 4])])
def test_a_batch_gives_what_each_frame_gives(
    frames: Sequence[Frame], most: int | None, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(choose("vehicle_detector"))
    monkeypatch.setattr(session, "most", lambda _pixels: most)
    detector = VehicleDetector(session, side=416)
    alone = [detector.find(frame) for frame in frames]
    assert sum(len(a.scores) for a in alone) > 3
    sizes, run = list[int](), session.run

    def counted(batch: F32) -> Sequence[F32]:
        sizes.append(len(batch))
        return run(batch)

    monkeypatch.setattr(session, "run", counted)
    together = detector.find_all(frames)
    assert sorted(sizes) == expected
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_allclose(a.boxes, b.boxes, rtol=1e-4, atol=1e-2)
        np.testing.assert_allclose(a.scores, b.scores, rtol=1e-4)
        np.testing.assert_allclose(a.probs, b.probs, rtol=1e-3, atol=1e-5)
    assert detector.find_all([]) == []


def test_searches_of_one_size_are_one_batch(frames: Sequence[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(choose("plate_detector"))
    detector, frame = PlateDetector(session), frames[-1]
    half_w, half_h = frame.width // 2, frame.height // 2
    quarters = [(x, y, x + half_w, y + half_h) for x in (0, half_w) for y in (0, half_h)]
    searches = [*((q, 320) for q in quarters), (None, 640)]
    alone = [detector.find(frame, [s]) for s in searches]
    sizes, run = list[int](), session.run

    def counted(batch: F32) -> Sequence[F32]:
        sizes.append(len(batch))
        return run(batch)

    monkeypatch.setattr(session, "run", counted)
    together = detector.find(frame, searches)
    assert sorted(sizes) == [1, 4]
    assert len(together) > 0
    best = max(float(a.scores.max(initial=0)) for a in alone)
    assert float(together.scores[0]) == pytest.approx(best, rel=1e-4)
    corners = np.concatenate([a.corners for a in alone])
    for found in together.corners:
        assert np.abs(corners - found).max((1, 2)).min() < 0.05


def test_inputs_of_any_size_share_one_memory() -> None:
    """Regions come in scores of sizes; a site that kept a tensor for each would grow for days."""
    memory = Memory()
    assert memory.values.nbytes == 12 * CPU_BATCH_PIXELS  # from the beginning, so that it need not grow
    for largest in (1, 8):
        most = memory.tensor((largest, 3, 384, 640))
        for side in range(64, 257, 32):
            for n in (1, 3, 8):
                tensor = memory.tensor((n, 3, side, 64))
                assert tensor.shape == (n, 3, side, 64)
                assert tensor.flags.c_contiguous
                assert np.shares_memory(tensor, most)


def test_threads_make_their_inputs_each_for_itself() -> None:
    memory = Memory()
    with ThreadPoolExecutor(1) as other:
        theirs = other.submit(memory.tensor, (1, 3, 64, 64)).result()
    assert not np.shares_memory(theirs, memory.tensor((1, 3, 64, 64)))
