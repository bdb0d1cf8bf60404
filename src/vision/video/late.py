"""Planes whose pixels lie elsewhere: not made yet, or not as they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from vision.types import U8, Layout, Matrix, Planes


class DistantPlanes(Planes, ABC):
    """Planes of a known size (width, height) that take everything else from others, by `_planes`."""

    __slots__ = ("_size",)
    _size: tuple[int, int]

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)  # the base is frozen

    @abstractmethod
    def _planes(self) -> Planes:
        """Those others."""

    @property
    def layout(self) -> Layout:
        """See `Planes`."""
        return self._planes().layout

    @property
    def data(self) -> tuple[U8, ...]:
        """See `Planes`."""
        return self._planes().data

    @property
    def matrix(self) -> Matrix:
        """See `Planes`."""
        return self._planes().matrix

    @property
    def full_range(self) -> bool:
        """See `Planes`."""
        return self._planes().full_range

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self._size[0]

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self._size[1]


class LatePlanes(DistantPlanes):
    """The pixels of a picture of a known size (width, height) that are made when they are first asked for."""

    __slots__ = ("_found", "_load")
    _found: Planes | None
    _load: Callable[[], Planes] | None

    def __init__(self, load: Callable[[], Planes], size: tuple[int, int]) -> None:
        self._set(_load=load, _found=None, _size=size)

    def _planes(self) -> Planes:
        load, found = self._load, self._found
        if found is None:
            assert load is not None
            found = load()
            self._set(_found=found)
            self._set(_load=None)  # what it was made from is let go
        return found

    @property
    def is_made(self) -> bool:
        """Whether they were asked for before."""
        return self._found is not None
