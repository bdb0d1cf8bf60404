"""Finds models: those that travel with the package, or any folder that holds a model.toml."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from vision.errors import ModelCorruptError, ModelNotFoundError
from vision.infer.manifest import Manifest, read_manifest


def shipped() -> list[Manifest]:
    """Manifests of the models that ship with the library, by name."""
    package = import_module("vision.models")  # data only: the models/ folder of the repository
    root = Path(package.__path__[0])
    return [read_manifest(file.parent) for file in sorted(root.glob("*/model.toml"))]


def find(name: str) -> Manifest:
    """A model by the name of a shipped one or by the path of its folder.

    Raises:
        ModelNotFoundError: neither exists.
    """
    if "/" in name or "\\" in name or Path(name).is_dir():
        return read_manifest(Path(name))
    models = shipped()
    for manifest in models:
        if manifest.name == name:
            return manifest
    names = ", ".join(m.name for m in models) or "none"
    raise ModelNotFoundError(f"model: expected a folder or one of {names}, got {name!r}")


def choose(name: str, *, precision: str = "auto", device: str = "cpu") -> Manifest:
    """`find`, in the precision asked for; ``auto`` is int8 on a CPU where the model has it, else the model's own.

    ``float16`` is no file: it is the model's own, which TensorRT rounds (`providers_of` refuses it elsewhere).

    Raises:
        ModelNotFoundError: there is no such model, or not in that precision.
    """
    manifest = find(name)
    if precision == "auto":
        precision = "int8" if device == "cpu" and "int8" in manifest.values.get("variants", {}) else manifest.precision
    if precision == "float16":
        return replace(manifest, precision=precision)
    return manifest.variant(precision)


def verified_bytes(manifest: Manifest) -> bytes:
    """The model file's content after its SHA-256 was checked.

    Raises:
        ModelNotFoundError: the file is missing.
        ModelCorruptError: the content is not what the manifest says.
    """
    try:
        data = manifest.path.read_bytes()
    except OSError as err:
        raise ModelNotFoundError(f"{manifest.path}: expected the model file, cannot read it: {err.strerror}") from err
    digest = hashlib.sha256(data).hexdigest()
    if digest != manifest.sha256:
        raise ModelCorruptError(f"{manifest.path}: expected SHA-256 {manifest.sha256}, got {digest} (corrupted file)")
    return data
