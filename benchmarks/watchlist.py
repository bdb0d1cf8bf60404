"""Is the car on the list? Hits, false alarms and cost of watch-lists beside string equality and a one-edit rule.

    python benchmarks/watchlist.py --data DATA/plates [--half 0|1] [--every N] [--sizes 1000 100000 1000000]

Clips made from dev photos (`fusion_clips.py`), read by the shipped reader and fused as in a pipeline, against lists
of other plates. Those are drawn by the generator of plates that the reader is trained with; half of them get the
province and city of a dev plate. A hard list also holds six neighbors of every dev plate that is used: three with one
character exchanged for one that looks like it, three for any other. Each list is tried with the true plates on it (how
many are found?) and without (how many false alarms?). All methods get the same reads; times are of one thread.
"""

from __future__ import annotations

import argparse
import copy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, existing, percent, table
from benchmarks.fusion import FRAMES, fused, passes_of

from vision.match.alarms import SURE
from vision.match.likely import likely_texts
from vision.match.settings import WatchlistSettings
from vision.match.watchlist import Watchlist
from vision.pipeline.runner import Pipeline
from vision.pipeline.watch import words_of
from vision.plates.grammar import load_grammar
from vision.sightings.rules import ReadRules
from vision.types import PlateText

SIZES = (1_000, 100_000, 1_000_000)
THRESHOLDS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 0.9)
BINS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.97)
ALIKE = ("0DQ", "8B", "2Z", "5S", "1T7", "6G", "UV", "EF", "HN", "MN", "CG", "PR", "粤鄂", "皖赣", "京津", "川沪")
KINDS = ("blue", "blue", "blue", "blue", "green")
SEED = 7
LOADING = """
import re, sys, time
from pathlib import Path
from vision.match.watchlist import Words, load_file
from vision.plates.grammar import load_grammar
def peak(): return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3
words, before, began = Words("", load_grammar()), peak(), time.process_time()
found = load_file(Path(sys.argv[1]), words)
print(time.process_time() - began, peak() - before)
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One pass: what the plate says, the best reading, and what a sighting carries of it (None: nothing)."""

    truth: str
    frames: int
    best: str
    believed: str
    plate: PlateText | None


def seen_of(pipeline: Pipeline, data: Path, half: int, every: int) -> Iterator[Seen]:
    """Every pass, read and fused."""
    rules = ReadRules()
    for one in passes_of(pipeline, data, half, every):
        fusion = fused(one.reads, pipeline.stages.reader.decoder)
        believed = rules.believed(fusion)
        best = fusion.plate.text if fusion.plate else ""
        plate = believed or rules.doubtful([fusion])
        yield Seen(one.text, len(one.reads), best, believed.text if believed else "", plate)


def others(n: int, truths: Sequence[str]) -> list[str]:
    """So many different plates that are none of these, half of them from their cities."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models" / "plate_reader"))
    rng = np.random.default_rng(SEED)
    texts, taken = import_module("plate_kinds").Texts(rng), set(truths)
    out: list[str] = []
    while len(out) < n:
        text = texts.draw(KINDS[int(rng.integers(len(KINDS)))])
        if len(out) % 2:
            text = truths[int(rng.integers(len(truths)))][:2] + text[2:]
        if text not in taken and load_grammar().kinds_of(text):
            taken.add(text)
            out.append(text)
    return out


def neighbors(truths: Sequence[str]) -> list[str]:
    """Six plates one character from each of these, three of them exchanged for one that looks like it."""
    rng, grammar = np.random.default_rng(SEED), load_grammar()
    found: dict[str, None] = {}
    for text in truths:
        alike: list[str] = []
        unlike: list[str] = []
        for i, old in enumerate(text):
            for new in "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ" + "".join(ALIKE[-4:]):
                other = text[:i] + new + text[i + 1 :]
                if new != old and grammar.kinds_of(other):
                    (alike if any(old in s and new in s for s in ALIKE) else unlike).append(other)
        for group in (alike, unlike):
            found.update(dict.fromkeys(str(t) for t in rng.permutation(group)[:3]))
    return [t for t in found if t not in set(truths)]


def within_one_edit(text: str, listed: frozenset[str]) -> set[str]:
    """Listed plates at most one exchanged, missing or added character away."""
    chars = all_characters()
    out = {text} | {text[:i] + text[i + 1 :] for i in range(len(text))}
    out |= {text[:i] + c + text[i + 1 :] for i in range(len(text)) for c in chars}
    out |= {text[:i] + c + text[i:] for i in range(len(text) + 1) for c in chars}
    return out & listed


@cache
def all_characters() -> str:
    """Every character of a plate."""
    return "".join(sorted({c for kind in load_grammar().kinds for p in kind.patterns for slot in p for c in slot}))


Find = Callable[[Seen], set[str]]


def methods(listed: frozenset[str], watchlist: Watchlist) -> dict[str, Find]:
    """Which listed plates each method raises an alarm for."""

    def ours(least: float, *, is_whole: bool = False) -> Find:
        part = copy.copy(watchlist)
        part.settings = watchlist.settings.model_copy(update={"min_probability": least})

        def find(s: Seen) -> set[str]:
            hits = part.find(s.plate) if s.plate else []
            return {h.text for h in hits if not is_whole or h.text == s.believed}

        return find

    return {
        "best reading equals": lambda s: {s.best} & listed,
        "believed reading equals": lambda s: {s.believed} & listed,
        "best reading within one edit": lambda s: within_one_edit(s.best, listed),
        **{f"watch-list, from {least:g}": ours(least) for least in THRESHOLDS},
        "watch-list, certain alone": ours(SURE, is_whole=True),
    }


def tried(passes: Sequence[Seen], find: Find) -> tuple[int, int, int, float]:
    """Passes whose plate was found, with a false alarm, false alarms, and the median cost in microseconds."""
    n_found = n_false = n_alarms = 0
    took = []
    for one in passes:
        began = time.perf_counter_ns()
        got = find(one)
        took.append(time.perf_counter_ns() - began)
        wrong = got - {one.truth}
        n_found += one.truth in got
        n_false += bool(wrong)
        n_alarms += len(wrong)
    return n_found, n_false, n_alarms, float(np.median(took)) / 1e3


def loaded(plates: Sequence[str], pipeline: Pipeline, folder: Path) -> tuple[Watchlist, list[object]]:
    """A real list of these plates; entries, processor time to load it (s), what a process grows by meanwhile (MB)."""
    file = folder / "list.csv"
    lines = [f"{plate},case {i}\n" for i, plate in enumerate(plates)]
    file.write_text("plate,id\n" + "".join(lines), encoding="utf-8")
    watchlist = Watchlist(WatchlistSettings(name="list", file=str(file)), words_of(pipeline.stages))
    done = subprocess.run([sys.executable, "-c", LOADING, str(file)], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    return watchlist, [f"{len(plates):,}", f"{seconds:.2f}", f"{megabytes:.0f}"]


def honest(passes: Sequence[Seen], charset: str) -> None:
    """Print how often single texts of a score are right, and what unread plates have to say."""
    groups = {
        "read": [p for p in passes if p.believed],
        "not read": [p for p in passes if p.plate is not None and not p.believed],
    }
    rows: list[list[object]] = []
    for name, part in groups.items():
        pairs = [
            (score, text == p.truth)
            for p in part
            if p.plate is not None and p.plate.log_probs is not None
            for text, score in likely_texts(p.plate.log_probs, charset, BINS[0])
        ]
        for low, high in pairwise((*BINS, 1.01)):
            inside = [pair for pair in pairs if low <= pair[0] < high]
            if inside:
                scores, right = zip(*inside, strict=True)
                mean = f"{float(np.mean(scores)):.3f}"
                rows.append([name, f"{low:g} to {min(1, high):g}", len(inside), mean, percent(sum(right), len(right))])
    print("\nIs the score honest? Every text that a reading may mean\n")
    print(table(["plate", "score", "texts", "mean score", "right"], rows))
    n_none = sum(p.plate is None for p in passes)
    print(f"\n{len(groups['read'])} passes read, {len(groups['not read'])} not, {n_none} without one clear look")


def report(passes: Sequence[Seen], sizes: Sequence[int], pipeline: Pipeline) -> None:
    """Print all tables."""
    honest(passes, pipeline.stages.reader.decoder.charset)
    truths = sorted({p.truth for p in passes})
    hard = neighbors(truths)
    plain = others(max(sizes), [*truths, *hard])
    costs: list[list[object]] = []
    n = len(passes)
    for is_hard in (False, True):
        for size in sizes:
            plates = [*(hard[: size // 2] if is_hard else []), *plain]
            plates = plates[:size]
            rows: dict[str, list[object]] = {}
            with tempfile.TemporaryDirectory() as folder:
                for is_listed in (True, False):
                    every = [*plates, *(truths if is_listed else [])]
                    watchlist, cost = loaded(every, pipeline, Path(folder))
                    for name, find in methods(frozenset(every), watchlist).items():
                        n_found, n_false, n_alarms, cost_us = tried(passes, find)
                        if is_listed:
                            rows[name] = [name, percent(n_found, n), percent(n_false, n)]
                        else:
                            rows[name] += [percent(n_false, n), f"{n_alarms / n:.3f}", f"{cost_us:.0f}"]
                    if is_listed and is_hard:
                        costs.append(cost)
            kind = f"{min(len(hard), size // 2):,} of them neighbors of true plates" if is_hard else "ordinary"
            print(f"\n{size:,} other plates, {kind}; {n} passes\n")
            head = ["alarm if", "found", "false alarm, plate listed", "false alarm, plate not listed",
                    "false alarms a pass, not listed", "us a sighting"]  # fmt: skip
            print(table(head, rows.values()), flush=True)
    print("\nLoading\n")
    print(table(["entries", "s", "MB at most while loading"], costs), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.jsonl, crops/ and photos/")
    parser.add_argument("--half", type=int, choices=(0, 1), default=1, help="0: where settings are chosen (default 1)")
    parser.add_argument("--every", type=int, default=1, help="only every so many plates")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="other plates on the lists")
    options = parser.parse_args()
    existing(options.data / "index.jsonl", "the index of plates")
    pipeline = Pipeline(config_of(1))
    passes = list(seen_of(pipeline, options.data, options.half, max(1, options.every)))
    print(f"{len(passes)} passes of {', '.join(map(str, FRAMES))} frames")
    report(passes, options.sizes, pipeline)


if __name__ == "__main__":
    main()
