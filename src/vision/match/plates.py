"""Plates as people write them in lists: put into one form, checked against the grammar, hashed."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable

from vision.plates.grammar import Grammar

BETWEEN = re.compile(r"[\s·•・.\-_]+")  # what stands between city and serial, or between any characters


def normalized(text: str) -> str:
    """The plate in the form in which it is read: full-width and small letters, spaces and dots put right."""
    return BETWEEN.sub("", unicodedata.normalize("NFKC", text)).upper()


def kind_finder(grammar: Grammar) -> Callable[[str], str | None]:
    """A function that names the kind of a plate (the first that fits) or None; one expression, for long lists."""
    forms = []
    for kind in grammar.kinds:
        patterns = ("".join(f"[{re.escape(''.join(sorted(slot)))}]" for slot in p) for p in kind.patterns)
        forms.append(f"(?P<{kind.name}>{'|'.join(patterns)})")
    match = re.compile("|".join(forms)).fullmatch
    return lambda text: found.lastgroup if (found := match(text)) else None


def why_none(text: str, grammar: Grammar) -> str:
    """Why a text is no plate, without the text: lists are secret, and this may be logged."""
    patterns = [p for kind in grammar.kinds for p in kind.patterns]
    lengths = sorted({len(p) for p in patterns})
    if len(text) not in lengths:
        return f"expected {' or '.join(map(str, lengths))} characters, got {len(text)}"
    furthest = max(fitting(text, p) for p in patterns if len(p) == len(text))
    hint = ": a letter that looks like a digit" if text[furthest] in "OI" else ""
    return f"expected a plate of grammar {grammar.name}, character {furthest + 1} cannot stand there{hint}"


def fitting(text: str, pattern: tuple[frozenset[str], ...]) -> int:
    """How many characters of a text fit a pattern before the first that does not."""
    return next((i for i, (c, s) in enumerate(zip(text, pattern, strict=True)) if c not in s), len(text))


def hashed(text: str, key: bytes) -> str:
    """HMAC-SHA-256 of a plate as 64 hexadecimal digits. Source: RFC 2104, FIPS 180-4."""
    return hmac.digest(key, text.encode(), "sha256").hex()
