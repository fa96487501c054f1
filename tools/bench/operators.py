"""Single operators beside ONNX Runtime: operators that no benchmark network has, at sizes of vision networks.

  tools/bench_peers --operators                 all of them, a table on standard output
  tools/bench_peers --operators GRU,GridSample  those whose name begins so

Both run in turn in one go on the same processors; the least of all rounds counts, ours as the device's time. Larger
than 1: ours is slower.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
ROUNDS, RUNS = 7, 5
random = np.random.default_rng(3)


def normal(*shape, scale=1.0):
    return (random.standard_normal(shape) * scale).astype(np.float32)


def uniform(*shape, low=-1.0, high=1.0):
    return random.uniform(low, high, shape).astype(np.float32)


class Case:
    """One node; arrays in `inputs` are fed, those in `weights` are constants. None: an operand left out."""

    def __init__(self, op, inputs, weights=(), outputs=1, opset=20, note="", **attributes):
        self.name = op + (f" {note}" if note else "")
        self.inputs = {f"x{i}": array for i, array in enumerate(inputs)}
        constants = {f"w{i}": array for i, array in enumerate(weights) if array is not None}
        operands = [*self.inputs, *(f"w{i}" if w is not None else "" for i, w in enumerate(weights))]
        node = helper.make_node(op, operands, [f"y{i}" for i in range(outputs)], **attributes)
        info = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
                for n, a in self.inputs.items()]
        graph = helper.make_graph([node], op, info, [onnx.ValueInfoProto(name=n) for n in node.output],
                                  [numpy_helper.from_array(a, n) for n, a in constants.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        self.model = model


def quantised(*shape, dtype=np.int8):
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max + 1, shape).astype(dtype)


def recurrent(op, gates, steps=32, size=128):
    return Case(op, [normal(steps, 1, size)],
                [normal(1, gates * size, size, scale=0.05), normal(1, gates * size, size, scale=0.05),
                 normal(1, 2 * gates * size, scale=0.05)],
                note=f"{steps} steps of {size}", hidden_size=size)


def cases():
    x = normal(1, 64, 56, 56)
    grid = uniform(1, 112, 112, 2)
    rois = np.sort(uniform(100, 2, 2, low=0, high=56), axis=1).reshape(100, 4)[:, [0, 1, 2, 3]].copy()
    scale8, zero8 = np.array(0.02, np.float32), np.array(3, np.uint8)
    yield Case("GridSample", [x, grid], note="64x56x56 to 112x112", mode="linear")
    yield Case("InstanceNormalization", [x], [normal(64), normal(64)], note="64x56x56")
    yield Case("LayerNormalization", [normal(1, 196, 768)], [normal(768), normal(768)], note="196x768")
    yield Case("GroupNormalization", [x], [normal(64), normal(64)], opset=21, note="64x56x56", num_groups=8)
    yield Case("LRN", [x], note="64x56x56", size=5)
    yield recurrent("GRU", 3)
    yield recurrent("LSTM", 4)
    yield recurrent("RNN", 1)
    yield Case("QLinearConv", [quantised(1, 64, 56, 56, dtype=np.uint8)],
               [scale8, zero8, quantised(64, 64, 3, 3), scale8, np.array(0, np.int8), np.array(2.0, np.float32), zero8],
               note="3x3 64x56x56 to 64", pads=[1, 1, 1, 1])
    yield Case("QLinearConv", [quantised(1, 128, 28, 28, dtype=np.uint8)],
               [scale8, zero8, quantised(128, 128, 1, 1), scale8, np.array(0, np.int8), np.array(2.0, np.float32), zero8],
               note="1x1 128x28x28 to 128")
    yield Case("MatMulInteger", [quantised(196, 768, dtype=np.uint8)], [quantised(768, 768), zero8, np.array(0, np.int8)],
               note="196x768x768")
    yield Case("RoiAlign", [x, rois], [np.zeros(100, np.int64)], note="100 of 64x7x7", output_height=7,
               output_width=7, sampling_ratio=2)
    yield Case("Resize", [x], [None, np.array([1, 1, 2, 2], np.float32)], note="cubic 64x56x56 to 112x112", mode="cubic")
    yield Case("Softmax", [normal(8, 196, 196)], note="8x196x196")
    yield Case("TopK", [normal(1, 10000)], [np.array([100], np.int64)], outputs=2, note="100 of 10000")
    yield Case("ConvTranspose", [normal(1, 64, 28, 28)], [normal(64, 32, 4, 4, scale=0.05)], note="4x4/2 64x28x28 to 32",
               strides=[2, 2], pads=[1, 1, 1, 1])
    yield Case("Conv", [normal(1, 16, 16, 56, 56)], [normal(32, 16, 3, 3, 3, scale=0.05)], note="3x3x3 16x16x56x56 to 32",
               pads=[1] * 6)
    yield Case("Einsum", [normal(8, 196, 64), normal(8, 196, 64)], note="bid,bjd->bij", equation="bid,bjd->bij")
    yield Case("ReduceMean", [x], [np.array([2, 3], np.int64)], note="64x56x56", opset=18)
    yield Case("CumSum", [normal(256, 1024)], [np.array(1)], note="256x1024")
    yield Case("ScatterND", [normal(1000, 64)], [np.arange(0, 500).reshape(-1, 1), normal(500, 64)], note="500 of 1000x64")


def device_times(process, runs):
    process.stdin.write(f"{runs} 0\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("tarsier stopped")
    return json.loads(line)["device_ms"]


def compare(case, tarsier, folder):
    file = folder / "case.onnx"
    onnx.save(case.model, file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    command = [tarsier, "bench", str(file), "--serve"]
    for name, array in case.inputs.items():
        np.save(folder / f"{name}.npy", array)
        command += ["--in", f"{name}={folder / name}.npy"]
    with open(folder / "log.txt", "w+") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        ours, theirs = [], []
        try:
            for _ in range(ROUNDS):
                ours += device_times(process, RUNS)
                for _ in range(RUNS):
                    begin = time.perf_counter()
                    session.run(None, case.inputs)
                    theirs.append((time.perf_counter() - begin) * 1e3)
        except (RuntimeError, BrokenPipeError):
            log.seek(0)
            return None, None, log.read().strip().splitlines()[-1:]
        finally:
            process.stdin.close()
            process.wait()
    return ours, theirs, None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="?", default="", help="operators, separated by commas (default: all)")
    parser.add_argument("--tarsier", default=str(ROOT / "build/release/bin/tarsier"))
    options = parser.parse_args()
    wanted = tuple(options.names.split(",")) if options.names else ("",)
    print("| operator | Tarsier, ms | ONNX Runtime, ms | ratio | medians, ms |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            if not case.name.startswith(wanted):
                continue
            ours, theirs, failure = compare(case, options.tarsier, Path(folder))
            if failure is not None:
                print(f"| {case.name} | {' '.join(failure)} | | | |", flush=True)
                continue
            print(f"| {case.name} | {min(ours):.3f} | {min(theirs):.3f} | {min(ours) / min(theirs):.1f} |"
                  f" {statistics.median(ours):.3f}, {statistics.median(theirs):.3f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
