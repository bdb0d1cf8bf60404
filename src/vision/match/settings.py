"""The settings of a watch-list."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vision.settings import Section


class WatchlistSettings(Section):
    """A watch-list: its file, and when a sighting is said to be of an entry."""

    name: Annotated[str, Field(pattern=r"^[\w-]{1,64}$")]
    file: Annotated[str, Field(min_length=1)]
    min_probability: Annotated[float, Field(ge=0.001, le=1)] = 0.1
    notify: Literal["early", "final"] = "early"
    key_variable: Annotated[str, Field(pattern=r"^\w+$")] = "VISION_WATCHLIST_KEY"
