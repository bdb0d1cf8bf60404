"""The losses make what they need where their inputs are, so that training runs on a GPU.

On a machine without one, another default device shows it: whatever is made without saying where lands there, and
cannot be combined with the inputs.
"""

import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")


def test_detection_loss_stays_on_the_device_of_its_inputs() -> None:
    from detection.loss import LossWeights, detection_loss
    from detection.network import Spec, points

    spec = Spec(geometry=8, classes=3)
    grid = points(96, 160)
    batch = {
        "quads": torch.tensor(
            [[[[10.0, 10], [60, 12], [58, 40], [9, 38]], [[90, 50], [120, 50], [120, 70], [90, 70]]]]
        ),
        "kinds": torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]),
        "exact": torch.tensor([[True, True]]),
        "valid": torch.tensor([[True, False]]),
        "ignore": torch.tensor([[False, True]]),
    }
    out = torch.randn(1, len(grid), 1 + 3 + 8, requires_grad=True)
    with torch.device("meta"):
        total = torch.stack(list(detection_loss(out, grid, batch, spec, LossWeights()).values())).sum()
    total.backward()
    assert total.device.type == "cpu"
    assert torch.isfinite(out.grad).all()


def test_what_is_made_elsewhere_is_noticed() -> None:
    with torch.device("meta"), pytest.raises(RuntimeError):
        (torch.ones(3, device="cpu") + torch.arange(3)).sum().item()


def test_training_starts_on_the_gpu_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from common.start import autocast, device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device().type == "cpu"
    assert autocast().device == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    assert device().type == "cuda"
    assert autocast().device == "cuda"
