"""Where training starts and how it computes: weights of a shipped model.onnx, and the float type that is fast here."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn


def autocast() -> torch.autocast:
    """bfloat16 where the CPU computes it natively; elsewhere float32, because emulated bfloat16 is 10 times slower."""
    capable = torch.cpu.get_capabilities()
    native = bool(capable.get("avx512_bf16") or capable.get("amx_bf16"))
    return torch.autocast("cpu", torch.bfloat16, enabled=native)


def module_path(node: str) -> str:
    """ONNX node name -> torch module path: "/model/near/mix/mix.0/Conv" -> "near.mix.0"."""
    path: list[str] = []
    for part in node.strip("/").split("/")[:-1]:
        if path and part.startswith(path[-1] + "."):
            path[-1] = part
        elif part != "model":
            path.append(part)
    return ".".join(path)


def load_onnx(model: nn.Module, path: Path, batch: Tensor) -> int:
    """Start `model` from an exported network of the same shape whose norms are folded into its convolutions.

    The norms are put back with the statistics of `batch` so that the network still computes the same function, and can
    be trained on with live norms.

    Returns:
        How many tensors were taken.
    """
    graph = onnx.load(str(path)).graph
    arrays = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    modules, own = dict(model.named_modules()), model.state_dict()
    taken, bias_after = 0, {}
    for node in graph.node:
        module = modules.get(module_path(node.name))
        if node.op_type != "Conv" or not isinstance(module, nn.Conv2d):
            continue
        name = module_path(node.name)
        own[name + ".weight"].copy_(arrays[node.input[1]])
        taken += 1
        if module.bias is not None:
            own[name + ".bias"].copy_(arrays[node.input[2]])
        else:  # "a.0" is followed by its norm "a.1"
            stem, _, number = name.rpartition(".")
            bias_after[f"{stem}.{int(number) + 1}"] = arrays[node.input[2]]
    for name, value in own.items():
        if name in bias_after:
            continue
        key = next((k for k in (name, "model." + name) if k in arrays and arrays[k].shape == value.shape), None)
        if key and not name.endswith((".0.weight",)):
            value.copy_(arrays[key])
            taken += 1
    scales = [arrays[n.input[1]] for n in graph.node if n.op_type == "Mul" and n.input[1].startswith("onnx::Mul")]
    if "scale" in own and len(scales) == len(own["scale"]):
        own["scale"].copy_(torch.stack(scales))
    handles = [
        modules[name].register_forward_pre_hook(_measure(bias)) for name, bias in bias_after.items() if name in modules
    ]
    with torch.no_grad():
        model.eval()(batch)
    for handle in handles:
        handle.remove()
    model.train()
    return taken


def _measure(bias: Tensor):  # type: ignore[no-untyped-def]
    """A hook that sets a norm so that it adds `bias` and nothing else, by the statistics of what passes."""

    def hook(norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0]
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        norm.weight.copy_((var + norm.eps).sqrt())
        norm.bias.copy_(bias + mean)

    return hook
