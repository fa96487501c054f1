"""Writes a trained network as ONNX, batch normalisation folded into the convolutions, with the file that tells Tarsier
how to feed and read it; compares it with the framework."""

from __future__ import annotations

import pathlib

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch.nn.utils import fusion

from .model import HEADS, RoadNet

OUTPUTS = ("da", "ll")  # the names that the teacher's outputs have


class Shipped(torch.nn.Module):
    """[N, 3, H, W], RGB / 255, to a tuple of logits, [N, 2, H, W] each."""

    def __init__(self, network: RoadNet):
        super().__init__()
        self.network = network

    def forward(self, x):
        out = self.network(x)
        return tuple(out[name] for name in HEADS)


def folded(network: RoadNet) -> RoadNet:
    """The same function with batch normalisation inside the convolutions."""
    network = network.eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Sequential):
            for n in range(len(module) - 1):
                if isinstance(module[n], torch.nn.Conv2d) and isinstance(module[n + 1], torch.nn.BatchNorm2d):
                    module[n] = fusion.fuse_conv_bn_eval(module[n], module[n + 1])
                    module[n + 1] = torch.nn.Identity()
    return network


_TOLD = """# How Tarsier feeds and reads the network beside this file; the keys are those of assets/models.toml.
task = "segment"
head = "mask_argmax"
outputs = ["da", "ll"]

[input]
size = [640, 360]
layout = "NCHW"
colour = "RGB"
std = 255
fit = "stretch"
"""


def write(network: RoadNet, path: pathlib.Path, size=(640, 360), free: bool = False):
    """One picture of `size` (width, height) at a time; where `free`, any number of pictures of any size."""
    shipped = Shipped(folded(network)).eval()
    axes = {0: "N", 2: "H", 3: "W"}
    torch.onnx.export(
        shipped,
        (torch.zeros(1, 3, size[1], size[0]),),
        str(path),
        opset_version=17,
        input_names=["image"],
        output_names=list(OUTPUTS),
        dynamic_axes={name: axes for name in ("image", *OUTPUTS)} if free else None,
        dynamo=False,
    )
    model = onnx.load(path)
    del model.metadata_props[:]
    model.doc_string, model.producer_name, model.producer_version = "roadnet of Tarsier", "", ""
    onnx.checker.check_model(model)
    onnx.save(model, path)
    path.with_suffix(".toml").write_text(_TOLD)


def read(path: pathlib.Path) -> RoadNet:
    """The network with the weights of a file that write() wrote."""
    weights = {
        tensor.name.removeprefix("network."): torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(path).graph.initializer
    }
    network = folded(RoadNet())
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    return network


def difference(network: RoadNet, path: pathlib.Path, shapes=((1, 360, 640),)) -> float:
    """The largest of the file's outputs from the framework's, over their range, on noise of these shapes (number,
    height, width)."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng, worst = np.random.default_rng(1), 0.0
    for number, height, width in shapes:
        x = rng.random((number, 3, height, width), np.float32)
        with torch.no_grad():
            wanted = Shipped(network).eval()(torch.from_numpy(x))
        for want, got in zip(wanted, session.run(list(OUTPUTS), {"image": x})):
            want = want.numpy()
            worst = max(worst, float(np.abs(want - got).max() / (want.max() - want.min())))
    return worst
