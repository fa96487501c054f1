#!/usr/bin/env python3
"""Writes the fuzzers' small starting models into tests/fuzz/corpus/. Needs the packages onnx, flatbuffers and
ai-edge-litert (for the schema of TensorFlow Lite)."""
import json
import pathlib

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as tfl
from onnx import TensorProto, helper

CORPUS = pathlib.Path(__file__).parent / "corpus"


def write(folder: str, name: str, data: bytes, damage: bool = False):
    (CORPUS / folder / name).write_bytes(data)
    if damage:  # cut short, and with a bit turned in the middle
        (CORPUS / folder / f"{name}.cut").write_bytes(data[: len(data) * 2 // 3])
        turned = bytearray(data)
        turned[len(data) // 2] ^= 0x10
        (CORPUS / folder / f"{name}.turned").write_bytes(bytes(turned))


def onnx_models():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 4, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    half = helper.make_tensor("w", TensorProto.FLOAT16, [2, 2, 1, 1], np.ones(4, np.float16).tobytes(), raw=True)
    for opset in (7, 13, 21):
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["c"], name="conv", auto_pad="SAME_UPPER", strides=[2, 2]),
            helper.make_node("Clip", ["c"], ["y"], min=0.0, max=6.0) if opset < 11 else helper.make_node("Relu", ["c"], ["y"]),
        ]
        graph = helper.make_graph(nodes, "g", [x], [y], [half])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        write("onnx", f"conv{opset}.onnx", model.SerializeToString(), damage=opset == 13)
    then = helper.make_graph([helper.make_node("Identity", ["x"], ["t"])], "then", [], [helper.make_tensor_value_info("t", 1, None)])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "else", [], [helper.make_tensor_value_info("e", 1, None)])
    flag = helper.make_tensor_value_info("b", TensorProto.BOOL, [])
    node = helper.make_node("If", ["b"], ["y"], then_branch=then, else_branch=other)
    write("onnx", "if.onnx", helper.make_model(helper.make_graph([node], "g", [x, flag], [y])).SerializeToString(), damage=True)
    loop = [helper.make_node("Add", ["x", "b"], ["a"], name="one"), helper.make_node("Add", ["a", "a"], ["b"], name="two")]
    graph = helper.make_graph(loop, "g", [x], [helper.make_tensor_value_info("b", 1, None)])
    write("onnx", "cycle.onnx", helper.make_model(graph).SerializeToString())


class Tflite:
    def __init__(self):
        self.model, self.graph = tfl.ModelT(), tfl.SubGraphT()
        self.model.version, self.model.operatorCodes, self.model.buffers = 3, [], [tfl.BufferT()]
        self.model.subgraphs = [self.graph]
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, name, shape, data=None, kind=tfl.TensorType.FLOAT32, scale=None, zero=0):
        tensor = tfl.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name.encode(), shape, kind, 0
        if data is not None:
            buffer = tfl.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        if scale is not None:
            tensor.quantization = tfl.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero]
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def op(self, code, inputs, outputs, options=None, custom=None):
        entry, op = tfl.OperatorCodeT(), tfl.OperatorT()
        entry.builtinCode, entry.deprecatedBuiltinCode, entry.customCode = code, min(code, 127), custom
        self.model.operatorCodes.append(entry)
        op.opcodeIndex, op.inputs, op.outputs = len(self.model.operatorCodes) - 1, inputs, outputs
        if options is not None:
            op.builtinOptionsType = getattr(tfl.BuiltinOptions, type(options).__name__[:-1])
            op.builtinOptions = options
        self.graph.operators.append(op)

    def finish(self, inputs, outputs):
        self.graph.inputs, self.graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def conv_options(kind, **values):
    options = kind()
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    for key, value in values.items():
        setattr(options, key, value)
    return options


def tflite_models():
    op = tfl.BuiltinOperator
    file = Tflite()
    x, c, y = file.tensor("x", [1, 4, 4, 2]), file.tensor("c", [1, 4, 4, 3]), file.tensor("y", [1, 48])
    half = file.tensor("half", [3, 3, 3, 2], np.ones(54, np.float16), tfl.TensorType.FLOAT16)
    weights, bias = file.tensor("w", [3, 3, 3, 2]), file.tensor("b", [3], np.ones(3, np.float32))
    file.op(op.DEQUANTIZE, [half], [weights])
    file.op(op.CONV_2D, [x, weights, bias], [c], conv_options(tfl.Conv2DOptionsT, fusedActivationFunction=3))
    file.op(op.RESHAPE, [c, file.tensor("shape", [2], np.array([1, 48], np.int32), tfl.TensorType.INT32)], [y])
    write("tflite", "conv.tflite", file.finish([x], [y]), damage=True)

    file = Tflite()
    x = file.tensor("x", [1, 2, 2, 2], kind=tfl.TensorType.INT8, scale=0.5, zero=3)
    w = file.tensor("w", [1, 3, 3, 2], np.ones(18, np.int8), tfl.TensorType.INT8, 0.25)
    c = file.tensor("c", [1, 2, 2, 2], kind=tfl.TensorType.INT8, scale=0.5, zero=1)
    y = file.tensor("y", [1, 2, 2, 2], kind=tfl.TensorType.INT8, scale=0.125)
    file.op(op.DEPTHWISE_CONV_2D, [x, w, -1], [c], conv_options(tfl.DepthwiseConv2DOptionsT, depthMultiplier=1))
    file.op(op.ADD, [c, x], [y], tfl.AddOptionsT())
    write("tflite", "quantised.tflite", file.finish([x], [y]), damage=True)

    file = Tflite()
    x, y = file.tensor("x", [2, 3]), file.tensor("y", [2, 3])
    sparse = tfl.SparsityParametersT()
    sparse.traversalOrder, sparse.blockMap = [0, 1], []
    dense, rows = tfl.DimensionMetadataT(), tfl.DimensionMetadataT()
    dense.format, dense.denseSize = tfl.DimensionType.DENSE, 2
    rows.format = tfl.DimensionType.SPARSE_CSR
    rows.arraySegmentsType = rows.arrayIndicesType = tfl.SparseIndexVector.Uint8Vector
    rows.arraySegments, rows.arrayIndices = tfl.Uint8VectorT(), tfl.Uint8VectorT()
    rows.arraySegments.values, rows.arrayIndices.values = [0, 1, 3], [2, 0, 1]
    sparse.dimMetadata = [dense, rows]
    s = file.tensor("s", [2, 3], np.ones(3, np.float32))
    file.graph.tensors[s].sparsity = sparse
    d = file.tensor("d", [2, 3])
    file.op(op.DENSIFY, [s], [d])
    file.op(op.MUL, [x, d], [y], tfl.MulOptionsT())
    write("tflite", "sparse.tflite", file.finish([x], [y]), damage=True)

    file = Tflite()
    x, a, b = (file.tensor(name, [2]) for name in "xab")
    file.op(op.ADD, [x, b], [a], tfl.AddOptionsT())
    file.op(op.ADD, [x, a], [b], tfl.AddOptionsT())
    write("tflite", "cycle.tflite", file.finish([x], [b]))


def tfjs_models():
    shape = {"shape": {"dim": [{"size": str(e)} for e in (1, 4, 4, 2)]}}
    placeholder = {"name": "x", "op": "Placeholder", "attr": {"dtype": {"type": "DT_FLOAT"}, "shape": shape}}
    conv = {"strides": {"list": {"i": ["1", "1", "1", "1"]}}, "padding": {"s": "U0FNRQ=="}, "data_format": {"s": "TkhXQw=="}}
    weights = [{"name": "w", "shape": [3, 3, 2, 3], "dtype": "float32"}]
    weights.append({"name": "p", "shape": [(4096 - 216) // 4], "dtype": "float32"})
    nodes = [placeholder, {"name": "w", "op": "Const"}, {"name": "c", "op": "Conv2D", "input": ["x", "w"], "attr": conv},
             {"name": "y", "op": "Relu6", "input": ["c"]}]
    manifest = [{"paths": ["weights.bin"], "weights": weights}]

    def model(items, entries=manifest):
        return json.dumps({"format": "graph-model", "modelTopology": {"node": items}, "weightsManifest": entries},
                          separators=(",", ":")).encode()

    write("tfjs", "conv.json", model(nodes), damage=True)
    cycle = [placeholder, {"name": "a", "op": "AddV2", "input": ["x", "b"]}, {"name": "b", "op": "AddV2", "input": ["x", "a"]},
             {"name": "y", "op": "Relu", "input": ["b"]}]
    write("tfjs", "cycle.json", model(cycle, []))
    scalars = [{"name": n, "shape": [], "dtype": "int32"} for n in ("zero", "n", "one")]
    scalars.append({"name": "rest", "shape": [1021], "dtype": "int32"})
    frame = {"frame_name": {"s": "bG9vcA=="}, "is_constant": {"b": False}}
    loop = [placeholder] + [{"name": n, "op": "Const"} for n in ("zero", "n", "one")] + [
        {"name": "e", "op": "Enter", "input": ["zero"], "attr": frame},
        {"name": "m", "op": "Merge", "input": ["e", "next"]},
        {"name": "less", "op": "Less", "input": ["m", "n"]},
        {"name": "cond", "op": "LoopCond", "input": ["less"]},
        {"name": "s", "op": "Switch", "input": ["m", "cond"]},
        {"name": "sum", "op": "AddV2", "input": ["s:1", "one"]},
        {"name": "next", "op": "NextIteration", "input": ["sum"]},
        {"name": "exit", "op": "Exit", "input": ["s"]},
        {"name": "f", "op": "Cast", "input": ["exit"], "attr": {"DstT": {"type": "DT_FLOAT"}}},
        {"name": "y", "op": "Mul", "input": ["x", "f"]},
    ]
    write("tfjs", "loop.json", model(loop, [{"paths": ["weights.bin"], "weights": scalars}]), damage=True)


if __name__ == "__main__":
    for sub in ("onnx", "tflite", "tfjs"):
        (CORPUS / sub).mkdir(parents=True, exist_ok=True)
    onnx_models()
    tflite_models()
    tfjs_models()
