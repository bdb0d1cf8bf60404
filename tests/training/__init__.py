"""The programs in models/ that make the networks: what a wrong line there would silently spoil."""

import sys
from pathlib import Path

MODELS = Path(__file__).resolve().parents[2] / "models"
sys.path[:0] = [str(MODELS), str(MODELS / "plate_reader"), str(MODELS / "plate_refiner")]
