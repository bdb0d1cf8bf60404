"""Frames from your own code, here OpenCV's reader: python examples/own_frames.py street.mp4

Whatever gives BGR pictures and their times will do: a camera SDK, a message queue, a folder of pictures.
"""

import sys
from collections.abc import Iterator

import cv2
import numpy as np

from vision import Frame, Pipeline, Planes, Sighting


def frames_of(path: str) -> Iterator[Frame]:
    video = cv2.VideoCapture(path)
    index = 0
    while True:
        ok, image = video.read()  # a new array each time: a sighting keeps its best frame, so never reuse a buffer
        if not ok:
            return
        offset_s = index / 25
        planes = Planes("bgr", (np.asarray(image, np.uint8),))
        yield Frame("gate-1", index, time_ns=round(offset_s * 1e9), offset_s=offset_s, planes=planes)
        index += 1


def show(sighting: Sighting) -> None:
    print(sighting.id, sighting.plate.text if sighting.plate else sighting.reason, f"{sighting.n_reads} reads")


def main(path: str) -> None:
    stream = Pipeline().open("gate-1")  # one stream per camera
    for frame in frames_of(path):
        for sighting in stream.update(frame).sightings:
            show(sighting)
    for sighting in stream.close():  # what was still in view at the end
        show(sighting)


if __name__ == "__main__":
    main(sys.argv[1])
