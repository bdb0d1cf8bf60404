"""Direction of travel in the picture, from the first and the last box."""

from __future__ import annotations

import math

from vision.types import Box, Direction

WORDS = ("right", "down-right", "down", "down-left", "left", "up-left", "up", "up-right")


def direction_of(first: Box, last: Box) -> Direction:
    """Which way something went; less than a fifth of its own size is no travel ("still").

    ``depth`` is nearer or farther when the box's area changed by more than 1.3 times.
    """
    dx = (last[0] + last[2] - first[0] - first[2]) / 2
    dy = (last[1] + last[3] - first[1] - first[3]) / 2
    areas = [max(1.0, (b[2] - b[0]) * (b[3] - b[1])) for b in (first, last)]
    moved = math.hypot(dx, dy)
    angle = math.degrees(math.atan2(dy, dx)) % 360
    ratio = areas[1] / areas[0]
    depth = "nearer" if ratio > 1.3 else "farther" if ratio < 1 / 1.3 else "same"
    word = "still" if moved < 0.2 * math.sqrt(min(areas)) else WORDS[round(angle / 45) % 8]
    return Direction(word, round(angle, 1), round(moved, 1), depth)
