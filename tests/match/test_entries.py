"""The file of a watch-list: what is taken, and what is said of each line that is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.match.entries import Entry, ListFile, read_entries
from vision.match.plates import kind_finder, normalized
from vision.plates.grammar import load_grammar

COLORS, TYPES = ("black", "white"), ("car", "truck")


def read(text: str, *, is_csv: bool = True) -> ListFile:
    return read_entries(text.encode(), is_csv=is_csv, grammar=load_grammar(), colors=COLORS, types=TYPES)


def test_all_columns() -> None:
    found = read(
        "plate,id,kind,color,type,valid_from,valid_until,note\r\n"
        "皖A·12345,case 1,normal,white,car,2026-01-01T00:00:00+08:00,2026-01-02T00:00:00Z,stolen\r\n"
        '京AD12345,"case 2, second",,,,,,\r\n'
        "京A1234警,,police,,,,,\r\n"
    )
    assert not found.problems
    assert list(found.entries("皖A12345")) == [
        Entry("case 1", "white", "car", 1_767_196_800 * 10**9, 1_767_312_000 * 10**9)
    ]
    assert list(found.entries("京AD12345")) == [Entry("case 2, second")]
    assert list(found.entries("京A1234警")) == [Entry("京A1234警")]
    assert found.kinds == {"normal": 1, "new_energy_small": 1, "police": 1}
    assert not list(found.entries("皖A12346"))


def test_json_lines_are_the_same() -> None:
    found = read(
        '{"plate": "皖A12345", "id": "1", "note": null}\n\n{"plate": "皖A12346", "color": "black"}\n', is_csv=False
    )
    assert not found.problems
    assert list(found.entries("皖A12346")) == [Entry("皖A12346", "black")]
    assert list(found.entries("皖A12345")) == [Entry("1")]


def test_two_entries_for_a_plate() -> None:
    found = read("plate,id\n皖A12345,theft\n皖A12346,x\n皖 A-12345,debt\n")
    assert not found.problems
    assert [e.id for e in found.entries("皖A12345")] == ["theft", "debt"]
    assert len(found) == 3


def test_a_byte_order_mark_and_a_list_of_nobody() -> None:
    assert list(read("\ufeffplate\n皖A12345\n").entries("皖A12345")) == [Entry("皖A12345")]
    assert len(read("plate\n")) == 0
    assert not read("plate\n").problems


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "expected a head line with plate"),
        ("id,note\n1,2\n", 1, "expected a head line with plate"),
        ("plate,nmae\n皖A12345,x\n", 1, "got something else in column 2"),
        ("plate,plate\n皖A12345,x\n", 1, "got something else in column 1, 2"),
        ("plate,id\n皖A12345\n", 2, "expected 2 cells, got 1"),
        ("plate,id\n\n皖A12345,1,2\n", 3, "expected 2 cells, got 3"),
        ("plate,id\n,1\n", 2, "plate: expected one, got none"),
        ("plate\n皖A1234\n", 2, "plate: expected 7 or 8 characters, got 6"),
        ("plate\n皖A123I5\n", 2, "character 6 cannot stand there: a letter that looks like a digit"),
        ("plate\nABC1234\n", 2, "character 1 cannot stand there"),
        ("plate\n皖A?2345\n", 2, "character 3 cannot stand there"),
        ("plate,id\n皖A12345,1\n皖A12346,1\n", 3, "id: expected one that no other line has, line 2 has it, too"),
        ("plate\n皖A12345\n皖A12345\n", 3, "id: expected one that no other line has, line 2 has it, too"),
        ("plate,id\n皖A12345,a\x07b\n", 2, "id: expected at most 200 printable characters"),
        ("plate,kind\n皖A12345,police\n", 2, "kind: expected normal (what the plate is) or none"),
        ("plate,color\n皖A12345,pink\n", 2, "color: expected one of black, white"),
        ("plate,type\n皖A12345,boat\n", 2, "type: expected one of car, truck"),
        ("plate,valid_until\n皖A12345,2026-01-01\n", 2, "valid_until: expected a time with its zone"),
        ("plate,valid_from\n皖A12345,soon\n", 2, "valid_from: expected a time with its zone"),
        ("plate,valid_from,valid_until\n皖A12345,2026-01-02T00:00Z,2026-01-02T00:00Z\n", 2, "a time after valid_from"),
        ("plate,plate_hmac\n皖A12345,00\n", 2, "expected plate or plate_hmac, got both"),
        ("plate_hmac,id\n00,1\n", 2, "plate_hmac: expected 64 hexadecimal digits"),
        ("plate_hmac\n" + "0a" * 32 + "\n", 2, "id: expected one beside plate_hmac"),
        (
            "plate,plate_hmac,id\n皖A12345,,1\n," + "0a" * 32 + ",2\n",
            3,
            "plate in all lines or plate_hmac in all lines",
        ),
        ('plate,id\n皖A12345,"x"y\n', 2, "expected CSV"),
    ],
)
def test_every_kind_of_wrong_line_is_said_without_the_plate(text: str, line: int, said: str) -> None:
    found = read(text)
    assert [p.line for p in found.problems] == [line]
    assert said in found.problems[0].text
    assert "皖" not in str(found.problems[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "expected a JSON object at character"),
        ("[1]", "expected a JSON object, got list"),
        ('{"plate": 5}', "plate: expected a text"),
        ('{"plate": "皖A12345", "nmae": "x"}', "unknown key, expected one of plate"),
    ],
)
def test_wrong_json_lines(text: str, said: str) -> None:
    (problem,) = read(text, is_csv=False).problems
    assert said in problem.text


def test_all_problems_are_found_and_the_good_lines_counted() -> None:
    found = read("plate\n皖A1\n皖A12345\n皖A2\n")
    assert [p.line for p in found.problems] == [2, 4]
    assert len(found) == 1


def test_another_encoding_is_said_with_its_line() -> None:
    (problem,) = read_entries("plate\n皖A12345\n".encode("gbk"), is_csv=True, grammar=load_grammar()).problems
    assert str(problem) == "line 2: expected UTF-8"


@given(st.binary(max_size=200), st.booleans())
def test_no_file_is_an_exception(data: bytes, is_csv: bool) -> None:
    read_entries(data, is_csv=is_csv, grammar=load_grammar())


@given(st.lists(st.text(max_size=12), max_size=9))
def test_no_text_in_a_file_is_an_exception(cells: list[str]) -> None:
    read_entries(("plate,id\n" + ",".join(cells)).encode("utf-8", "replace"), is_csv=True, grammar=load_grammar())
    line = json.dumps({"plate": cells[0] if cells else ""}).encode()
    read_entries(line, is_csv=False, grammar=load_grammar())


@pytest.mark.parametrize("text", ["皖A·12345", "皖a 12345", "皖A-12345", "皖A12345", "皖A • 123 45"])
def test_the_ways_in_which_people_write_a_plate(text: str) -> None:
    assert normalized(text) == "皖A12345"


@given(st.data())
def test_kinds_are_those_of_the_grammar(data: st.DataObject) -> None:
    grammar = load_grammar()
    kind = data.draw(st.sampled_from(grammar.kinds))
    pattern = data.draw(st.sampled_from(kind.patterns))
    text = "".join(data.draw(st.sampled_from(sorted(slot))) for slot in pattern)
    if data.draw(st.booleans()):
        text = text[:-1] + data.draw(st.sampled_from("IO?领1"))
    expected = next((k.name for k in grammar.kinds_of(text)), None)
    assert kind_finder(grammar)(text) == expected
