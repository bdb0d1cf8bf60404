"""What ``vision doctor`` says of devices and decoders."""

from pathlib import Path

import pytest

from tests.ort import ALL, CPU, CUDA, Ort
from vision.cli import doctor
from vision.infer import session
from vision.video import hardware


def test_no_device_beside_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "import_onnxruntime", lambda: Ort((CPU,), (CPU,)))
    assert doctor.check_devices() == []


def test_a_usable_and_an_unusable_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(session, "import_onnxruntime", lambda: Ort(ALL, (CUDA, CPU)))
    cuda, tensorrt = doctor.check_devices()
    assert (cuda.name, cuda.is_ok, cuda.found) == ("device cuda", True, f"usable, {CUDA}")
    assert (tensorrt.name, tensorrt.is_ok) == ("device tensorrt", True)
    assert tensorrt.found.startswith(
        f"not usable: device: asked for 'tensorrt' (TensorrtExecutionProvider), onnxruntime uses {CUDA}"
    )


def test_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "known", lambda: ["cpu", "cuda", "vaapi"])
    monkeypatch.setattr(hardware, "usable", lambda: ["cpu", "vaapi"])
    assert doctor.check_decoders().found == "on cpu, vaapi; not here: cuda"
