"""The folders may only look down, and importing the package stays light. These tests read the code and check."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import vision

LAYERS = [  # a row may import lower rows, never its own or a higher one
    {"cli"},
    {"evaluate", "bench"},
    {"site", "serve"},
    {"pipeline"},
    {"outbox", "archive"},
    {"sinks", "report", "demo"},
    {"sightings", "match", "events", "viid"},
    {"plates", "detect", "attributes", "track", "video", "scene"},
    {"infer"},
    {"kernels"},
    {"settings", "disk"},
    {"types", "errors"},
]
RANK = {name: i for i, layer in enumerate(LAYERS) for name in layer}
ROOT = Path(vision.__file__).parent


def imports(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [f"vision.{a.name}" for a in node.names] if node.module == "vision" else [node.module]
        elif isinstance(node, ast.Import):
            found += [a.name for a in node.names]
    return [name.split(".")[1] for name in found if name.startswith("vision.")]


def test_imports_only_look_down() -> None:
    wrong, checked = [], 0
    for path in ROOT.rglob("*.py"):
        here = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if here not in RANK:
            continue
        checked += 1
        wrong += [
            f"{path.relative_to(ROOT)}: {here} must not import {there}"
            for there in imports(path)
            if there in RANK and there != here and RANK[there] <= RANK[here]
        ]
    assert checked > 30
    assert not wrong, "\n".join(wrong)


def test_onnxruntime_lives_in_infer_and_doctor_alone() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        and any("onnxruntime" in n for n in [getattr(node, "module", None) or "", *(a.name for a in node.names)])
    }
    assert users == {"infer/session.py", "cli/doctor.py"}


def test_import_loads_no_heavy_module() -> None:
    heavy = "('cv2', 'onnxruntime', 'av', 'pydantic', 'socket')"
    code = f"import sys, vision; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_exist_and_are_few() -> None:
    assert len(vision.__all__) <= 25
    for name in vision.__all__:
        assert getattr(vision, name) is not None


def test_no_file_is_long() -> None:
    long = [
        f"{p.relative_to(ROOT)}: {n}"
        for p in ROOT.rglob("*.py*")
        if p.suffix in {".py", ".pyx"} and (n := len(p.read_text(encoding="utf-8").splitlines())) > 350
    ]
    assert not long


def test_every_folder_is_packaged() -> None:
    checkout = Path(__file__).parents[1]  # not the installed package, which would lack what was forgotten
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(settings["tool"]["setuptools"]["packages"])
    folders = {f"vision.{p.parent.name}" for p in (checkout / "src" / "vision").glob("*/__init__.py")}
    assert len(folders) > 10
    assert folders <= packages
