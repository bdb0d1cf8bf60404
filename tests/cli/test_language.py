"""Errors of devices and of sinks in Chinese."""

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
        (
            "error: site.toml: purpose: expected what the data are collected for (every event says it), got none",
            "错误:site.toml 缺少 purpose:配置了接收端时必须写明数据用途(每个事件都会带上)",
        ),
        (
            "error: site.toml: sink 'x': type: expected one of callback, jsonl, webhook, got 'jsonll'",
            "错误:site.toml: sink 'x' 的 type 未知:jsonll,可用的有:callback, jsonl, webhook",
        ),
        (
            "error: site.toml: sink 'x': folder: expected the environment variable A to be set, it is not",
            "错误:site.toml: sink 'x': folder 需要环境变量 A,但未设置",
        ),
        (
            "error: out: expected a folder of `vision live` with an outbox, found none",
            "错误:out 中没有发件箱(outbox),请给出 vision live 的输出目录",
        ),
        (
            "error: out: expected the folder of a sink of type archive, found no archive.db",
            "错误:out 不是 archive 接收端的目录(没有 archive.db)",
        ),
        (
            "error: a/keys.json: expected keys (made by vision key add), got: No such file or directory",
            "错误:没有密钥文件 a/keys.json,请先用 vision key add 创建",
        ),
        (
            "error: --listen: expected a loopback address, or --tls-cert and --tls-key, or --plain-http: keys and "
            "plates would cross the network for all to read, got '0.0.0.0:80'",
            "错误:--listen:其他机器可访问 0.0.0.0:80,需要 --tls-cert 和 --tls-key(或明确给出 --plain-http),"
            "否则车牌会明文传输",
        ),
        (
            "error: a/archive.db: cannot read: file is not a database",
            "错误:无法读取 a/archive.db:file is not a database",
        ),
    ],
)
def test_errors(monkeypatch: pytest.MonkeyPatch, english: str, chinese: str) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert translate(english) == chinese
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert translate(english) == english
