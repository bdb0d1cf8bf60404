"""Time of the detectors' networks alone beside other people's, on one thread, in turns within one run.

    python benchmarks/network_times.py --peers DIR [--rounds N]

DIR holds `y5fu_320x_sim.onnx` (HyperLPR3's plate detector) and `yolox_nano.onnx` (416 x 416). Each network gets random
numbers of the size it is used at: plates 320 x 320 both, and ours at 256 x 256 with the second look at one plate beside
it; a frame of 16:9 is 256 x 416 for the vehicle detector, and 416 x 416 for YOLOX, which pads it to a square. Nothing
around the networks is timed. Only the ratios mean something.
The plate reader's rival stands in `models/plate_reader/rivals.py`.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import existing, fail, table

MODELS = Path(__file__).resolve().parents[1] / "models"
WARM_UP = 5


@dataclass(slots=True)
class Network:
    """One network, its input of random numbers, and the seconds its runs took."""

    name: str
    session: ort.InferenceSession
    blob: NDArray[np.float32 | np.uint8]
    size: str
    seconds: list[float] = field(default_factory=list)

    @staticmethod
    def load(name: str, path: Path, height: int, width: int, scale: float = 1.0) -> Network:
        """On one thread.  `scale`: largest input value."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(str(existing(path, "a network")), options, providers=["CPUExecutionProvider"])
        rng = np.random.default_rng(1)
        if session.get_inputs()[0].type == "tensor(uint8)":
            return Network(name, session, rng.integers(0, 256, (1, height, width, 3), np.uint8), f"{height} x {width}")
        blob = rng.random((1, 3, height, width), np.float32) * np.float32(scale)
        return Network(name, session, blob, f"{height} x {width}")

    def run(self) -> None:
        begin = time.perf_counter()
        self.session.run(None, {self.session.get_inputs()[0].name: self.blob})
        self.seconds.append(time.perf_counter() - begin)

    def median_ms(self) -> float:
        return float(np.median(self.seconds[WARM_UP:])) * 1e3


def compare(networks: list[Network], rounds: int) -> list[list[str]]:
    """Runs them in turns; rows of the table, the last network is 1."""
    for _ in range(rounds + WARM_UP):
        for network in networks:
            network.run()
    rival = networks[-1].median_ms()
    return [[n.name, n.size, f"{n.median_ms():.2f}", f"{n.median_ms() / rival:.2f}"] for n in networks]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, required=True, help="folder of the other networks")
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--rounds", type=int, default=100)
    args = parser.parse_args()
    if args.rounds < 1:
        fail(f"--rounds: expected at least 1, got {args.rounds}")

    def ours(name: str, height: int, width: int) -> list[Network]:
        files = {name: "model.onnx", f"{name} int8": "model.int8.onnx"}
        if name == "plate_refiner":  # ships in one precision
            del files[f"{name} int8"]
        return [Network.load(n, args.models / name / f, height, width) for n, f in files.items()]

    plates = [*ours("plate_detector", 320, 320), *ours("plate_detector", 256, 256), *ours("plate_refiner", 64, 96)]
    hyperlpr3 = Network.load("HyperLPR3 y5fu_320x", args.peers / "y5fu_320x_sim.onnx", 320, 320)
    yolox = Network.load("yolox_nano", args.peers / "yolox_nano.onnx", 416, 416, 255.0)
    rows = compare([*plates, hyperlpr3], args.rounds)
    rows += compare([*ours("vehicle_detector", 256, 416), yolox], args.rounds)
    print(table(["network", "input", "median ms", "ratio"], rows))


if __name__ == "__main__":
    main()
