"""Many pictures on a CPU: run a few at a time, so that memory stays what those need."""

from typing import Any

import numpy as np
import pytest

from vision.infer.session import CPU_BATCH, CPU_BATCH_PIXELS, Session
from vision.infer.store import find


@pytest.mark.parametrize("n", [1, CPU_BATCH, 2 * CPU_BATCH + 1])
def test_a_large_batch_is_several_runs_with_the_same_answers(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(find("plate_reader"))
    crops = np.random.default_rng(1).integers(0, 256, (n, 48, 160, 3), np.uint8)
    alone = [session.run(crops[i : i + 1]) for i in range(n)]
    sizes: list[int] = []
    inner = session._session

    class Spy:
        def run(self, outputs: list[str], feed: dict[str, Any]) -> Any:
            sizes.append(len(feed["images"]))
            return inner.run(outputs, feed)

    monkeypatch.setattr(session, "_session", Spy())
    together = session.run(crops)
    assert sum(sizes) == n
    assert max(sizes) <= CPU_BATCH
    assert [len(output) for output in together] == [n] * len(together)
    for i, answers in enumerate(alone):
        for output, answer in zip(together, answers, strict=True):
            np.testing.assert_allclose(output[i], answer[0], atol=1e-5)


def test_on_a_cpu_a_run_takes_no_more_pixels_than_a_whole_frame() -> None:
    session = Session(find("plate_detector"))
    assert session.most(CPU_BATCH_PIXELS) == session.most(100 * CPU_BATCH_PIXELS) == 1
    assert session.most(CPU_BATCH_PIXELS // 2) == 2
    assert session.most(32 * 32) == CPU_BATCH


def test_sessions_on_a_cpu_share_one_arena() -> None:
    for name in ("plate_reader", "plate_detector"):
        options = Session(find(name))._session.get_session_options()
        assert options.get_session_config_entry("session.use_env_allocators") == "1"
