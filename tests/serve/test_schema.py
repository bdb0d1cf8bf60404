"""The service against its own description, by schemathesis: every phase, every check that it knows."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.archive.samples import jpeg
from tests.serve.service import Service, service
from vision.events.make import picture_part

CONFIG = """\
[parameters]
"path.sha256" = "{sha256}"

# A question can fit its form and still make no sense (a cursor of another question, from after to): 400, not 2xx.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404]
"""


def run(running: Service, scope: str, n_examples: int, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.format(sha256=picture_part("plate", jpeg(1), 1, 1).sha256), encoding="utf-8")
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run",
        f"{running.url}/openapi.json", "-H", f"Authorization: Bearer {running.secrets[scope]}", "--max-examples",
        str(n_examples), "--seed", "1", "--no-color",
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path)


@pytest.mark.parametrize(("scope", "n_examples"), [("plates", 15), ("status", 3)])
def test_the_service_does_what_it_says(tmp_path: Path, scope: str, n_examples: int) -> None:
    with service(tmp_path / "archive") as running:
        done = run(running, scope, n_examples, tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Tested: 8" in done.stdout, done.stdout
    assert not list(tmp_path.glob("archive/*.damaged*"))


def test_every_route_is_described_with_its_errors(tmp_path: Path) -> None:
    with service(tmp_path / "archive") as running:
        described = httpx.get(f"{running.url}/openapi.json", timeout=30).json()
    paths = described["paths"]
    keyed = {path for path, methods in paths.items() if methods["get"].get("security")}
    assert keyed == {
        "/v1/sightings", "/v1/sightings/{id}", "/v1/pictures/{sha256}", "/v1/cameras", "/v1/statistics", "/metrics"
    }  # fmt: skip
    assert set(paths) - keyed == {"/health/live", "/health/ready"}
    for path in keyed:
        responses = paths[path]["get"]["responses"]
        assert {"401", "403", "429", "503"} <= set(responses)
        assert all("application/problem+json" in responses[code]["content"] for code in responses if code >= "4")
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    names = [parameter["name"] for parameter in paths["/v1/sightings"]["get"]["parameters"]]
    assert names == ["camera", "from", "to", "limit", "cursor", "plate", "type", "color"]
