"""Before frames come, every network has run once in every worker on the largest input that comes often."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clip import demo_clip
from vision.errors import InferenceError
from vision.infer.session import Session
from vision.pipeline.config import Config
from vision.pipeline.stages import load_stages
from vision.site.settings import parse_site
from vision.site.site import Site

SHAPES = {
    "vehicle_detector": (1, 3, 640, 640),
    "plate_detector": (1, 3, 640, 640),
    "plate_refiner": (4, 64, 96, 3),
    "plate_reader": (4, 48, 160, 3),
    "vehicle_attributes": (4, 96, 96, 3),
}


def test_every_network_runs_once_a_worker_before_the_cameras_start(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: Counter[tuple[str, tuple[int, ...]]] = Counter()
    run = Session.run

    def noted(session: Session, batch: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
        ran[session.manifest.name, batch.shape] += 1
        return run(session, batch)

    monkeypatch.setattr(Session, "run", noted)
    settings = parse_site({"workers": 3, "camera": [{"id": "a", "url": f"loop:{demo_clip()}"}]})
    site = Site(settings, open_source=lambda *_: pytest.fail("a camera was opened"), stages=load_stages(Config()))
    monkeypatch.setattr(site, "_add", lambda _: pytest.fail("a camera started") if len(ran) < 5 else None)
    site.start()
    site.close()
    assert ran == dict.fromkeys(SHAPES.items(), 3)


def test_a_network_that_cannot_run_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = load_stages(Config())
    monkeypatch.setattr(stages.sessions[-1], "_input", "nothing")
    with pytest.raises(InferenceError, match="vehicle_attributes: run failed"):
        stages.warm_up(2)
