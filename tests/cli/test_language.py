"""Errors of devices in Chinese."""

import pytest

from vision.cli.language import translate


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (
            "error: device: 'cuda' needs CUDAExecutionProvider, but this onnxruntime offers only CPU: pip",
            "错误:设备 'cuda' 不可用:当前 onnxruntime 不支持 CUDAExecutionProvider,请安装 platevision[gpu]",
        ),
        (
            "error: device: asked for 'cuda:1' (CUDAExecutionProvider), onnxruntime uses CPU: pip",
            "错误:要求设备 'cuda:1' (CUDAExecutionProvider),onnxruntime 却使用 CPU",
        ),
        (
            "error: precision: float16 needs device tensorrt, got device 'cpu'",
            "错误:float16 只用于 tensorrt,当前设备为 'cpu'",
        ),
        (
            "error: decode.device: 'cuda' cannot be opened: no device: needs a GPU; this machine decodes on cpu",
            "错误:无法打开解码设备 'cuda':no device",
        ),
    ],
)
def test_devices(monkeypatch: pytest.MonkeyPatch, english: str, chinese: str) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert translate(english) == chinese
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert translate(english) == english
