"""Five cameras in trouble in one process: what `vision live` says, and what its folder holds afterwards.

    apt-get install libfaketime
    python benchmarks/live_troubles.py

One changes its size after a reconnect, one never answers, one refuses the password, one sends garbage, and while all
run the host's clock is set back by an hour (libfaketime; the steady clock is left alone). Real servers, on loopback.
"""

from __future__ import annotations

import glob
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.live_faults import raw_clip
from tests.servers import RtspServer, garbage_h264, raw_h264

HOUR_BACK_AT_S = 25
END_AT_S = 45


def fake_clock() -> str:
    """The library that lies about the time."""
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        sys.exit("libfaketime: expected it to be installed (apt-get install libfaketime)")
    return found[0]


def settings(urls: dict[str, str]) -> str:
    """The site's file."""
    head = "[defaults]\ntimeout_s = 3\nlongest_wait_s = 8\n\n[defaults.sightings]\nlinger_s = 1\n"
    return head + "".join(f'\n[[camera]]\nid = "{name}"\nurl = "{url}"\n' for name, url in urls.items())


def main() -> None:
    """Run, then print what was said and written."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as silent:
        folder = Path(name)
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        clip, other = raw_clip(folder / "changing.h264", 360), raw_clip(folder / "other.h264", 240)
        whole = raw_h264(folder / "whole.h264", 320, 192)
        garbage = garbage_h264(folder / "garbage.h264", whole)
        good = raw_clip(folder / "good.h264", 480)
        clock = folder / "clock"
        clock.write_text("+0\n")
        with (
            RtspServer([f"changing={clip}"]) as changing,
            RtspServer([f"locked={good}"], user="admin:right") as locked,
            RtspServer([f"good={good}", f"garbage={garbage}"]) as plain,
        ):
            urls = {
                "good": plain.url("good"),
                "changing": changing.url("changing"),
                "silent": f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x",
                "locked": locked.url("locked", "admin:wr0ng"),
                "garbage": plain.url("garbage"),
            }
            (folder / "site.toml").write_text(settings(urls), encoding="utf-8")
            command = [sys.executable, "-m", "vision", "live", str(folder / "site.toml"), "--out", str(folder / "out")]
            lie = {
                "LD_PRELOAD": fake_clock(),
                "FAKETIME_TIMESTAMP_FILE": str(clock),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
            process = subprocess.Popen(
                [*command, "--log-json"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                env=os.environ | lie, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )  # fmt: skip
            time.sleep(10)
            changing.kill()
            other.replace(clip)
            changing.restart()
            time.sleep(HOUR_BACK_AT_S - 10)
            clock.write_text("-3600\n")
            time.sleep(END_AT_S - HOUR_BACK_AT_S)
            process.send_signal(signal.SIGINT)
            began_s = time.monotonic()
            said = process.communicate(timeout=60)[1]
            print(
                f"stopped {time.monotonic() - began_s:.1f} s after Ctrl-C, exit status {process.returncode}\n\n## Log\n"
            )
            print(said)
            print("## cameras.jsonl\n")
            print((folder / "out" / "cameras.jsonl").read_text(encoding="utf-8"))
            print("## events.jsonl: camera, times, seconds since the start, plate\n")
            for line in (folder / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines():
                e = json.loads(line)
                plate = e["plate"]["text"] if e.get("plate") else None
                print(e["stream_id"], e["first_time"], e["last_time"], e.get("first_s"), plate)


if __name__ == "__main__":
    main()
