"""How every kind of settings is checked: unknown keys are errors, each bad key is named in one line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from vision.errors import ConfigError

OWN = "own"  # type of the problems that `wrong` makes


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnySection = TypeVar("AnySection", bound=Section)


def wrong(text: str) -> PydanticCustomError:
    """What a check of one's own raises; the text says what was expected and what came."""
    return PydanticCustomError(OWN, "{text}", {"text": text})


def parse(model: type[AnySection], values: Mapping[str, Any], name: str) -> AnySection:
    """Checked settings of any kind from plain tables.

    Raises:
        ConfigError: names every key that is unknown or has a wrong value.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as err:
        problems = "; ".join(describe(dict(e), model) for e in err.errors())
        raise ConfigError(f"{name}: {problems}") from err


def describe(problem: dict[str, Any], model: type[Section]) -> str:
    """One pydantic problem as `key: expected ..., got ...`."""
    place = ".".join(str(p) for p in problem["loc"])
    if problem["type"] == "missing":
        return f"{place}: expected a value, got none"
    if problem["type"] == "extra_forbidden":
        names = ", ".join(section_at(problem["loc"][:-1], model).model_fields)
        return f"{place}: unknown key, expected one of {names}"
    if problem["type"] == OWN:  # says itself what came
        return f"{place}: {problem['msg']}" if place else str(problem["msg"])
    message = re.sub("(Input|String) should", "expected to", problem["msg"]).replace("expected to be", "expected")
    return f"{place}: {message}, got {'something else' if is_secret(problem['loc'], model) else repr(problem['input'])}"


def is_secret(place: tuple[str | int, ...], model: type[Section]) -> bool:
    """Whether the value at a place must not be shown: its field says ``repr=False``."""
    names = [part for part in place if isinstance(part, str)]
    parent = section_at(tuple(names[:-1]), model) if names else None
    fields = getattr(parent, "model_fields", {})
    return bool(names) and names[-1] in fields and not fields[names[-1]].repr


def section_at(place: tuple[str | int, ...], model: type[Section]) -> Any:
    """The settings class at a place in the file, such as ``("scene", "lines", 0)``."""
    section: Any = model
    for part in place:
        if isinstance(part, str):
            section = section.model_fields[part].annotation
            while get_args(section):  # tuple[Part, ...] or Part | None
                section = get_args(section)[0]
    return section


def expanded(value: Any, label: str) -> Any:
    """The value with ``${NAME}`` in its texts replaced from the environment, so that no password stands in a file.

    Raises:
        ConfigError: the variable is not set; ``label`` says where.
    """
    if isinstance(value, Mapping):
        return {key: expanded(inner, f"{label}: {key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [expanded(inner, label) for inner in value]
    if not isinstance(value, str):
        return value

    def found(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigError(f"{label}: expected the environment variable {match[1]} to be set, it is not")
        return os.environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", found, value)
