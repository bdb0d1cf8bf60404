"""``vision doctor``: what is installed here, and does it work together."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from vision.cli import MODEL_FAILED, OK
from vision.cli.say import out


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report."""

    name: str
    is_ok: bool
    found: str
    advice: str = ""


def doctor_command(*, as_json: bool) -> int:
    """Print all checks; exit code 4 if one failed."""
    checks = [
        check_python(),
        *check_packages(),
        check_onnxruntime(),
        check_kernels(),
        *check_models(),
        *check_devices(),
        check_decoders(),
        check_font(),
    ]
    if as_json:
        out(json.dumps([asdict(c) for c in checks], ensure_ascii=False))
    else:
        for check in checks:
            advice = f"  -> {check.advice}" if check.advice else ""
            out(f"{'ok ' if check.is_ok else 'BAD'}  {check.name:20} {check.found}{advice}")
    return OK if all(c.is_ok for c in checks) else MODEL_FAILED


def installed(name: str) -> str | None:
    """Version of a distribution, None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def check_python() -> Check:
    """Interpreter and machine."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Check("python", True, found)


def check_packages() -> list[Check]:
    """The packages every run needs."""
    checks = []
    for name in ("platevision", "numpy", "opencv-python", "av"):
        found = installed(name)
        checks.append(Check(name, found is not None, found or "not installed", "" if found else f"pip install {name}"))
    return checks


def check_onnxruntime() -> Check:
    """Exactly one onnxruntime flavor, and what it can run on."""
    cpu, gpu = installed("onnxruntime"), installed("onnxruntime-gpu")
    if cpu and gpu:
        found = f"onnxruntime {cpu} and onnxruntime-gpu {gpu} overwrite each other"
        advice = "pip uninstall -y onnxruntime onnxruntime-gpu, then install one extra: 'platevision[cpu]' or '[gpu]'"
        return Check("onnxruntime", False, found, advice)
    if not cpu and not gpu:
        return Check("onnxruntime", False, "not installed", "pip install 'platevision[cpu]' or 'platevision[gpu]'")
    try:
        import onnxruntime

        providers = ", ".join(onnxruntime.get_available_providers())
    except ImportError as err:
        return Check("onnxruntime", False, f"cannot be imported: {err}", "reinstall one of the two extras")
    return Check("onnxruntime", True, f"{cpu or gpu} ({'cpu' if cpu else 'gpu'} build): {providers}")


def check_kernels() -> Check:
    """The native code and the instruction set it uses."""
    from vision import kernels

    return Check("native kernels", True, f"{kernels.simd_level()} (this CPU can: {', '.join(kernels.simd_levels())})")


def check_models() -> list[Check]:
    """Every shipped model loads and is what its manifest says."""
    from vision.errors import VisionError
    from vision.infer.session import Session
    from vision.infer.store import shipped

    checks = []
    for manifest in (variant for model in shipped() for variant in model.variants()):
        try:
            session = Session(manifest)
            found = f"{manifest.version} {manifest.precision}, runs on {session.provider}"
            checks.append(Check(manifest.name, True, found))
        except VisionError as err:
            checks.append(Check(manifest.name, False, str(err), "reinstall platevision"))
    if not checks:
        checks.append(Check("models", False, "none found", "reinstall platevision"))
    return checks


def check_devices() -> list[Check]:
    """The devices beside the CPU that this onnxruntime offers: can they run a network? A build for GPUs need not."""
    from vision.errors import VisionError
    from vision.infer.device import PROVIDERS
    from vision.infer.session import Session, import_onnxruntime
    from vision.infer.store import shipped

    try:
        offered = import_onnxruntime().get_available_providers()
    except VisionError:
        return []  # said above
    checks = []
    for kind, provider in PROVIDERS.items():
        if kind == "cpu" or provider not in offered:
            continue
        try:
            found = f"usable, {Session(shipped()[0], device=kind).provider}"
        except VisionError as err:
            found = f"not usable: {err}"
        checks.append(Check(f"device {kind}", True, found))
    return checks


def check_decoders() -> Check:
    """Where video can be decoded."""
    from vision.video.hardware import known, usable

    found = usable()
    absent = [kind for kind in known() if kind not in found]
    return Check(
        "video decoding", True, f"on {', '.join(found)}" + (f"; not here: {', '.join(absent)}" if absent else "")
    )


def check_font() -> Check:
    """Chinese characters can be drawn."""
    import cv2

    try:
        cv2.FontFace("uni")
    except (AttributeError, cv2.error) as err:
        return Check("Chinese font", False, str(err), "pip install 'opencv-python>=5'")
    return Check("Chinese font", True, "OpenCV's built-in 'uni'")
