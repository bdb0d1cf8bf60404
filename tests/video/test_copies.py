"""Memory for copies: taken from the system, used again, never while somebody still looks at it."""

import mmap
import threading

import numpy as np
import pytest

from vision.types import U8, Layout, Planes
from vision.video.copies import Blocks, copied


def address(block: U8) -> int:
    return block.ctypes.data


@pytest.mark.parametrize(
    ("layout", "shapes"),
    [("i420", [(5, 7), (3, 4), (3, 4)]), ("nv12", [(5, 7), (3, 4, 2)]), ("bgr", [(5, 7, 3)])],
)
def test_padded_planes_of_any_layout_are_copied(layout: Layout, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(1)
    data = tuple(rng.integers(0, 256, (s[0], s[1] + 9, *s[2:]), np.uint8)[:, : s[1]] for s in shapes)
    copy = copied(Planes(layout, data, "bt709", True))
    assert (copy.layout, copy.matrix, copy.full_range) == (layout, "bt709", True)
    for a, b in zip(copy.data, data, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.flags.c_contiguous


def test_what_is_let_go_serves_the_next_of_its_size() -> None:
    blocks = Blocks(spare=2)
    block = blocks.take(1000)
    assert isinstance(block.base, memoryview)
    assert isinstance(block.base.obj, mmap.mmap)  # not malloc's, which would put it between small things
    was = address(block)
    del block
    other = blocks.take(1001)
    assert address(other) != was
    assert address(blocks.take(1000)) == was


def test_a_part_of_a_block_keeps_all_of_it() -> None:
    blocks = Blocks(spare=2)
    block = blocks.take(1000)
    block[:] = 7
    part = block[10:900].reshape(89, 10)[3:]
    del block
    again = blocks.take(1000)
    again[:] = 8
    assert (part == 7).all()
    was = address(again)
    del again, part
    assert was in {address(blocks.take(1000)), address(blocks.take(1000))}


def test_no_more_than_the_spare_ones_are_kept() -> None:
    def dirty_kb() -> int:
        with open("/proc/self/smaps", encoding="ascii") as maps:
            return sum(int(line.split()[1]) for line in maps if line.startswith("Private_Dirty:"))

    size, blocks = 8 << 20, Blocks(spare=2)
    held = [blocks.take(size) for _ in range(8)]
    for block in held:
        block[:] = 1
    full_kb = dirty_kb()
    del block
    held.clear()
    assert abs(full_kb - dirty_kb() - 6 * (size >> 10)) < size >> 11
    assert len(blocks) == 2


def test_threads_never_get_a_block_that_another_has() -> None:
    blocks, wrong = Blocks(spare=3), []

    def work(mark: int) -> None:
        for i in range(3000):
            block = blocks.take(64 + i % 2)
            block[:] = mark
            other = blocks.take(64)
            other[:] = mark
            if (block != mark).any() or (other != mark).any():
                wrong.append(mark)

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(blocks) <= 3
