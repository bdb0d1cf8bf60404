"""What is shown of a plate to those who may not read it."""

from __future__ import annotations


def masked(plate: str) -> str:
    """A plate text for eyes that may not read it: province and city, then dots."""
    return plate[:2] + "•" * max(0, len(plate) - 2)
