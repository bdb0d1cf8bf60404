"""Decoding elsewhere than on the processor. Where there is no such device: the texts of the errors."""

from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import pytest

from tests.media import picture, write_video
from vision.errors import ConfigError, DecodeError, SourceError
from vision.video import file, hardware
from vision.video.file import FileSource
from vision.video.hardware import accelerator, known, usable


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "a.mp4", [picture(64, 48)] * 5)


@pytest.fixture
def nothing_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "hwdevices_available", lambda: ["cuda", "qsv", "vaapi"])
    monkeypatch.setattr(hardware, "refusal", lambda kind, which=None: av.error.ExternalError(1, f"no {kind}"))


def test_the_processor_needs_nothing(clip: Path) -> None:
    assert accelerator("cpu") is None
    assert known()[0] == usable()[0] == "cpu"
    assert set(usable()) <= set(known())
    with FileSource(clip, device="cpu") as source:
        assert len(list(source)) == 5


@pytest.mark.parametrize("device", ["", "gpu", "qsv", "cuda:", "cpu:0", "CUDA"])
def test_unknown_device(nothing_opens: None, clip: Path, device: str) -> None:
    with pytest.raises(ConfigError) as caught:
        FileSource(clip, device=device)
    assert str(caught.value) == f"decode.device: expected one of cpu, cuda, vaapi, or NAME:N, got {device!r}"


def test_device_that_is_not_there(nothing_opens: None, clip: Path) -> None:
    with pytest.raises(DecodeError) as caught:
        FileSource(clip, device="cuda:1")
    assert str(caught.value) == (
        "decode.device: 'cuda:1' cannot be opened: no cuda: needs an NVIDIA GPU and its driver (libcuda, libnvcuvid); "
        "this machine decodes on cpu"
    )


def test_a_device_opens_or_says_why_not() -> None:
    for kind in known()[1:]:
        if kind in usable():
            assert accelerator(kind) is not None
        else:
            with pytest.raises(DecodeError, match=f"decode.device: '{kind}' cannot be opened: .+: needs "):
                accelerator(kind)


def test_device_that_does_not_know_the_codec(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    monkeypatch.setattr(file, "accelerator", lambda device: object())

    def refuse(uri: str, *, hwaccel: Any) -> Any:
        assert hwaccel is not None
        raise RuntimeError("no stream is compatible")

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(DecodeError, match=r"a.mp4: decode.device: 'cuda' cannot decode this video: no stream is comp"):
        FileSource(clip, device="cuda")


def test_a_device_that_is_not_used_is_an_error(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    real = av.open
    monkeypatch.setattr(file, "accelerator", lambda device: object())
    monkeypatch.setattr(av, "open", lambda uri, *, hwaccel: real(uri))
    with pytest.raises(DecodeError, match=r"a.mp4: decode.device: asked for 'cuda', but it is not used for this video"):
        FileSource(clip, device="cuda")


def test_a_missing_file_stays_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot open: No such file"):
        FileSource(tmp_path / "none.mp4", device="cpu")


def test_pictures_of_a_device_are_nv12(clip: Path) -> None:
    for kind in usable()[1:]:
        with FileSource(clip, device=kind) as source, FileSource(clip) as plain:
            for a, b in zip(source, plain, strict=True):
                assert a.planes.layout == "nv12"
                assert np.array_equal(a.planes.data[0], b.planes.data[0])
