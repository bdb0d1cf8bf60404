"""A model in several precisions: which file is taken, and what is said when it is not there."""

import hashlib
import shutil
from pathlib import Path

import pytest

from vision.errors import ModelCorruptError, ModelNotFoundError
from vision.infer.session import Session
from vision.infer.store import choose, find, shipped

READER = "plate_reader"


def folder_with(tmp_path: Path, extra: str) -> Path:
    """A copy of the shipped reader whose manifest names only the variants in `extra`."""
    source = find(READER).path.parent
    folder = tmp_path / "reader"
    shutil.copytree(source, folder)
    toml = folder / "model.toml"
    toml.write_text(toml.read_text("utf-8").split("\n[variants")[0] + extra, "utf-8")
    return folder


def test_auto_takes_int8_on_a_cpu_only(tmp_path: Path) -> None:
    digest = hashlib.sha256(find(READER).path.read_bytes()).hexdigest()
    folder = str(folder_with(tmp_path, f'\n[variants.int8]\nfile = "model.onnx"\nsha256 = "{digest}"\n'))
    assert choose(folder).precision == "int8"
    assert choose(folder, device="cuda").precision == "float32"
    assert choose(folder, precision="float32").precision == "float32"
    assert Session(choose(folder)).manifest.precision == "int8"


def test_a_model_without_variants_keeps_its_own(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "")
    assert choose(str(folder)).path == folder / "model.onnx"
    with pytest.raises(ModelNotFoundError, match=r"plate_reader: expected a variant 'int8', it has float32"):
        choose(str(folder), precision="int8")


def test_a_variant_is_checked_like_any_model_file(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, '\n[variants.int8]\nfile = "model.onnx"\nsha256 = "0"\n')
    with pytest.raises(ModelCorruptError, match="expected SHA-256 0, got"):
        Session(choose(str(folder), precision="int8"))
    folder = folder_with(tmp_path / "b", '\n[variants.int8]\nfile = "model.onnx"\n')
    with pytest.raises(ModelCorruptError, match=r"variants.int8: expected key 'sha256', got none"):
        choose(str(folder), precision="int8")


def test_every_shipped_variant_answers_like_its_float_original() -> None:
    """Same inputs, same outputs, nearly the same numbers on a plain picture."""
    import numpy as np

    for model in shipped():
        sessions = [Session(m) for m in model.variants()]
        rng = np.random.default_rng(0)
        if model.get("input", "dtype") == "uint8":
            shape = (2, int(model.get("input", "height")), int(model.get("input", "width")), 3)
            x = np.repeat(rng.integers(0, 256, (*shape[:2], 1, 3)).astype(np.uint8), shape[2], axis=2)
        else:
            x = np.repeat(rng.random((1, 3, 64, 1), np.float32), 96, axis=3)
        first, *others = (s.run(x) for s in sessions)
        for other in others:
            for a, b in zip(first, other, strict=True):
                assert a.shape == b.shape
                assert np.abs(a - b).mean() < 0.1 + 0.05 * np.abs(a).mean(), model.name
