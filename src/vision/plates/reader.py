"""Reads plates: corners in a frame -> characters with probabilities."""

from __future__ import annotations

import copy

import numpy as np

from vision import kernels
from vision.errors import ModelMismatchError
from vision.infer.session import Session
from vision.plates.grammar import Grammar, TextDecoder, load_grammar
from vision.types import F32, U8, Frame, PlateDetections, PlateRead

LOG_FLOOR = 1e-9


class PlateReader:
    """The plate reading network with its grammar.

    Args:
        session: a ``plate_reader`` model: uint8 BGR (n, h, w, 3) in; text (n, slots, characters), color (n, colors)
            and rows (n, 2) probabilities out.
        grammar: which texts are plates; default China.
    """

    def __init__(self, session: Session, grammar: Grammar | None = None) -> None:
        manifest = session.manifest
        if manifest.task != "plate_reader":
            raise ModelMismatchError(f"{manifest.name}: expected task plate_reader, got {manifest.task}")
        self._session = session
        self._size = int(manifest.get("input", "height")), int(manifest.get("input", "width"))
        self.decoder = self._decoder(grammar or load_grammar())

    def _decoder(self, grammar: Grammar) -> TextDecoder:
        manifest = self._session.manifest
        return TextDecoder(manifest.get("labels", "charset"), manifest.get("labels", "colors"), grammar)

    def adjusted(self, grammar: Grammar) -> PlateReader:
        """The same network with another grammar."""
        other = copy.copy(self)
        other.decoder = self._decoder(grammar)
        return other

    def crop(self, frame: Frame, corners: F32) -> U8:
        """The plates of a frame seen straight on, (n, h, w, 3) uint8 BGR.

        Args:
            corners: (n, 4, 2) float32.
        """
        out = np.empty((len(corners), *self._size, 3), np.uint8)
        kernels.warp(frame.planes, np.ascontiguousarray(corners, np.float32), out)
        return out

    def read(self, frame: Frame, plates: PlateDetections) -> list[PlateRead]:
        """One read per plate, in their order; whether a read is to be believed is for the caller to judge."""
        if not len(plates):
            return []
        crops = self.crop(frame, plates.corners)
        text, color, rows = self._session.run(crops)
        log_probs = np.log(np.maximum(text, LOG_FLOOR)).astype(np.float32)
        widths = plates.widths
        return [
            PlateRead(
                corners=plates.corners[i],
                detection_score=float(plates.scores[i]),
                log_probs=log_probs[i],
                color_probs=color[i],
                row_probs=rows[i],
                width_px=float(widths[i]),
                sharpness=kernels.sharpness(crops[i]),
                plate=self.decoder.decode(log_probs[i], color[i], rows[i]),
            )
            for i in range(len(plates))
        ]
