"""What machine and which versions the figures are of."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from vision import kernels
from vision.errors import OutputError
from vision.pipeline.output import versions
from vision.pipeline.runner import Pipeline
from vision.site.site import n_cores


def require_psutil() -> Any:
    """The module psutil.

    Raises:
        OutputError: it is missing.
    """
    try:
        import psutil
    except ImportError as err:
        raise OutputError("bench: psutil is not installed: pip install 'platevision[bench]'") from err
    return psutil


def cpu_name() -> str:
    """The processor's own name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor() or platform.machine()


def governor() -> str | None:
    """The frequency governor of the first core, None where the system has none."""
    try:
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text(encoding="ascii").strip()
    except OSError:
        return None


def facts(pipeline: Pipeline) -> dict[str, Any]:
    """Host, versions, and the models with the provider that really runs them."""
    config = pipeline.config.models
    return {
        "cpu": cpu_name(),
        "cores": n_cores(),
        "ram_gb": round(require_psutil().virtual_memory().total / 2**30, 1),
        "os": platform.platform(),
        "power": governor(),
        "simd": kernels.simd_level(),
        "device": config.device,
        "provider": pipeline.stages.provider,
        "threads": config.threads or os.cpu_count() or 1,
        "versions": versions(),
        "models": [m.identity() for m in pipeline.stages.manifests],
    }
