"""Less work when frames wait too long."""

from vision.pipeline.governor import MOST, TARGET_S, Governor


def test_late_frames_stretch_and_frames_in_time_relax() -> None:
    governor = Governor()
    assert governor.note(0.01) == 1.0
    for _ in range(30):
        governor.note(2 * TARGET_S)
    assert 2.0 < governor.stretch < 3.0
    for _ in range(1000):
        governor.note(5.0)
    assert governor.stretch == governor.most == MOST
    for _ in range(600):
        governor.note(0.0)
    assert governor.stretch == 1.0
    assert governor.most == MOST
