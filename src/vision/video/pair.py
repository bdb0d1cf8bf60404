"""A camera's two streams as one source: looked at in the small one, read in the large one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np

from vision.errors import DecodeError
from vision.types import Frame, Planes
from vision.video.late import LatePlanes
from vision.video.live import LiveSource
from vision.video.main_stream import Group, MainStream
from vision.video.resting import Rests

WAIT_S = 0.25  # for packets of the main stream that are on their way


class PairSource(Rests):
    """Frames at the times of the sub stream, in the pixels of the main stream.

    ``overview`` of a frame is the sub stream's picture; ``planes`` is the main stream's of the same moment, decoded
    when it is asked for. Where the main stream has none, the overview enlarged takes its place (``planes is
    overview``), which is counted in ``missing``; so is a picture that turns out to be damaged, in ``damaged``. Until
    the main stream has come once, frames are those of the sub stream.

    Args:
        sub, main: the two streams of one camera, with the same view.
    """

    def __init__(self, sub: LiveSource, main: MainStream) -> None:
        self.sub, self.main = sub, main
        self._rests = sub  # the main stream is decoded on demand anyway
        self.missing = self.damaged = 0
        self._is_late = False  # then nobody waits for it: the sub stream must not queue up

    def close(self) -> None:
        """End the iteration."""
        self.sub.close()
        self.main.close()

    def __iter__(self) -> Iterator[Frame]:
        keeper = threading.Thread(target=self._keep, name=f"main-{self.sub.stream_id}", daemon=True)
        keeper.start()
        try:
            for frame in self.sub:
                yield self._paired(frame)
                del frame  # what `LiveSource` needs for the next one
        finally:
            self.main.close()
            keeper.join()

    def _keep(self) -> None:
        for _ in self.main:
            pass

    def _paired(self, frame: Frame) -> Frame:
        place = self.main.find(frame.time_ns, 0.0 if self._is_late else WAIT_S)
        self._is_late = place is None
        size = self.main.size
        if size is None:
            return frame
        if place is None:
            self.missing += 1
            large = enlarged(frame.planes, size)
            return replace(frame, planes=large, overview=large)
        return replace(frame, planes=LatePlanes(self._loader(*place, frame.planes, size), size), overview=frame.planes)

    def _loader(self, group: Group, index: int, overview: Planes, size: tuple[int, int]) -> Callable[[], Planes]:
        def load() -> Planes:
            try:
                return self.main.planes(group, index)
            except DecodeError:
                self.damaged += 1
                return enlarged(overview, size)

        return load


def enlarged(planes: Planes, size: tuple[int, int]) -> Planes:
    """A picture at another size (width, height), in the same layout."""
    width, height = size
    full, half = (width, height), ((width + 1) // 2, (height + 1) // 2)
    data = [
        np.asarray(cv2.resize(plane, half if i else full, interpolation=cv2.INTER_LINEAR), np.uint8)
        for i, plane in enumerate(planes.data)
    ]
    return replace(planes, data=tuple(data))
