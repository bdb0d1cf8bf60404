"""What the plate reader takes and says: its input, characters, colors, and text as class numbers and back."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

PROVINCES = "京津沪渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # letters of serials: no I, no O (GA 36)
DIGITS = "0123456789"
SPECIAL = "学警港澳挂使领应急民航"
PAD = "_"
# The letter O exists as second character only (京O, 粤O and a few more).
CHARSET = PAD + PROVINCES + "ABCDEFGHJKLMNOPQRSTUVWXYZ" + DIGITS + SPECIAL
CHAR_INDEX = {char: i for i, char in enumerate(CHARSET)}
SLOTS = 8
INPUT_H, INPUT_W = 48, 160

COLORS = ("blue", "yellow", "green", "green_yellow", "white", "black")
COLOR_INDEX = {name: i for i, name in enumerate(COLORS)}
UNKNOWN = -100  # "no label", the value torch.nn.functional.cross_entropy ignores


def encode(text: str) -> NDArray[np.int64]:
    """Text of at most 8 characters -> int64 (8,) class numbers, padded with class 0."""
    return np.array([CHAR_INDEX[char] for char in text.ljust(SLOTS, PAD)], np.int64)


def decode(classes: NDArray[np.int64], charset: str = CHARSET) -> str:
    """int64 (8,) class numbers -> text without pads."""
    return "".join(charset[i] for i in classes).replace(PAD, "")


def bucket(text: str) -> int:
    """Stable pseudo-random number 0..999 of a plate text: splits go by plate, never by picture."""
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8], 16) % 1000
