"""Speed on the road, where a camera is calibrated, with the error that calibration and boxes leave."""

from __future__ import annotations

import numpy as np

from vision.scene.geometry import F64, Bools, apply, contains, homography
from vision.scene.layout import Calibration
from vision.types import Speed

LEAST_BOXES, LEAST_S = 5, 0.4
SURE = 1.96  # standard deviations that hold 95 % of a normal distribution
KMH = 3.6


class SpeedMeter:
    """Turns ways in the picture into speeds.

    Args:
        calibration: checked settings.
        scale: pixels of the frame per unit of the settings' points, (2,).
    """

    def __init__(self, calibration: Calibration, scale: F64) -> None:
        self._area = np.array(calibration.polygon) * scale
        self._scale_error = 0.0
        if calibration.points is None or calibration.meters is None:
            to_units = np.diag([1 / scale[0], 1 / scale[1], 1.0])
            self._matrix = np.array(calibration.homography) @ to_units
            self._shifted: list[F64] = []
            self._scale_error = calibration.scale_error
        else:
            picture, road = np.array(calibration.points) * scale, np.array(calibration.meters)
            self._matrix = homography(picture, road)
            # How the matrix changes when each coordinate of each point is wrong by its standard error.
            self._shifted = []
            errors = (calibration.point_error_px, calibration.meter_error_m)
            residual = float(np.sqrt(np.mean((apply(self._matrix, picture) - road) ** 2)))
            for which, error in enumerate((errors[0], max(errors[1], residual))):
                for at in np.ndindex(picture.shape):
                    moved = [picture.copy(), road.copy()]
                    moved[which][at] += error
                    self._shifted.append(homography(*moved))

    def is_inside(self, points: F64) -> Bools:
        """Which points (n, 2) of the picture the calibration holds for."""
        return contains(self._area, points)

    def speed(self, points: F64, times_s: F64) -> Speed | None:
        """The mean speed along a way.

        A straight way at even speed is fitted to the points; what they scatter around it (jitter of the boxes, turns,
        braking) and the errors of the calibration make the error, at 95 %.

        Args:
            points: (n, 2) ground points in the picture, inside the calibrated area.
            times_s: (n,) their times in seconds, increasing.

        Returns:
            None for fewer than `LEAST_BOXES` boxes or a shorter time than `LEAST_S`.
        """
        if len(points) < LEAST_BOXES or times_s[-1] - times_s[0] < LEAST_S:
            return None
        velocity, jitter = fit(apply(self._matrix, points), times_s)
        speed = float(np.hypot(*velocity))
        # Only the jitter along the way changes the speed.
        along = velocity / speed if speed > 0 else np.array([1.0, 0.0])
        variance = float((along * jitter) @ (along * jitter)) + (self._scale_error * speed) ** 2
        for matrix in self._shifted:
            moved, _ = fit(apply(matrix, points), times_s)
            variance += (float(np.hypot(*moved)) - speed) ** 2
        return Speed(round(speed * KMH, 1), round(SURE * float(np.sqrt(variance)) * KMH, 1))


def fit(places: F64, times_s: F64) -> tuple[F64, F64]:
    """Velocity (2,) of the straight, even way through places (n, 2) in meters, and its standard error (2,)."""
    t = times_s - times_s.mean()
    spread = float(t @ t)
    velocity = t @ places / spread
    rest = places - places.mean(0) - t[:, None] * velocity
    return velocity, np.sqrt((rest**2).sum(0) / (len(t) - 2) / spread)
