"""Devices: what onnxruntime is told, what is said when one cannot be used, and runs from bound buffers."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.ort import ALL, CPU, CUDA, TENSORRT, Ort
from vision.errors import InferenceError, ModelCorruptError, OutputError
from vision.infer import session as session_module
from vision.infer.binding import MAX_SHAPES, Binding
from vision.infer.device import Device, cache_folder, parse_device, providers_of
from vision.infer.session import Session, import_onnxruntime
from vision.infer.store import choose, find


def crops(n: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, 48, 160, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("cpu", Device("cpu")),
        ("cuda", Device("cuda")),
        ("cuda:1", Device("cuda", 1)),
        ("tensorrt:2", Device("tensorrt", 2)),
    ],
)
def test_names(text: str, device: Device) -> None:
    assert parse_device(text) == device
    assert str(parse_device(text)) == text


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:²", "cpu:0", "CUDA", "tensorrt:1:2"])
def test_unknown_name_is_refused(text: str) -> None:
    with pytest.raises(InferenceError) as caught:
        Session(find("plate_reader"), device=text)
    assert str(caught.value) == f"device: expected cpu, cuda, cuda:N, tensorrt or tensorrt:N, got {text!r}"


def test_cuda_is_asked_for_alone() -> None:
    assert providers_of(Device("cpu"), "int8", ALL) == [(CPU, {})]
    assert providers_of(Device("cuda", 1), "float32", ALL) == [(CUDA, {"device_id": 1})]


def test_tensorrt_keeps_its_engines_and_leaves_the_rest_to_cuda(tmp_path: Path) -> None:
    (name, options), cuda = providers_of(Device("tensorrt", 1), "float16", ALL, tmp_path)
    assert name == TENSORRT
    assert cuda == (CUDA, {"device_id": 1})
    assert options["device_id"] == 1
    assert options["trt_fp16_enable"] is True
    assert options["trt_int8_enable"] is False
    assert options["trt_engine_cache_enable"] is True
    assert options["trt_engine_cache_path"] == str(tmp_path)
    options = providers_of(Device("tensorrt"), "float32", ALL)[0][1]
    assert options["trt_fp16_enable"] is False
    assert options["trt_engine_cache_path"] == str(cache_folder())


def test_cache_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "platevision" / "tensorrt"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "platevision" / "tensorrt"


@pytest.mark.parametrize(("device", "provider"), [("cuda", CUDA), ("cuda:1", CUDA), ("tensorrt", TENSORRT)])
def test_device_that_this_onnxruntime_lacks(monkeypatch: pytest.MonkeyPatch, device: str, provider: str) -> None:
    monkeypatch.setattr(session_module, "import_onnxruntime", lambda: Ort((CPU,), (CPU,)))
    with pytest.raises(InferenceError) as caught:
        Session(find("plate_reader"), device=device)
    text = str(caught.value)
    assert text.startswith(f"device: {device!r} needs {provider}, but this onnxruntime offers only {CPU}: pip install")
    assert "'platevision[gpu]' on a machine with an NVIDIA GPU" in text
    assert ("TensorRT" in text.split("pip install")[1]) == (device == "tensorrt")


def test_device_that_is_not_used_after_all(monkeypatch: pytest.MonkeyPatch) -> None:
    ort = Ort(ALL, (CPU,))
    monkeypatch.setattr(session_module, "import_onnxruntime", lambda: ort)
    with pytest.raises(InferenceError, match=rf"device: asked for 'cuda:1' \({CUDA}\), onnxruntime uses {CPU}: pip"):
        Session(find("plate_reader"), device="cuda:1")
    assert ort.asked == [(CUDA, {"device_id": 1})]


def test_device_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "import_onnxruntime", lambda: Ort(ALL, ALL, "CUDA failure 100:\nno device"))
    with pytest.raises(InferenceError, match=r"device: 'cuda' cannot run model.onnx: CUDA failure 100: no device: pip"):
        Session(find("plate_reader"), device="cuda")
    with pytest.raises(ModelCorruptError, match="onnxruntime cannot load it: CUDA failure"):
        Session(find("plate_reader"), device="cpu")


@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_float16_needs_tensorrt(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(session_module, "import_onnxruntime", lambda: Ort(ALL, ALL))
    with pytest.raises(InferenceError, match=f"^precision: float16 needs device tensorrt, got device '{device}'$"):
        Session(choose("plate_reader", precision="float16", device=device), device=device)


def test_float16_is_the_models_own_file_rounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ort = Ort(ALL, ALL)
    monkeypatch.setattr(session_module, "import_onnxruntime", lambda: ort)
    manifest = choose("plate_reader", precision="float16", device="tensorrt")
    assert manifest.path == find("plate_reader").path
    assert manifest.identity()["precision"] == "float16"
    session = Session(manifest, device="tensorrt", cache=tmp_path / "a" / "b")
    assert session.provider == TENSORRT
    assert ort.asked[0][1]["trt_fp16_enable"] is True
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/x: cannot create"):
        Session(manifest, device="tensorrt", cache=tmp_path / "file" / "x")


def test_a_device_gives_what_the_cpu_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, ort = Session(find("plate_reader")), Ort(ALL, (CUDA, CPU))
    monkeypatch.setattr(session_module, "import_onnxruntime", lambda: ort)
    on_device = Session(find("plate_reader"), device="cuda:1")
    for n in (1, 3, 1, 3):
        batch = crops(n, seed=n)
        for a, b in zip(on_device.run(batch), plain.run(batch), strict=True):
            assert np.array_equal(a, b)
    assert ort.memories == [("cuda", 1)] * 2  # one buffer per shape
    turned = crops(3)[::-1, :, ::-1]
    assert np.array_equal(on_device.run(turned)[0], plain.run(turned)[0])
    with pytest.raises(InferenceError, match=r"^plate_reader: run failed: "):
        on_device.run(np.zeros((1, 48, 160, 3), np.float32))


def binding_on_cpu() -> tuple[Binding, Session]:
    plain, ort = Session(find("plate_reader")), import_onnxruntime()
    outputs = list(plain.manifest.get("outputs").values())
    return Binding(ort, plain._session, Device("cpu"), plain.manifest.get("input", "name"), outputs), plain


def test_binding_keeps_a_limited_number_of_shapes() -> None:
    binding, plain = binding_on_cpu()
    for n in (*range(1, MAX_SHAPES + 3), 1):
        batch = crops(n, seed=n)
        np.testing.assert_allclose(binding.run(batch)[0], plain.run(batch)[0], rtol=1e-4, atol=1e-6)  # of other batches
    assert len(binding._bound) == MAX_SHAPES


def n_wrong(run: Callable[[NDArray[Any]], Any], expected: Sequence[NDArray[Any]], *, atol: float) -> int:
    """Wrong first outputs when a thread for each of these ten times asks for its own."""
    wrong: list[int] = []

    def work(i: int) -> None:
        same = [np.allclose(run(crops(1, seed=i))[0], expected[i], rtol=0, atol=atol) for _ in range(10)]
        wrong.append(same.count(False))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(expected))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == len(expected)  # no thread broke off
    return sum(wrong)


def test_threads_take_turns() -> None:
    binding, plain = binding_on_cpu()
    assert n_wrong(binding.run, [plain.run(crops(1, seed=i))[0] for i in range(4)], atol=0) == 0
