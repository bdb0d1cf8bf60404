"""A model in several precisions: which file is taken, and what is said when it is not there."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.clip import demo_clip
from vision.errors import ModelCorruptError, ModelNotFoundError
from vision.infer.session import Session
from vision.infer.store import choose, find
from vision.pipeline.config import Config, parse_config
from vision.pipeline.photo import read_photo
from vision.pipeline.stages import load_stages
from vision.plates.fuse import distance
from vision.video.file import FileSource

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


def test_int8_reads_and_finds_what_float_does() -> None:
    with FileSource(demo_clip(), start_s=1.2) as source:
        frame = next(iter(source))
    small, plain = (
        read_photo(load_stages(config), config, frame)
        for config in (parse_config({"models": {"precision": p}}) for p in ("auto", "float32"))
    )
    assert {m.precision for m in load_stages(Config()).manifests} == {"int8", "float32"}
    assert len(small.plates) == len(plain.plates) > 0
    from_left = [sorted(photo.plates, key=lambda r: r.box[0]) for photo in (small, plain)]
    for a, b in zip(*from_left, strict=True):
        assert distance(a.plate.text, b.plate.text) == 0  # one of them may leave a character open
    firm = [v for v in plain.vehicles if v.score > 0.6]  # at the threshold itself the two may differ
    assert firm
    for vehicle in firm:
        nearest = min(small.vehicles, key=lambda v: np.abs(np.subtract(v.box, vehicle.box)).max())
        assert np.abs(np.subtract(nearest.box, vehicle.box)).max() < 12
        assert nearest.type == vehicle.type
        assert nearest.score == pytest.approx(vehicle.score, abs=0.1)
