import numpy as np
import pytest

from vision.errors import ConfigError, ModelMismatchError
from vision.plates.grammar import TextDecoder, load_grammar, mark_unreadable, readable
from vision.types import F32

CHARSET = (
    "_"
    + "京津沪渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新"
    + "ABCDEFGHJKLMNOPQRSTUVWXYZ"
    + "0123456789"
    + "学警港澳挂使领应急民航"
)
COLORS = ("blue", "yellow", "green", "green_yellow", "white", "black")


def decoder() -> TextDecoder:
    return TextDecoder(CHARSET, COLORS, load_grammar())


def looks_like(text: str, p: float = 0.9) -> F32:
    """Log-probabilities in which each character of the text has probability p."""
    probs = np.full((8, len(CHARSET)), (1 - p) / (len(CHARSET) - 1), np.float32)
    for slot, char in enumerate(text.ljust(8, "_")):
        probs[slot, CHARSET.index(char)] = p
    return np.log(probs)


def color(name: str, p: float = 0.95) -> F32:
    return np.array([p if c == name else (1 - p) / 5 for c in COLORS], np.float32)


ONE_ROW = np.array([1, 0], np.float32)


@pytest.mark.parametrize(
    ("text", "kind", "color_name"),
    [
        ("京A12345", "normal", "blue"),
        ("粤O1234A", "normal", "blue"),
        ("京AD12345", "new_energy_small", "green"),
        ("京A12345D", "new_energy_large", "green_yellow"),
        ("京A1234学", "learner", "yellow"),
        ("京A1234挂", "trailer", "yellow"),
        ("京A1234警", "police", "white"),
        ("粤Z1234港", "hong_kong_macau", "black"),
        ("粤ZA123澳", "hong_kong_macau", "black"),
        ("沪A1234领", "consulate", "black"),
        ("使123456", "embassy", "black"),
        ("123456使", "embassy", "black"),
        ("KA12345", "army", "white"),
        ("WJ京12345", "armed_police", "white"),
        ("京X1234应急", "emergency", "white"),
        ("民航A1234", "civil_aviation", "green"),
    ],
)
def test_every_kind_is_decoded_with_kind_and_color(text: str, kind: str, color_name: str) -> None:
    plate = decoder().decode(looks_like(text), color(color_name), ONE_ROW)
    assert (plate.text, plate.kind, plate.color) == (text, kind, color_name)
    assert [c.text for c in plate.chars] == list(text)
    assert plate.score == pytest.approx(0.9**8, rel=1e-3)
    assert load_grammar().kinds_of(text)[0].name == kind


def test_illegal_reading_becomes_the_nearest_legal_one() -> None:
    # A digit cannot be the office letter: the runner-up in that slot is the letter B.
    log_probs = looks_like("京812345")
    log_probs[1, CHARSET.index("B")] = np.log(0.08)
    assert decoder().decode(log_probs, color("blue"), ONE_ROW).text == "京B12345"


def test_a_foreign_plate_does_not_become_a_series_that_was_never_issued() -> None:
    # 34A-231.26 of Vietnam looks like WA23126 to the network; no army series begins with W.
    plate = decoder().decode(looks_like("WA23126"), color("white"), ONE_ROW)
    assert plate.text != "WA23126"
    assert plate.score < 0.1


def test_color_decides_between_lengths() -> None:
    # Eighth slot undecided between the pad and a digit: a green plate has eight characters, a blue one seven.
    log_probs = looks_like("京AD1234")
    log_probs[7] = np.log(1e-4)
    log_probs[7, CHARSET.index("_")] = np.log(0.5)
    log_probs[7, CHARSET.index("5")] = np.log(0.49)
    assert decoder().decode(log_probs, color("green"), ONE_ROW).text == "京AD12345"
    assert decoder().decode(log_probs, color("blue"), ONE_ROW).text == "京AD1234"


def test_candidates_are_ordered_and_distinct() -> None:
    log_probs = looks_like("京A12345")
    log_probs[6, CHARSET.index("8")] = np.log(0.3)
    plate = decoder().decode(log_probs, color("blue"), ONE_ROW, limit=4)
    texts = [t for t, _ in plate.candidates]
    assert texts[:2] == ["京A12345", "京A12348"]
    assert len(set(texts)) == len(texts)
    assert [s for _, s in plate.candidates] == sorted((s for _, s in plate.candidates), reverse=True)


def test_unreadable_characters_become_question_marks() -> None:
    log_probs = looks_like("京A12345")
    log_probs[0] = np.log(1 / len(CHARSET))
    log_probs[0, CHARSET.index("京")] = np.log(0.2)
    marked = mark_unreadable(decoder().decode(log_probs, color("blue"), ONE_ROW), 0.5)
    assert marked.text == "?A12345"
    assert marked.chars[0].text == "?"
    assert marked.chars[0].score == pytest.approx(0.2, rel=1e-3)


@pytest.mark.parametrize("text", ["A12345", "京I12345", "京A1234O", "京京12345", "京A123456789", ""])
def test_other_texts_are_no_plates(text: str) -> None:
    assert load_grammar().kinds_of(text) == ()


def test_unknown_grammar_is_named() -> None:
    with pytest.raises(ConfigError, match="got 'xx'"):
        load_grammar("xx")


def test_charset_without_pad_is_refused() -> None:
    with pytest.raises(ModelMismatchError, match="pad"):
        TextDecoder("ABC", COLORS, load_grammar())


@pytest.mark.parametrize(
    ("doubts", "text"),
    [
        ({}, "京A12345"),
        ({3: 0.55}, "京A1?345"),  # the others together are sure, and this one is not
        ({3: 0.55, 5: 0.55}, None),  # of two in doubt only one may be left out
        ({3: 0.45}, "京A1?345"),
        ({0: 0.95, 1: 0.95, 2: 0.95, 3: 0.95, 4: 0.95}, "京A12345"),  # together .77
    ],
)
def test_a_plate_is_known_but_for_the_one_character_in_doubt(doubts: dict[int, float], text: str | None) -> None:
    log_probs = looks_like("京A12345", 0.995)
    for slot, p in doubts.items():
        best = int(log_probs[slot].argmax())
        other = CHARSET.index("8" if slot else "苏")
        log_probs[slot] = np.log(1e-6)
        log_probs[slot, [best, other]] = np.log([p, 1 - p])
    plate = decoder().decode(log_probs, color("blue"), ONE_ROW)
    found = readable(plate, min_char_score=0.45, max_unreadable=1, min_score=0.6)
    assert (found.text if found else None) == text
