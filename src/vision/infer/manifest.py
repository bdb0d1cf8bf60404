"""Reads a model's manifest (model.toml): what the model takes, gives and was made from."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vision.errors import ModelCorruptError, ModelMismatchError, ModelNotFoundError

TASKS = ("vehicle_detector", "plate_detector", "plate_refiner", "plate_reader", "vehicle_attributes")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One model folder: identity, file, and the tables that its task reads (`values`)."""

    name: str
    version: str
    task: str
    path: Path
    sha256: str
    licence: str
    values: dict[str, Any]
    precision: str = "float32"

    def variant(self, precision: str) -> Manifest:
        """The same model with the file of another precision, from the ``[variants]`` table.

        Raises:
            ModelNotFoundError: the model has no such variant.
            ModelCorruptError: the variant's table lacks a key.
        """
        if precision == self.precision:
            return self
        variants = self.values.get("variants", {})
        if precision not in variants:
            has = ", ".join((self.precision, *variants))
            raise ModelNotFoundError(f"{self.name}: expected a variant {precision!r}, it has {has}")
        try:
            file, sha256 = variants[precision]["file"], variants[precision]["sha256"]
        except KeyError as err:
            where = f"{self.path.parent / 'model.toml'}: variants.{precision}"
            raise ModelCorruptError(f"{where}: expected key {err.args[0]!r}, got none") from err
        return replace(self, path=self.path.parent / file, sha256=sha256, precision=precision)

    def identity(self) -> dict[str, str]:
        """What a report says of a model that took part."""
        return {key: getattr(self, key) for key in ("name", "version", "task", "precision", "sha256", "licence")}

    def variants(self) -> list[Manifest]:
        """The model in each of its precisions, its own first."""
        return [self, *(self.variant(precision) for precision in self.values.get("variants", {}))]

    def get(self, *keys: str) -> Any:
        """The value at a dotted place, e.g. ``get("labels", "charset")``.

        Raises:
            ModelMismatchError: the manifest lacks it.
        """
        value: Any = self.values
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                raise ModelMismatchError(f"{self.path.parent / 'model.toml'}: expected key {'.'.join(keys)}, got none")
            value = value[key]
        return value


def read_manifest(folder: Path) -> Manifest:
    """The manifest of one model folder.

    Raises:
        ModelNotFoundError: no model.toml there.
        ModelCorruptError: model.toml is not readable TOML or lacks a required key.
    """
    file = folder / "model.toml"
    if not file.is_file():
        raise ModelNotFoundError(f"{folder}: expected a model folder with model.toml, found none")
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        task = values["task"]
        if task not in TASKS:
            raise ModelMismatchError(f"{file}: task: expected one of {', '.join(TASKS)}, got {task!r}")
        return Manifest(
            name=values["name"],
            version=values["version"],
            task=task,
            path=folder / values["file"],
            sha256=values["sha256"],
            licence=values["licence"],
            values=values,
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ModelCorruptError(f"{file}: expected TOML, got: {err}") from err
    except KeyError as err:
        raise ModelCorruptError(f"{file}: expected key {err.args[0]!r}, got none") from err
