"""Errors in the user's language: Chinese where the locale is Chinese, English elsewhere."""

from __future__ import annotations

import os
import re

# English form -> Chinese form; what stands in parentheses is carried over.
CHINESE = (
    (r"error: (.*): cannot open: No such file or directory", r"错误:找不到文件 \1"),
    (r"error: (.*): cannot open: (.*)", r"错误:无法打开 \1:\2"),
    (r"error: (.*): expected a video file, got something FFmpeg cannot read", r"错误:\1 不是可读取的视频文件"),
    (r"error: (.*): expected a video stream, got streams: (.*)", r"错误:\1 中没有视频流(现有:\2)"),
    (r"error: (.*): expected a picture, got something OpenCV cannot read", r"错误:\1 不是可读取的图片"),
    (r"error: (.*): expected (\d+) frames, got (\d+): .*", r"错误:\1 应有 \2 帧,只读到 \3 帧:文件损坏或不完整"),
    (r"error: (.*): broke off after (\d+) frames: (.*)", r"错误:\1 在第 \2 帧后中断:\3"),
    (
        r"error: --out: expected a folder that does not exist yet, (.*) exists",
        r"错误:输出目录 \1 已存在,请换一个新目录",
    ),
    (r"error: (.*): cannot write: (.*)", r"错误:无法写入 \1:\2"),
    (r"error: (.*): cannot create: (.*)", r"错误:无法创建 \1:\2"),
    (r"error: (.*): unknown key, expected one of (.*)", r"错误:未知配置项 \1,可用的有:\2"),
    (r"error: (.*): expected SHA-256 (\w+), got (\w+) \(corrupted file\)", r"错误:模型文件 \1 已损坏(SHA-256 不符)"),
    (r"error: onnxruntime is not installed: (.*)", r"错误:未安装 onnxruntime:\1"),
    (
        r"error: device: (.*) needs (\w+), but .*",
        r"错误:设备 \1 不可用:当前 onnxruntime 不支持 \2,请安装 platevision[gpu]",
    ),
    (r"error: device: asked for (.*), onnxruntime uses (\w+): .*", r"错误:要求设备 \1,onnxruntime 却使用 \2"),
    (
        r"error: precision: float16 needs device tensorrt, got device (.*)",
        r"错误:float16 只用于 tensorrt,当前设备为 \1",
    ),
    (r"error: decode.device: (.*) cannot be opened: (.*?): needs .*", r"错误:无法打开解码设备 \1:\2"),
    (
        r"error: (.*): purpose: expected what the data are collected for .*",
        r"错误:\1 缺少 purpose:配置了接收端时必须写明数据用途(每个事件都会带上)",
    ),
    (r"error: (.*): type: expected one of (.*), got '(.*)'", r"错误:\1 的 type 未知:\3,可用的有:\2"),
    (
        r"error: (.*): expected the environment variable (\w+) to be set, it is not",
        r"错误:\1 需要环境变量 \2,但未设置",
    ),
    (
        r"error: (.*): secrets: expected whsec_ and base64 of 24 to 64 bytes, got something else",
        r"错误:\1 的 secrets 格式不对:应为 whsec_ 加 24 到 64 字节的 base64",
    ),
    (
        r"error: (.*): expected a folder of `vision live` with an outbox, found none",
        r"错误:\1 中没有发件箱(outbox),请给出 vision live 的输出目录",
    ),
    (
        r"error: (.*): expected the folder of a sink of type archive, found no (.*)",
        r"错误:\1 不是 archive 接收端的目录(没有 \2)",
    ),
    (
        r"error: (.*): expected keys \(made by vision key add\), got: .*",
        r"错误:没有密钥文件 \1,请先用 vision key add 创建",
    ),
    (
        r"error: --listen: expected a loopback address, or --tls-cert and --tls-key, or --plain-http: .*, got '(.*)'",
        r"错误:--listen:其他机器可访问 \1,需要 --tls-cert 和 --tls-key(或明确给出 --plain-http),否则车牌会明文传输",
    ),
    (r"error: (.*): cannot read: (.*)", r"错误:无法读取 \1:\2"),
    (r"error: vision serve: (.*) is not installed: (.*)", r"错误:未安装 \1:\2"),
    (
        r"error: (.*): expected tracking truth \(MOTChallenge: (.*); KITTI: (.*)\), got .*",
        r"错误:\1 不是跟踪真值目录(MOTChallenge 需要 \2;KITTI 需要 \3)",
    ),
    (r"error: --detections: expected one of (.*), got .*", r"错误:--detections 可选:\1"),
    (r"error: trackeval is not installed: (.*)", r"错误:未安装 trackeval:\1"),
    (r"error: (.*): cannot read the watch-list: (.*)", r"错误:无法读取布控名单 \1:\2"),
    (r"error: (.*): expected a watch-list, .csv or .jsonl", r"错误:\1 不是布控名单(应为 .csv 或 .jsonl 文件)"),
    (
        r"error: (\w+): expected a key of at least (\d+) characters in this variable",
        r"错误:环境变量 \1 中需要至少 \2 个字符的密钥",
    ),
    (
        r"error: id: expected one in every line \(without, .*",
        r"错误:每一行都必须有 id(否则 id 就是车牌本身)",
    ),
    (r"error: (watch-list .*); the list as it was goes on \((\d+) entries\)", r"错误:\1;继续使用原名单(\2 条)"),
    (r"error: watch-list (.*?): (.*)", r"错误:布控名单 \1:\2"),
    (r"error: interrupted", r"已中断"),
    (r"error: (.*)", r"错误:\1"),
)


def is_chinese() -> bool:
    """Whether the locale asks for Chinese."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return os.environ[name].lower().startswith("zh")
    return False


def translate(line: str) -> str:
    """The line in the user's language."""
    if not is_chinese():
        return line
    for pattern, form in CHINESE:
        match = re.fullmatch(pattern, line)
        if match:
            return match.expand(form)
    return line
