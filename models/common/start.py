"""Where training starts and how it computes: weights of a shipped model.onnx, the device, and the float type that is
fast there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import torch
from common.half import load_whole
from onnx import numpy_helper
from torch import Tensor, nn

WRAPPERS = ("model", "net")  # what exporting wrappers call the network inside


def device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast() -> torch.autocast:
    """bfloat16 where `device` computes it natively; elsewhere float32: emulated on a CPU it is 10 times slower."""
    if device().type == "cuda":
        return torch.autocast("cuda", torch.bfloat16, enabled=torch.cuda.is_bf16_supported(including_emulation=False))
    capable = torch.cpu.get_capabilities()
    native = bool(capable.get("avx512_bf16") or capable.get("amx_bf16"))
    return torch.autocast("cpu", torch.bfloat16, enabled=native)


def module_path(node: str) -> str:
    """ONNX node name -> torch module path: "/model/near/mix/mix.0/Conv" -> "near.mix.0"."""
    path: list[str] = []
    for part in node.strip("/").split("/")[:-1]:
        if path and part.startswith(path[-1] + "."):
            path[-1] = part
        elif part not in WRAPPERS:
            path.append(part)
    return ".".join(path)


def has_module(path: Path, name: str) -> bool:
    """Whether an exported network has a convolution of that torch module path."""
    return any(n.op_type == "Conv" and module_path(n.name) == name for n in onnx.load(str(path)).graph.node)


def load_onnx(model: nn.Module, path: Path, batch: Tensor) -> int:
    """Start `model` from an exported network of the same shape whose norms are folded into its convolutions.

    The norms are put back with the statistics of `batch` so that the network still computes the same function, and can
    be trained on with live norms.

    Returns:
        How many tensors were taken.
    """
    graph = load_whole(path).graph
    arrays = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    modules, own = dict(model.named_modules()), model.state_dict()
    taken: set[str] = set()
    bias_of_norm: dict[str, Tensor] = {}
    for name, value in own.items():  # what the export left alone
        array = next((arrays[key] for w in ("", *WRAPPERS) if (key := f"{w}.{name}".lstrip(".")) in arrays), None)
        if array is not None and array.shape == value.shape:
            value.copy_(array)
            taken.add(name)
    for node in graph.node:  # convolutions, whatever the export calls their weights
        name = module_path(node.name)
        if node.op_type == "Conv" and name + ".weight" in own:
            own[name + ".weight"].copy_(arrays[node.input[1]])
            taken.add(name + ".weight")
            if name + ".bias" not in own:  # convolution "a.0" is followed by its norm "a.1"
                stem, _, number = name.rpartition(".")
                bias_of_norm[f"{stem}.{int(number) + 1}"] = arrays[node.input[2]]
    scales = [arrays[n.input[1]] for n in graph.node if n.op_type == "Mul" and n.input[1].startswith("onnx::Mul")]
    if "scale" in own and len(scales) == len(own["scale"]):
        own["scale"].copy_(torch.stack(scales))
        taken.add("scale")
    handles = [modules[name].register_forward_pre_hook(adds(bias)) for name, bias in bias_of_norm.items()]
    with torch.no_grad():
        model.eval()(batch)
    for handle in handles:
        handle.remove()
    model.train()
    return len(taken)


def adds(bias: Tensor) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    """A hook that sets a norm so that it adds `bias` and nothing else, by the statistics of what passes."""

    def hook(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        x = inputs[0]
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        norm.weight.copy_((var + norm.eps).sqrt())
        norm.bias.copy_(bias + mean)

    return hook
