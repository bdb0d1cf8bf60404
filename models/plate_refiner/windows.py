"""What the refiner sees: size of its windows, and how much of the surroundings they show."""

from __future__ import annotations

import numpy as np

from vision.detect.refiner import UNIT

INPUT_H, INPUT_W = 64, 96
MARGIN_X, MARGIN_Y = 0.2, 0.5  # around the plate as it was found, shares of its width and height
SPREAD = UNIT * np.float32((1 + 2 * MARGIN_X, 1 + 2 * MARGIN_Y))  # a window's corners in its units
PLATE_PX = INPUT_W / (1 + 2 * MARGIN_X), INPUT_H / (1 + 2 * MARGIN_Y)  # width and height of a plate in it
