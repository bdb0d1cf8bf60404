"""The example package is installed as a stranger would, and takes events."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import vision

PACKAGE = Path(__file__).parents[2] / "examples" / "sink_package"
USE = """
import sys
from pathlib import Path
from tests.events.samples import one_of_each
from vision.errors import ConfigError
from vision.outbox.outbox import Outbox
from vision.outbox.sender import Route
from vision.sinks.registry import make_sink, sink_types

folder = Path(sys.argv[1])
assert {"jsonl", "sqlite", "webhook"} <= set(sink_types())
try:
    make_sink("sqlite", "mine", {"fil": "x"})
except ConfigError as err:
    print(err)
for name in ("one", "two"):  # another outbox knows no keys of the first: everything is sent again
    sink = make_sink("sqlite", "mine", {"file": str(folder / "passes.db")})
    with Outbox(folder / name, [Route("mine", sink)]) as box:
        for event in one_of_each():
            box.put(event)
        assert box.drain(20)
        figures = box.figures()["mine"]
        print(figures["delivered"], figures["dead"])
"""


def test_a_stranger_s_package_is_found_and_used(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "source")
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--disable-pip-version-check", "--target", str(target), str(tmp_path / "source")]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    root = Path(__file__).parents[2]
    paths = os.pathsep.join(map(str, (target, Path(vision.__file__).parents[1], root)))
    environment = {**os.environ, "PYTHONPATH": paths}
    command = [sys.executable, "-c", USE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "sink 'mine': fil: unknown key, expected one of file; file: expected a value, got none" or (
        said[0] == "sink 'mine': file: expected a value, got none; fil: unknown key, expected one of file"
    )
    assert said[1:] == ["2 3", "2 3"]
    rows = sqlite3.connect(tmp_path / "passes.db").execute("SELECT camera, plate FROM passes").fetchall()
    assert rows == [("gate", "京A12345")] * 2
