"""Decoding on a device other than the processor: chosen by name, opened or refused, never silently replaced."""

from __future__ import annotations

import av.error
from av.codec import Codec
from av.codec.hwaccel import HWAccel, hwdevices_available

from vision.errors import ConfigError, DecodeError

CPU = "cpu"
CODEC = "h264"  # every hardware decoder knows it
# Devices that FFmpeg's own decoders use; others (qsv, amf) have decoders of their own, which PyAV does not choose.
NEEDS = {
    "cuda": "needs an NVIDIA GPU and its driver (libcuda, libnvcuvid)",
    "vaapi": "needs a GPU with a VA-API driver and /dev/dri",
    "videotoolbox": "needs macOS",
    "d3d11va": "needs Windows and a GPU with its driver",
}


def known() -> list[str]:
    """Names of the devices that this PyAV can decode on where they are there, the processor first."""
    return [CPU, *(kind for kind in hwdevices_available() if kind in NEEDS)]


def usable() -> list[str]:
    """Names of the devices that can be opened on this machine, the processor first."""
    return [kind for kind in known() if kind == CPU or refusal(kind) is None]


def refusal(kind: str, which: str | None = None) -> Exception | None:
    """The error that opening the device gives, None if it opens."""
    try:
        HWAccel(kind, device=which, allow_software_fallback=False).create(Codec(CODEC, "r"))
    except (av.error.FFmpegError, OSError, RuntimeError) as err:
        return err
    return None


def accelerator(device: str) -> HWAccel | None:
    """What `av.open` is given to decode there; None for the processor.

    Args:
        device: ``cpu``, or one of `known`, with ``:N`` or ``:PATH`` for which one: ``cuda``, ``cuda:1``,
            ``vaapi:/dev/dri/renderD128``.

    Raises:
        ConfigError: this PyAV knows no such device.
        DecodeError: the device cannot be opened on this machine.
    """
    kind, colon, which = device.partition(":")
    if kind not in known() or (colon and (kind == CPU or not which)):
        raise ConfigError(f"decode.device: expected one of {', '.join(known())}, or NAME:N, got {device!r}")
    if kind == CPU:
        return None
    err = refusal(kind, which or None)
    if err is not None:
        raise DecodeError(
            f"decode.device: {device!r} cannot be opened: {getattr(err, 'strerror', None) or err}: {NEEDS[kind]}; "
            f"this machine decodes on {', '.join(usable())}"
        ) from err
    return HWAccel(kind, device=which or None, allow_software_fallback=False)
