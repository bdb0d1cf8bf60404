"""Writes docs/reference/event.schema.json and the tables of event types in docs/reference/events.md, from the types.

python docs/generate_events.py           # write them
python docs/generate_events.py --check   # exit code 1 if one is out of date
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from vision.events.model import json_schema
from vision.events.record import SightingRecord

FOLDER = Path(__file__).parent / "reference"
SCHEMA = FOLDER / "event.schema.json"
PAGE = FOLDER / "events.md"
BEGIN, END = "<!-- event types: written by docs/generate_events.py -->", "<!-- end of event types -->"


def schema_text() -> str:
    """The whole schema file."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"


def word_of(schema: dict[str, Any]) -> str:
    """A JSON type in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(word_of(s) for s in schema["anyOf"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{v}`" for v in schema["enum"])
    kind = schema.get("type", "value")
    if kind == "array":
        return f"list of {word_of(schema['items'])}" if "items" in schema else "list"
    if kind == "object" and "additionalProperties" in schema:
        return f"text to {word_of(schema['additionalProperties'])}" if schema["additionalProperties"] else "object"
    return {"string": "text", "null": "null", "boolean": "true, false"}.get(kind, kind)


def table_of(schema: dict[str, Any], *, without: set[str]) -> list[str]:
    """The fields of an object; those of ``without`` are described elsewhere."""
    rows = [
        f"| `{name}` | {word_of(field)} | {field.get('description', '')} |"
        for name, field in schema["properties"].items()
        if name not in without
    ]
    return ["| field | type | meaning |", "|---|---|---|", *rows]


def sections() -> str:
    """The part of the page between its marks."""
    parts: dict[str, Any] = json_schema()["$defs"]
    events = [name for name in parts if name.endswith("Event")]
    record = {field.alias or name for name, field in SightingRecord.model_fields.items()}
    lines = ["| type | data | meaning |", "|---|---|---|"]
    for name in sorted(events, key=lambda n: parts[n]["properties"]["type"]["const"]):
        fields = parts[name]["properties"]
        lines.append(f"| `{fields['type']['const']}` | {word_of(fields['data'])} | {parts[name]['description']} |")
    lines += ["", "### Envelope", "", *table_of(parts["FinalEvent"], without={"data"})]
    shown = [name for name in parts if name.endswith("Data")]
    shown += ["TimesPart", "PicturePart", "MatchPart", "SitePart", "ModelPart"]
    for name in shown:
        described = " ".join(parts[name]["description"].split()).replace("``", "`")
        without = record if name == "SightingData" else set()
        lines += ["", f"### {name}", "", described, "", *table_of(parts[name], without=without)]
        if without:
            lines += ["", "and all fields of [vision.sighting/1](#visionsighting1); `evidence.images` is empty."]
    return "\n".join(lines)


def page() -> str:
    """The page with its generated part anew."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{sections()}\n\n{END}{after}"


def main() -> int:
    """Write or check both."""
    made = {SCHEMA: schema_text(), PAGE: page()}
    if "--check" in sys.argv[1:]:
        return int(any(not p.exists() or p.read_text(encoding="utf-8") != text for p, text in made.items()))
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
