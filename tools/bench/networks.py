"""Networks with random weights for the benchmark: the published shapes of ResNet-18 (He et al. 2015), MobileNetV2
(Sandler et al. 2018) and YOLOv4-tiny (Wang et al. 2020), batch normalisation folded into the convolutions.

Each builder returns an ONNX model (opset 11 or lower), input "images" [1, 3, H, W], float32. Time does not depend on
the weights' values; they are scaled so that activations neither vanish nor overflow.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Appends layers; `self.channels` knows each value's channel count."""

    def __init__(self, size):
        self.nodes, self.weights, self.channels = [], [], {"images": 3}
        self.size = size
        self.random = np.random.default_rng(7)

    def add(self, op, inputs, channels, **attributes):
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        self.channels[name] = channels
        return name

    def constant(self, array):
        name = f"w_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def conv(self, x, channels, kernel, stride=1, group=1, activation=None):
        fan_in = self.channels[x] // group * kernel * kernel
        shape = (channels, self.channels[x] // group, kernel, kernel)
        weight = self.constant(self.random.standard_normal(shape) * (2 / fan_in) ** 0.5)
        bias = self.constant(self.random.standard_normal(channels) * 0.1)
        y = self.add("Conv", [x, weight, bias], channels, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                     pads=[kernel // 2] * 4, group=group)
        if activation == "relu":
            return self.add("Relu", [y], channels)
        if activation == "relu6":
            return self.add("Clip", [y], channels, min=0.0, max=6.0)
        if activation == "leaky":
            return self.add("LeakyRelu", [y], channels, alpha=0.1)
        return y

    def classifier(self, x, classes=1000):
        channels = self.channels[x]
        x = self.add("Flatten", [self.add("GlobalAveragePool", [x], channels)], channels, axis=1)
        weight = self.constant(self.random.standard_normal((classes, channels)) * channels**-0.5)
        return self.add("Gemm", [x, weight, self.constant(np.zeros(classes))], classes, transB=1)

    def model(self, name, outputs, opset=11):
        image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, self.size, self.size])
        outs = [onnx.ValueInfoProto(name=o) for o in outputs]
        graph = helper.make_graph(self.nodes, name, [image], outs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
        model = onnx.shape_inference.infer_shapes(model)
        inferred = {v.name: v for v in model.graph.value_info}
        for output in model.graph.output:
            if output.name in inferred:
                output.CopyFrom(inferred[output.name])
        onnx.checker.check_model(model)
        return model


def resnet18(size=224):
    b = Builder(size)
    x = b.conv("images", 64, 7, 2, activation="relu")
    x = b.add("MaxPool", [x], 64, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for channels, first_stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        for stride in (first_stride, 1):
            y = b.conv(b.conv(x, channels, 3, stride, activation="relu"), channels, 3)
            if stride != 1:
                x = b.conv(x, channels, 1, stride)
            x = b.add("Relu", [b.add("Add", [y, x], channels)], channels)
    return b.model("resnet18", [b.classifier(x)])


def mobilenet_v2(size=224):
    b = Builder(size)
    x = b.conv("images", 32, 3, 2, activation="relu6")
    stages = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expansion, channels, repeats, first_stride in stages:
        for i in range(repeats):
            inner = b.channels[x] * expansion
            y = x if expansion == 1 else b.conv(x, inner, 1, activation="relu6")
            y = b.conv(y, inner, 3, first_stride if i == 0 else 1, group=inner, activation="relu6")
            y = b.conv(y, channels, 1)
            x = y if i == 0 else b.add("Add", [y, x], channels)
    x = b.classifier(b.conv(x, 1280, 1, activation="relu6"))
    return b.model("mobilenet_v2", [x], opset=10)  # Clip with attributes: older OpenCV takes no other


def yolov4_tiny(size=416, classes=80):
    b = Builder(size)
    leaky = {"activation": "leaky"}
    x = b.conv(b.conv("images", 32, 3, 2, **leaky), 64, 3, 2, **leaky)
    for channels in (64, 128, 256):  # cross-stage partial blocks
        x = b.conv(x, channels, 3, **leaky)
        half = channels // 2
        part = b.add("Split", [x], half, axis=1, split=[half, half])
        second = part + "_b"
        b.nodes[-1].output.append(second)
        b.channels[second] = half
        y1 = b.conv(second, half, 3, **leaky)
        y2 = b.conv(y1, half, 3, **leaky)
        y = b.conv(b.add("Concat", [y2, y1], channels, axis=1), channels, 1, **leaky)
        skip = y
        x = b.add("Concat", [x, y], channels * 2, axis=1)
        x = b.add("MaxPool", [x], channels * 2, kernel_shape=[2, 2], strides=[2, 2])
    x = b.conv(b.conv(x, 512, 3, **leaky), 256, 1, **leaky)
    outputs = 3 * (5 + classes)
    coarse = b.conv(b.conv(x, 512, 3, **leaky), outputs, 1)
    up = b.conv(x, 128, 1, **leaky)
    scales = b.constant(np.array([1, 1, 2, 2]))
    up = b.add("Resize", [up, b.constant(np.zeros(0)), scales], 128, mode="nearest",
               coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    joined = b.add("Concat", [up, skip], 128 + b.channels[skip], axis=1)
    fine = b.conv(b.conv(joined, 256, 3, **leaky), outputs, 1)
    return b.model("yolov4_tiny", [coarse, fine])


BUILDERS = {"resnet18": resnet18, "mobilenet_v2": mobilenet_v2, "yolov4_tiny": yolov4_tiny}
