"""Boxes of one frame after another become tracks with ids that stay."""

from vision.track.tracker import Tracker
from vision.track.tracks import Tracks

__all__ = ["Tracker", "Tracks"]
