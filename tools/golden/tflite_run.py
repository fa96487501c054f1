"""Runs TensorFlow Lite networks with their own runtime, for record.py."""
import pathlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter


def runnable(path: pathlib.Path) -> bytes:
    """The model with MediaPipe's own operator in place of which the runtime has an equal one.

    Convolution2DTransposeBias (x, filter, bias) is TRANSPOSE_CONV (shape, filter, x, bias) whose result has the
    shape that the file tells.
    """
    data = path.read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    custom = {i for i, code in enumerate(model.operatorCodes) if code.customCode == b"Convolution2DTransposeBias"}
    if not custom:
        return data
    graph = model.subgraphs[0]
    for op in graph.operators:
        if op.opcodeIndex not in custom:
            continue
        padding, stride_w, stride_h = np.frombuffer(bytes(op.customOptions), np.int32)[:3]
        shape = np.array(graph.tensors[op.outputs[0]].shape, np.int32)
        buffer, tensor, options = schema.BufferT(), schema.TensorT(), schema.TransposeConvOptionsT()
        buffer.data = np.frombuffer(shape.tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.name, tensor.type, tensor.shape = b"shape", schema.TensorType.INT32, [4]
        tensor.buffer = len(model.buffers) - 1
        graph.tensors.append(tensor)
        options.padding = schema.Padding.SAME if padding == 1 else schema.Padding.VALID
        options.strideW, options.strideH = stride_w, stride_h
        x, weights, bias = op.inputs
        op.inputs = [len(graph.tensors) - 1, weights, x, bias]
        op.builtinOptionsType, op.builtinOptions = schema.BuiltinOptions.TransposeConvOptions, options
        op.customOptions = None
    for i in custom:
        code = model.operatorCodes[i]
        code.customCode, code.version = None, 3
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.TRANSPOSE_CONV
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run(path: pathlib.Path, inputs: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
    interpreter = Interpreter(model_content=runnable(path), num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    results = []
    for value in inputs:
        interpreter.set_tensor(entry["index"], value.astype(entry["dtype"]))
        interpreter.invoke()
        results.append({o["name"]: interpreter.get_tensor(o["index"]).copy() for o in interpreter.get_output_details()})
    return results
