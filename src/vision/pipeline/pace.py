"""When to look for vehicles: in every frame, or as often as what moves in the picture asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from vision.pipeline.config import PaceConfig
from vision.track.tracks import Tracks
from vision.types import F32

Cause = Literal["first", "every_frame", "motion", "new", "young", "lost", "moving", "idle"]
NEW_S = 0.025  # something new is looked for in the next frame, at usual frame rates
REST_S = 1.0  # without change the scene is at rest
STANDING = 0.03  # of its own size a second: slower is standing


class Pace:
    """Decides frame by frame whether vehicles are looked for.

    A vehicle that is new is looked for often: it must be confirmed before it is gone. One whose way is known is carried
    along by its track and looked for before it has moved by ``travel`` of its own size, at least every ``moving_s``;
    one that was lost inside the picture, every ``moving_s``. Change in the picture that no moving vehicle explains asks
    for a look, too, and the less often the more such looks found nothing new. In a scene at rest, one look every
    ``idle_s`` remains.
    """

    def __init__(self, rules: PaceConfig) -> None:
        self._rules = rules
        self._last_ns: int | None = None
        self._is_new = False
        self._motion_s = rules.motion_s
        self._cause: Cause | None = None
        self._busy_ns: int | None = None  # when something other than time asked for a look
        self.postponed = 0  # frames in which a look was due and put off, since the machine does not keep up

    def cause(
        self,
        time_ns: int,
        tracks: Tracks,
        has_changed: Callable[[], bool],
        size: tuple[int, int],
        stretch: float = 1.0,
    ) -> Cause | None:
        """Why vehicles should be looked for in a frame, None if they need not.

        Args:
            time_ns: the frame's time.
            tracks: confirmed tracks as of the last look.
            has_changed: asked, if it matters, whether the picture changed where no moving vehicle explains it.
            size: of the frame, width and height.
            stretch: how much longer every interval is than it should be, at least 1.
        """
        if self._last_ns is None:
            self._cause = "first"
        elif self._rules.mode == "every_frame":
            self._cause = "every_frame"
        else:
            since_s = (time_ns - self._last_ns) * 1e-9
            self._cause = self._due(since_s / stretch, tracks, has_changed, size)
            if self._cause is None and stretch > 1:
                self.postponed += self._due(since_s, tracks, has_changed, size) is not None
        if self._cause not in (None, "idle"):
            self._busy_ns = time_ns
        return self._cause

    def _due(
        self, since_s: float, tracks: Tracks, has_changed: Callable[[], bool], size: tuple[int, int]
    ) -> Cause | None:
        """What asks for a look so long after the last one."""
        rules = self._rules
        if self._is_new and since_s >= NEW_S:
            return "new"
        if since_s < 0.9 * rules.young_s:
            return None
        if bool(np.any(~tracks.is_lost & (tracks.hits < rules.young_hits))):
            return "young"
        if since_s < 0.9 * rules.motion_s:
            return None
        x, y = (tracks.box[:, 0] + tracks.box[:, 2]) / 2, (tracks.box[:, 1] + tracks.box[:, 3]) / 2
        is_inside = (x > 0) & (x < size[0]) & (y > 0) & (y < size[1])
        if since_s >= 0.9 * rules.moving_s and np.any(tracks.is_lost & is_inside):
            return "lost"
        speed = speeds(tracks)
        speed = speed[~tracks.is_lost & (speed > STANDING)]
        if len(speed) and since_s >= 0.95 * min(rules.moving_s, rules.travel / float(speed.max())):
            return "moving"
        if since_s >= 0.9 * self._motion_s and has_changed():
            return "motion"
        return "idle" if since_s >= rules.idle_s else None

    def looked(self, time_ns: int, *, is_new: bool) -> None:
        """Note that vehicles were looked for.

        Args:
            time_ns: the frame's time.
            is_new: whether that gave a box that is no confirmed track yet: the next frame must confirm it.
        """
        self._last_ns, self._is_new = time_ns, is_new
        if is_new:
            self._motion_s = self._rules.motion_s
        elif self._cause == "motion":
            self._motion_s = min(2 * self._motion_s, self._rules.motion_longest_s)

    def is_at_rest(self, time_ns: int) -> bool:
        """Whether nothing has asked for a look for a while, other than time."""
        return self._busy_ns is not None and time_ns - self._busy_ns > REST_S * 1e9

    def reset(self) -> None:
        """The next frame shows another scene."""
        self._busy_ns = None
        self._last_ns, self._is_new, self._motion_s = None, False, self._rules.motion_s


def speeds(tracks: Tracks) -> F32:
    """(n,) how much of its own size a track moves in a second; size is sqrt(width * height)."""
    size = np.sqrt((tracks.box[:, 2:] - tracks.box[:, :2]).prod(1))
    return np.asarray(np.hypot(*tracks.velocity.T) / np.maximum(size, 1e-6), np.float32)
