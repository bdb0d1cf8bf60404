"""Accuracy and time of the plate reader beside PP-OCRv4's recognizer, on the same crops in the same run.

pip download rapidocr-onnxruntime --no-deps     # the wheel holds ch_PP-OCRv4_rec_infer.onnx (Apache-2.0)
python models/plate_reader/rivals.py --data DATA --rival ch_PP-OCRv4_rec_infer.onnx [--model model.int8.onnx]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from evaluate import HERE, onnx_reader, real_sets
from labels import CHAR_INDEX, decode
from numpy.typing import NDArray

WIDTH = 320


def session(path: Path) -> ort.InferenceSession:
    """On one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class PaddleOcr:
    """PP-OCRv4's recognizer: a crop lies at the left of its 48 x 320 input, as RapidOCR puts it there.

    What is no plate character is left out of its answer. (Stretched to the full width it reads a sixth less.)
    """

    def __init__(self, path: Path) -> None:
        self.session = session(path)
        self.input = self.session.get_inputs()[0].name
        words = self.session.get_modelmeta().custom_metadata_map["character"].splitlines()
        self.chars = ["", *words, " "]

    def __call__(self, image: NDArray[np.uint8]) -> str:
        """uint8 (48, 160, 3) BGR -> text."""
        x = np.zeros((1, 3, 48, WIDTH), np.float32)
        x[0, :, :, : image.shape[1]] = image.astype(np.float32).transpose(2, 0, 1) / 127.5 - 1
        best = self.session.run(None, {self.input: x})[0][0].argmax(-1)
        kept = [int(c) for c, before in zip(best, [0, *best[:-1]], strict=True) if c != before]
        return "".join(c for c in (self.chars[i] for i in kept) if c and c in CHAR_INDEX)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds plates/")
    parser.add_argument("--rival", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=HERE / "model.onnx")
    parser.add_argument("--limit", type=int, default=1000, help="crops per set")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    ours, rival = onnx_reader(args.model, batch=1), PaddleOcr(args.rival)
    seconds: list[tuple[float, float]] = []
    print("| set | n | ours, exact % | PP-OCRv4, exact % |\n|---|---|---|---|")
    for name, labelled in real_sets(args.data).items():
        right = np.zeros(2)
        images, texts = labelled.images[: args.limit], labelled.text[: args.limit]
        for image, text in zip(images, texts, strict=True):
            start = time.perf_counter()
            mine = decode(ours(image[None])[0][0].argmax(-1))
            middle = time.perf_counter()
            theirs = rival(image)
            seconds.append((middle - start, time.perf_counter() - middle))
            right += mine == text, theirs == text
        print(f"| {name} | {len(texts)} | " + " | ".join(f"{100 * r / len(texts):.1f}" for r in right) + " |")
    times = np.median(np.array(seconds), 0) * 1e3
    print(f"\nmedian ms a crop: {times[0]:.2f}, PP-OCRv4 {times[1]:.2f}, ratio {times[0] / times[1]:.3f}")


if __name__ == "__main__":
    main()
