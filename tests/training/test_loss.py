"""What the detectors are trained for: every object has output points, and a perfect answer costs nothing."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")


def test_every_object_is_answered_for_and_ignored_ones_are_not() -> None:
    from detection.loss import assign
    from detection.network import points

    grid = points(256, 416)
    gt = torch.tensor([[[20.0, 20, 60, 50], [100, 100, 330, 240], [300, 10, 312, 20]]])
    boxes = torch.cat((grid[:, :2] - 4, grid[:, :2] + 4), 1)[None]
    index, hit = assign(boxes, torch.full((1, len(grid)), 0.01), grid, gt, torch.tensor([[True, True, False]]), 6, 2, 9)
    counts = [int((index == i).sum()) for i in range(3)]
    assert 2 <= counts[0] <= 9
    assert 2 <= counts[1] <= 9
    assert counts[2] == 0
    assert ((hit >= 0) & (hit <= 1)).all()
    centers = grid[index[0] == 1, :2]
    assert (abs(centers - torch.tensor([215.0, 170.0])) < 3 * 32).all()


def test_the_points_around_an_object_are_those_of_the_whole_grid_that_are_near() -> None:
    from detection.loss import REACH, nearby
    from detection.network import points

    grid = points(96, 160)
    centers = torch.tensor([[0.0, 0], [159.9, 95.9], [80, 48], [33.3, 90.1], [4, 92]])
    place, exists = nearby(centers, grid)
    for center, found, there in zip(centers, place, exists, strict=True):
        near = (grid[:, :2] - center).norm(dim=-1) / grid[:, 2] < REACH
        assert set(near.nonzero().flatten().tolist()) <= set(found[there].tolist())
        assert len(set(found[there].tolist())) == int(there.sum())


def test_a_perfect_answer_costs_less_than_any_other() -> None:
    from detection.loss import LossWeights, detection_loss
    from detection.network import Spec, points

    spec = Spec(geometry=4, classes=3)
    grid = points(128, 128)
    box = torch.tensor([30.0, 40, 90, 100])
    quads = box[[0, 1, 2, 1, 2, 3, 0, 3]].view(1, 1, 4, 2)
    true = torch.tensor([True]).view(1, 1)
    kinds = torch.tensor([[[1.0, 0, 0]]])
    batch = {"quads": quads, "kinds": kinds, "exact": true, "valid": true, "ignore": ~true}
    out = torch.full((1, len(grid), 1 + 3 + 4), -8.0)
    x, y, stride = grid.T
    sides = torch.stack((x - box[0], y - box[1], box[2] - x, box[3] - y), 1) / stride[:, None]
    out[0, :, 4:] = sides
    out[0, :, 1] = 8
    near = ((grid[:, :2] - torch.tensor([60.0, 70.0])).norm(dim=1) < 12) & (stride == 8)
    out[0, near, 0] = 8
    best = {k: float(v) for k, v in detection_loss(out, grid, batch, spec, LossWeights()).items()}
    assert best["box"] == pytest.approx(0, abs=1e-4)
    assert best["kind"] == pytest.approx(0, abs=1e-3)
    shifted, renamed = out.clone(), out.clone()
    shifted[0, :, 4] += 1
    renamed[0, :, 1:4] = torch.tensor([-8.0, 8, -8])
    assert float(detection_loss(shifted, grid, batch, spec, LossWeights())["box"]) > 0.05
    assert float(detection_loss(renamed, grid, batch, spec, LossWeights())["kind"]) > 5


def test_a_deeper_network_begins_as_the_shallower_one(tmp_path: object) -> None:
    from pathlib import Path

    from detection.network import Detector, Spec, grow

    small, large = Spec(geometry=4, depths=(0, 1, 1, 1)), Spec(geometry=4, depths=(0, 1, 2, 2))
    first = Detector(small).eval()
    path = Path(str(tmp_path)) / "a.pt"
    torch.save({"spec": small.to_dict(), "model": first.state_dict()}, path)
    second = Detector(large)
    grow(second, path)
    picture = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(first(picture), second.eval()(picture), atol=1e-5)
    assert np.isfinite(first(picture).detach().numpy()).all()
