"""Which vehicles a plate belongs to."""

import pytest

from vision.sightings.span import Span
from vision.sightings.votes import Key, Votes

BOX = (0.0, 0.0, 9.0, 9.0)


def votes_of(*shares: tuple[int, int, int]) -> Votes:
    """Looks on vehicles 0, 1, ... with the seconds when each was first and last seen."""
    votes = Votes()
    for i, (count, first, last) in enumerate(shares):
        votes.add((i, 0), Span(first, last, first, last, BOX, BOX), count)
    return votes


def keys(*ids: int) -> list[Key]:
    return [(i, 0) for i in ids]


@pytest.mark.parametrize(
    ("shares", "owners"),
    [
        ([(5, 0, 9)], [0]),
        ([(1, 0, 9)], []),  # once is by chance
        ([(9, 0, 9), (3, 2, 4)], [0, 1]),  # a quarter of them, beside each other
        ([(10, 0, 9), (3, 2, 4)], [0]),
        ([(99, 0, 50), (4, 51, 60)], [0, 1]),  # the next track in the same place
        ([(99, 0, 50), (3, 51, 60)], [0]),  # not yet
        ([(50, 0, 20), (50, 21, 40), (4, 41, 50)], [0, 1, 2]),
        ([(4, 0, 9), (99, 10, 60)], [0, 1]),  # what came later says nothing about the first
        ([(4, 0, 12), (99, 10, 60)], [1]),  # unless both were there
    ],
)
def test_owners(shares: list[tuple[int, int, int]], owners: list[int]) -> None:
    assert votes_of(*shares).owners(2, 0) == keys(*owners)


def test_looks_on_no_vehicle_count_against_each_where_they_are_asked_for() -> None:
    votes = votes_of((6, 0, 9), (4, 10, 19))
    assert votes.owners(2, 0) == keys(0, 1)
    assert votes.owners(2, 12) == keys(0)


def test_a_span_that_becomes_longer_is_noticed() -> None:
    votes = votes_of((12, 0, 9), (3, 10, 19))
    assert votes.owners(2, 0) == keys(0)
    votes.add((1, 0), votes.shares[1, 0].span, 1)
    assert votes.owners(2, 0) == keys(0, 1)
    votes.shares[0, 0].span.last_ns = 11  # it was there after all
    votes.add((0, 0), votes.shares[0, 0].span, 1)
    assert votes.owners(2, 0) == keys(0)


def test_looks_of_two_tracks_of_a_plate_add_up() -> None:
    votes = votes_of((3, 0, 9))
    votes.n_unowned = 2
    other = votes_of((4, 0, 9), (5, 1, 2))
    other.n_unowned = 1
    votes.absorb(other)
    assert [votes.of(k) for k in keys(0, 1, 2)] == [7, 5, 0]
    assert votes.n_unowned == 3
    assert (votes.take((1, 0)), votes.take((1, 0)), votes.of((0, 0))) == (5, 0, 7)
