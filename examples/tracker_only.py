"""The tracker with boxes from any detector: python examples/tracker_only.py"""

import numpy as np

from vision import Tracker

STEP_NS = 40_000_000  # 25 frames a second; real times may be uneven, the tracker uses them as they are


def main() -> None:
    tracker = Tracker(max_lost_s=1.0)
    for i in range(50):
        boxes = np.array([[10 + 8 * i, 100, 90 + 8 * i, 160], [600 - 8 * i, 300, 680 - 8 * i, 360]], np.float32)
        scores = np.array([0.9, 0.8], np.float32)
        if 20 <= i < 30:  # the first vehicle is hidden for ten frames and comes back under its old id
            boxes, scores = boxes[1:], scores[1:]
        ids = tracker.update(boxes, scores, time_ns=i * STEP_NS)
        if i % 10 == 5:
            print(f"frame {i:2}: boxes {ids.tolist()}, alive {tracker.tracks.track_id.tolist()}")
    tracker.reset()
    print("ended:", tracker.ended.tolist())


if __name__ == "__main__":
    main()
