"""What the documentation says is so: code compiles, commands exist, links lead somewhere, tables are current."""

import importlib.util
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

import vision
from vision.cli.app import app
from vision.pipeline.config import Config, parse_config
from vision.sinks.lines import COLUMNS
from vision.sinks.registry import make_sink
from vision.site.settings import parse_sinks

ROOT = Path(__file__).parent.parent
BASE_SINKS = ("jsonl", "callback", "webhook")
READMES = (ROOT / "README.md", ROOT / "README.zh.md")
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(text_of(page)) if kind == language]


def options_of(command: str) -> set[str]:
    """Option names of `vision COMMAND`; fails if there is no such command."""
    commands: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    assert command in commands, f"vision {command}: no such command"
    group = getattr(commands[command], "commands", {})  # vision camera check: the options of all its commands
    names = {
        name
        for one in (commands[command], *group.values())
        for parameter in one.params
        for name in parameter.opts
        if name.startswith("-")
    }
    return names | {"--help", "-h"}


def test_there_are_pages() -> None:
    names = {str(p.relative_to(ROOT)) for p in PAGES}
    assert {"README.md", "README.zh.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/index.md"} <= names
    assert len(names) > 15


@each_page
def test_python_compiles(page: Path) -> None:
    for number, body in enumerate(blocks(page, "python")):
        compile(body, f"{page.name}[{number}]", "exec")


@each_page
def test_names_of_vision_exist(page: Path) -> None:
    for body in blocks(page, "python"):
        for name in re.findall(r"\bvision\.(\w+)", body):
            assert hasattr(vision, name) or (Path(vision.__file__).parent / name).exists(), f"vision.{name}"


@each_page
def test_json_and_toml_parse(page: Path) -> None:
    for body in blocks(page, "json"):
        json.loads(body)
    for body in blocks(page, "toml"):
        values = tomllib.loads(body)
        if values.keys() <= Config.model_fields.keys():
            parse_config(values)
        elif "sink" in values and all(table["type"] in BASE_SINKS for table in values["sink"]):
            for sink in parse_sinks([no_secret(table) for table in values["sink"]], page.name):
                make_sink(sink.type, sink.name, sink.settings).close()


def no_secret(table: dict[str, Any]) -> dict[str, Any]:
    """A sink's table with a secret in the place of one from the environment."""
    return {**table, "secrets": ["whsec_" + "YWJj" * 8]} if "secrets" in table else table


def commands_in(page: Path) -> Iterator[list[str]]:
    """Words after `vision` of each command line in shell blocks and inline code."""
    lines = [line for body in blocks(page, "bash") for line in body.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", BLOCK.sub("", text_of(page)))
    for line in lines:
        for part in line.split("&&"):
            part = part.partition("#")[0].strip()
            if part.startswith("vision "):
                yield shlex.split(part.partition(">")[0])[1:]


@each_page
def test_commands_and_options_exist(page: Path) -> None:
    for words in commands_in(page):
        command, *rest = words
        if command.startswith("-"):
            assert command in {"--version", "--help", "-h"}
            continue
        known = options_of(command)
        for word in rest:
            if word.startswith("-"):
                assert word.partition("=")[0] in known, f"vision {command} {word}"


def test_command_tables_name_every_command_and_real_options() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    for page in READMES:
        rows = re.findall(r"^\| `vision (\w+)[^`]*` \| (.*) \|$", text_of(page), re.M)
        assert {name for name, _ in rows} == commands
        for name, rest in rows:
            assert set(re.findall(r"`(--[\w-]+)", rest)) <= options_of(name)


def test_the_command_page_names_every_option() -> None:
    page = text_of(ROOT / "docs" / "reference" / "cli.md")
    for command in get_command(app).commands:  # type: ignore[attr-defined]
        _, _, section = page.partition(f"\n## vision {command}\n")
        section = section.partition("\n## ")[0]
        assert section, f"no section for vision {command}"
        for option in options_of(command) - {"--help", "-h"}:
            assert f"`{option}" in section, f"vision {command} {option}"


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", text_of(page))):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        assert file == ROOT or ROOT in file.parents, f"{page.name}: {target} leaves the repository"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """Heading anchors as GitHub makes them."""
    found = re.findall(r"^#+ (.*)$", BLOCK.sub("", text_of(page)), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_both_readmes_show_the_same_commands() -> None:
    english, chinese = READMES
    for language in ("bash", "python", "json"):
        assert blocks(english, language) == blocks(chinese, language)
    assert list(commands_in(english)) == list(commands_in(chinese))
    table = re.compile(r"^\| `(vision \w+[^`]*)` \|.*?$", re.M)
    for one, other in zip(table.finditer(text_of(english)), table.finditer(text_of(chinese)), strict=True):
        assert re.findall(r"`([^`]+)`", one[0]) == re.findall(r"`([^`]+)`", other[0])


def test_both_readmes_link_to_the_same_pages() -> None:
    english, chinese = (set(re.findall(r"\]\(([^)\s]+)\)", text_of(page))) for page in READMES)
    assert english - {"README.zh.md"} == chinese - {"README.md"}


def test_set_up_commands() -> None:
    for page in READMES:
        shell = "".join(blocks(page, "bash"))
        assert "pip install '.[cpu]' && vision demo\n" in shell
        assert "pip install '.[cpu,test]' && pytest\n" in shell


def test_the_picture_is_small() -> None:
    assert 20_000 < (ROOT / "docs" / "images" / "demo.jpg").stat().st_size <= 300_000


def generator(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_config_page_is_current() -> None:
    script = generator("generate_config")
    assert set(script.MEANINGS) == set(script.keys())
    page = text_of(ROOT / "docs" / "reference" / "config.md")
    assert page == script.page(), "run: python docs/generate_config.py"


def test_event_schema_and_page_are_current() -> None:
    script = generator("generate_events")
    assert text_of(script.SCHEMA) == script.schema_text(), "run: python docs/generate_events.py"
    assert text_of(script.PAGE) == script.page(), "run: python docs/generate_events.py"


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_model_tables_are_current(readme: Path) -> None:
    script = generator("generate_models")
    assert text_of(readme) == script.renewed(readme.name), "run: python docs/generate_models.py"


def test_a_card_without_figures_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text("# Card\n\n## In short\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"card.md: expected a table of five columns"):
        generator("generate_models").short(tmp_path)


def test_config_page_shows_defaults_and_bounds() -> None:
    page = text_of(ROOT / "docs" / "reference" / "config.md")
    assert "| `vehicle_side` | `640` | 64..4096, multiple of 32 |" in page
    assert "| `plate_min_score` | unset | 0..1 |" in page
    assert parse_config(tomllib.loads(blocks(ROOT / "docs" / "reference" / "config.md", "toml")[-1])) == Config()


def test_event_page_names_every_field() -> None:
    page = text_of(ROOT / "docs" / "reference" / "events.md")
    event = json.loads(blocks(ROOT / "README.md", "json")[0])
    for name in {*event, *event["plate"], *event["vehicle"], *event["direction"], *event["evidence"], *COLUMNS}:
        assert f"`{name}`" in page, name


def test_the_example_event_has_the_fields_of_today() -> None:
    example = json.loads(blocks(ROOT / "README.md", "json")[0])
    assert shape(made_event()) == shape(example)


def shape(value: Any) -> Any:
    """Keys, nested, without values."""
    return {key: shape(v) for key, v in value.items()} if isinstance(value, dict) else None


def made_event() -> dict[str, Any]:
    import numpy as np

    from vision.sinks.event import event_of
    from vision.types import Char, Direction, Evidence, Frame, Planes, PlateText, Sighting, Vehicle

    frame = Frame("a", 0, 0, 0.0, Planes("bgr", (np.zeros((8, 8, 3), np.uint8),)))
    box = (0.0, 0.0, 4.0, 4.0)
    sighting = Sighting(
        id="a-0-v1",
        stream_id="a",
        first_time_ns=0,
        last_time_ns=1,
        first_s=0.0,
        last_s=0.0,
        is_utc=False,
        plate=PlateText("京A12345", 1.0, (Char("京", 1.0),), "normal", "blue", 1),
        reason="",
        vehicle=Vehicle(box, "car", 1.0, "white", 1.0, 1.0),
        direction=Direction("still", 0.0, 0.0, "same"),
        first_box=box,
        last_box=box,
        n_frames=1,
        n_reads=1,
        track_ids=(1,),
        evidence=Evidence(frame, box, np.zeros((4, 2), np.float32)),
    )
    return event_of(sighting, images={"scene": "", "vehicle": "", "plate": ""})


def test_every_error_is_documented() -> None:
    from vision import errors

    page = text_of(ROOT / "docs" / "reference" / "errors.md")
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.VisionError):
            assert f"`{name}`" in page, name


def test_every_public_name_is_documented() -> None:
    pages = text_of(ROOT / "docs" / "reference" / "api.md") + text_of(ROOT / "docs" / "reference" / "errors.md")
    for name in vision.__all__:
        assert f"`{name}`" in pages or f"`vision.{name}" in pages, name
