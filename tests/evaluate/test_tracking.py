"""Scores of tracks: tiny sets whose HOTA, IDF1 and switches can be worked out by hand."""

import math
from pathlib import Path

import numpy as np
import pytest

from vision.errors import ConfigError
from vision.evaluate.sequences import read_detections, read_truth
from vision.evaluate.tracking import follow_set, read_results, score, summarize, table

pytest.importorskip("trackeval")
INFO = "[Sequence]\nname=a\nseqLength=10\nframeRate=10\n"
CAR, FAR = (100, 100, 80, 60), (600, 300, 80, 60)  # x, y, width, height


def rows(ids: list[int], box: tuple[int, ...] = CAR, tail: str = "1,-1,-1,-1") -> str:
    """One box a frame: MOTChallenge."""
    x, y, w, h = box
    return "".join(f"{i},{track},{x},{y},{w},{h},{tail}\n" for i, track in enumerate(ids, 1))


def kitti(kind: str, ids: list[int], box: tuple[int, ...] = CAR) -> str:
    x, y, w, h = box
    return "".join(
        f"{i} {track} {kind} 0 0 -10 {x} {y} {x + w} {y + h} -1 -1 -1 -1000 -1000 -1000 -10\n"
        for i, track in enumerate(ids)
    )


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def mot(tmp_path: Path) -> Path:
    """One parked car, ten frames, seen in all of them."""
    put(tmp_path / "set/a/seqinfo.ini", INFO)
    put(tmp_path / "set/a/gt/gt.txt", rows([7] * 10, tail="1,1,1"))
    put(tmp_path / "set/a/det/det.txt", rows([-1] * 10, tail="0.9,-1,-1,-1"))
    return tmp_path / "set"


@pytest.fixture
def kitti_set(tmp_path: Path) -> Path:
    """The same car by KITTI's rules, with a van and an area that nobody labelled."""
    labels = kitti("Car", [0] * 10) + kitti("Van", [1] * 10, FAR) + kitti("DontCare", [-1] * 10, (900, 100, 80, 60))
    put(tmp_path / "kitti/label_02/0000.txt", labels)
    return tmp_path / "kitti"


def given(folder: Path, text: str, name: str = "a") -> Path:
    put(folder.parent / f"results/{name}.txt", text)
    return folder.parent / "results"


def test_a_switch_half_way(mot: Path) -> None:
    truth = read_truth(mot)
    scores = score(truth, read_results(truth, given(mot, rows([1] * 5 + [2] * 5))))
    assert list(scores) == ["a", "all"]
    got = scores["all"]
    # All ten boxes right: DetA 1. Each of the two tracks shares 5 of the 10 boxes of the car: AssA 5 / 10.
    assert got.deta == pytest.approx(100)
    assert got.assa == pytest.approx(50)
    assert got.hota == pytest.approx(100 * math.sqrt(0.5))
    assert got.idf1 == pytest.approx(50)  # 5 of 10 for the best of the two ids
    assert got.mota == pytest.approx(90)  # one switch in ten boxes
    assert (got.idsw, got.frag, got.fn, got.fp, got.n_truth, got.n_tracks) == (1, 0, 0, 0, 1, 2)


def test_missed_and_false(mot: Path) -> None:
    truth = read_truth(mot)
    of_car = rows([1] * 10).splitlines(keepends=True)
    found = given(mot, "".join(of_car[:4] + of_car[5:6]) + rows([2] * 5, FAR))
    got = score(truth, read_results(truth, found))["all"]
    assert (got.fn, got.fp, got.frag, got.idsw) == (5, 5, 1, 0)  # frames 1..4 and 6 found
    assert got.deta == pytest.approx(100 * 5 / 15)
    assert got.idf1 == pytest.approx(100 * 2 * 5 / (10 + 10))


def test_partial_truth_leaves_out_tracks_of_nothing(mot: Path) -> None:
    truth = read_truth(mot)
    tracks = read_results(truth, given(mot, rows([1] * 10) + rows([2] * 10, FAR)))
    assert score(truth, tracks)["all"].fp == 10
    got = score(truth, tracks, is_partial=True)["all"]
    assert (got.fp, got.n_tracks) == (0, 1)
    assert got.hota == pytest.approx(100)


def test_truth_marked_zero_counts_neither_way(mot: Path) -> None:
    with (mot / "a/gt/gt.txt").open("a", encoding="utf-8") as file:
        file.write(rows([8] * 10, FAR, tail="0,1,1"))
    truth = read_truth(mot)
    assert score(truth, read_results(truth, given(mot, rows([1] * 10))))["all"].fn == 0


def test_the_own_tracker_on_public_detections(mot: Path) -> None:
    truth = read_truth(mot)
    got = score(truth, follow_set(truth, None))["all"]
    assert got.hota == pytest.approx(100)
    assert (got.idsw, got.n_tracks) == (0, 1)


def test_sequences_are_scored_alone_and_together(mot: Path) -> None:
    put(mot / "b/seqinfo.ini", INFO)
    put(mot / "b/gt/gt.txt", rows([7] * 10, tail="1,1,1"))
    given(mot, rows([1] * 10), "b")
    truth = read_truth(mot)
    scores = score(truth, read_results(truth, given(mot, rows([1] * 5 + [2] * 5))))
    assert [scores[name].idsw for name in ("a", "b", "all")] == [1, 0, 1]
    assert scores["all"].idf1 == pytest.approx(75)
    assert [line.split("|")[1].strip() for line in table(scores).splitlines()[2:]] == ["a", "b", "all"]
    summary = summarize(scores, {"version": "0"})
    assert summary["schema"] == "vision.eval.tracks/1"
    assert summary["all"]["idsw"] == 1
    assert list(summary["sequences"]) == ["a", "b"]


def test_a_sequence_folder_alone(mot: Path) -> None:
    assert [s.name for s in read_truth(mot / "a").sequences] == ["a"]


def test_kitti_rules(kitti_set: Path) -> None:
    truth = read_truth(kitti_set)
    assert (truth.kind, truth.sequences[0].n_frames) == ("kitti", 10)
    parts = kitti("Car", [1] * 5 + [2] * 5), kitti("Car", [3] * 10, FAR), kitti("Car", [4] * 10, (900, 100, 80, 60))
    got = score(truth, read_results(truth, given(kitti_set, "".join(parts), "0000")))["all"]
    assert got.hota == pytest.approx(100 * math.sqrt(0.5))
    assert (got.idsw, got.fp, got.fn) == (1, 0, 0)  # the van and the area count neither way


def test_kitti_seqmap_decides_which_and_how_long(kitti_set: Path) -> None:
    put(kitti_set / "label_02/0001.txt", kitti("Car", [0]))
    put(kitti_set / "evaluate_tracking.seqmap.training", "0000 empty 000000 000012\n")
    assert [(s.name, s.n_frames) for s in read_truth(kitti_set).sequences] == [("0000", 12)]


def test_times_of_frames(mot: Path) -> None:
    (sequence,) = read_truth(mot).sequences
    assert [t for t, _, _ in read_detections(sequence)] == [i * 10**8 for i in range(10)]
    put(mot / "a/times.txt", "".join(f"{0.5 * i}\n" for i in range(10)))
    frames = list(read_detections(sequence, "det"))
    assert [t for t, _, _ in frames] == [i * 5 * 10**8 for i in range(10)]
    np.testing.assert_array_equal(frames[3][1], [[100, 100, 180, 160]])
    np.testing.assert_array_equal(frames[3][2], np.array([0.9], np.float32))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a/seqinfo.ini", "[Sequence]\nseqLength=x\nframeRate=10\n", "seqinfo.ini: expected .Sequence. with seqLength"),
        ("a/seqinfo.ini", "[Sequence]\nseqLength=0\nframeRate=10\n", "expected seqLength and frameRate above 0"),
        ("a/gt/gt.txt", "1,1,a,0,9,9,1\n", "gt.txt: expected rows of numbers"),
        ("a/gt/gt.txt", "1,1,0,0\n", "gt.txt: expected at least 6 numbers a row, got 4"),
        ("a/gt/gt.txt", "11,1,0,0,9,9,1\n", r"row 1: expected a frame 1\.\.10, got 11"),
        ("a/det/det.txt", "1,-1,0,0,0,9,1\n", r"det.txt: row 1: expected X, Y and a width and height above 0"),
        ("a/det/det.txt", "1,-1,0,0,9,9,7\n", r"det.txt: row 1: expected a score 0\.\.1 in column 7, got 7"),
        ("a/det/other.txt", "", "--detections: expected one of det, other, got none"),
        ("a/times.txt", "1\n2\n", "times.txt: expected 10 rising times in seconds, got 2"),
    ],
)
def test_damaged_sets_are_named(mot: Path, file: str, text: str, message: str) -> None:
    put(mot / file, text)

    def whole() -> None:
        truth = read_truth(mot)
        score(truth, follow_set(truth, None))

    with pytest.raises(ConfigError, match=message):
        whole()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rows([1] * 10) + "3,1,0,0,9,9,1,-1,-1,-1\n", "expected each id once a frame, got id 1 twice in frame 3"),
        ("0,1,0,0,9,9,1\n", r"expected a frame 1\.\.10, got 0"),
        ("1 1 Car\n", "expected rows of numbers"),
    ],
)
def test_damaged_results_are_named(mot: Path, text: str, message: str) -> None:
    truth = read_truth(mot)
    with pytest.raises(ConfigError, match=message):
        read_results(truth, given(mot, text))


def test_missing_results_are_named(mot: Path, kitti_set: Path) -> None:
    truth = read_truth(mot)
    with pytest.raises(ConfigError, match="expected the tracks of sequence a, got no such file"):
        read_results(truth, mot)
    cars = read_truth(kitti_set)
    with pytest.raises(ConfigError, match=r"expected detections \(NAME.txt\), got none; --results scores"):
        follow_set(cars, None)
    with pytest.raises(ConfigError, match=r"0000.txt: expected frames 0\.\.9, got 10"):
        read_results(cars, given(kitti_set, kitti("Car", [1] * 11), "0000"))
    with pytest.raises(ConfigError, match="line 1: expected KITTI's FRAME ID TYPE"):
        read_results(cars, given(kitti_set, rows([1]), "0000"))


def test_folders_that_are_no_such_sets(tmp_path: Path, mot: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected tracking truth .* got a folder without either"):
        read_truth(tmp_path / "set/a/det")
    with pytest.raises(ConfigError, match=r"expected tracking truth .* got no folder"):
        read_truth(tmp_path / "nothing")
    (mot / "a/gt/gt.txt").unlink()
    with pytest.raises(ConfigError, match=r"gt.txt: expected the truth of this sequence, got no such file"):
        read_truth(mot)
