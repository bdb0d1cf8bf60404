"""Every error the library raises on purpose; each is also the matching builtin."""

from __future__ import annotations


class VisionError(Exception):
    """Base of all errors of this library."""


class ConfigError(VisionError, ValueError):
    """A setting is unknown or has a wrong value; the text names file, key, what was expected and what came."""


class SourceError(VisionError, OSError):
    """A source cannot be opened or was lost; the URI is shown without its password."""


class DecodeError(SourceError):
    """A source opened, but its video cannot be decoded."""


class ModelError(VisionError):
    """A model or its manifest cannot be used."""


class ModelNotFoundError(ModelError, LookupError):
    """No model of that name or at that path."""


class ModelCorruptError(ModelError):
    """The file is not what its manifest says (SHA-256 differs, or not an ONNX model)."""


class ModelMismatchError(ModelError, ValueError):
    """The model's inputs, outputs or labels are not those that its task needs."""


class InferenceError(VisionError, RuntimeError):
    """onnxruntime is missing, the device asked for cannot be used, or a run failed."""


class OutputError(VisionError, OSError):
    """An output cannot be created or written (exists already, disk full, no permission)."""


class SinkError(VisionError, OSError):
    """Events could not be handed on: the platform is not there. ``wait_s``: it asked not to be tried before."""

    def __init__(self, text: str = "", *, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.wait_s = wait_s
