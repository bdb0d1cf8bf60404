"""Watch-lists in the flow: what they are matched with, and which early sightings are there for them alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from vision.match.watchlist import Watchlist, Words
from vision.pipeline.config import StreamConfig
from vision.pipeline.stages import Stages
from vision.types import PlateText, Sighting

LOG = logging.getLogger("vision.watchlist")
LOOK_S = 0.25  # between two looks at the files


def words_of(stages: Stages) -> Words:
    """What the networks can say: lists are checked against it."""
    decoder, attributes = stages.reader.decoder, stages.attributes
    return Words(decoder.charset, decoder.grammar, attributes.colors, attributes.types)


def wants_of(watchlists: Sequence[Watchlist]) -> Callable[[PlateText], bool] | None:
    """Which plates a stream is to give out early for its watch-lists; None where none wants that."""
    early = [w for w in watchlists if w.settings.notify == "early"]
    return (lambda plate: any(w.find(plate) for w in early)) if early else None


def is_told(sighting: Sighting, config: StreamConfig, *, early: bool) -> bool:
    """Whether a sighting is a result, or was given out early only since a watch-list waits for it."""
    if sighting.state == "final":
        return True
    return early and sighting.plate is not None and sighting.plate.score >= config.sightings.early_score


def follow_files(watchlists: Sequence[Watchlist], is_over: Callable[[], bool]) -> None:
    """Body of a thread: takes lists anew when their files change, and says so in the log of ``vision.watchlist``."""
    while watchlists and not is_over():
        for watchlist in watchlists:
            said = watchlist.refresh()
            if said:
                LOG.log(logging.ERROR if watchlist.trouble else logging.INFO, "%s", said)
        time.sleep(LOOK_S)
