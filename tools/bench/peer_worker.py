"""One network in one engine with one setting, in a process of its own; started by peers.py, which alternates between
several of them.

It runs the network once and writes its outputs to --save, prints one line of JSON ("version", and "device" where the
engine names one), then answers each line "N M" of standard input by one line {"wall_ms": [...]} with the times of N
runs, after one that is not counted: the protocol of `tarsier bench --serve`. A run is what a user calls for one
picture: input handed over, network run, outputs back in host memory.
"""

import argparse
import json
import re
import sys
import time

import numpy as np


def onnxruntime(model, image, setting, info):
    import onnxruntime as ort

    ort.set_default_logger_severity(3)
    info["version"] = ort.__version__
    options = ort.SessionOptions()
    options.intra_op_num_threads = setting["threads"]
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", str(setting["spin"]))
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image}
    return lambda: session.run(None, feed)


def opencv(model, image, setting, info):
    import cv2

    info["version"] = cv2.__version__
    cv2.setNumThreads(setting["threads"])
    engine = {"classic": "ENGINE_CLASSIC", "new": "ENGINE_NEW"}.get(setting.get("engine"))
    net = cv2.dnn.readNetFromONNX(model, getattr(cv2.dnn, engine)) if engine else cv2.dnn.readNetFromONNX(model)
    if "winograd" in setting:
        net.enableWinograd(bool(setting["winograd"]))
    names = net.getUnconnectedOutLayersNames()

    def run():
        net.setInput(image)
        return [np.array(o) for o in net.forward(names)]

    return run


def ncnn(model, image, setting, info):
    import ncnn as engine

    info["version"] = engine.__version__
    net = engine.Net()
    net.opt.num_threads = setting["threads"]
    net.opt.use_vulkan_compute = "vulkan" in setting
    if "vulkan" in setting:
        engine.create_gpu_instance()
        wanted = setting["vulkan"]  # [name, api version]: the device and driver that Tarsier runs on
        found = [engine.get_gpu_info(i) for i in range(engine.get_gpu_count())]
        version = lambda v: f"{v >> 22 & 127}.{v >> 12 & 1023}.{v & 4095}"
        same = [i for i, g in enumerate(found) if [g.device_name(), version(g.api_version())] == wanted]
        if not same:
            seen = ", ".join(f"{g.device_name()} ({version(g.api_version())})" for g in found)
            raise RuntimeError(f"ncnn does not see {wanted[0]} ({wanted[1]}), but {seen or 'no device'}")
        net.set_vulkan_device(same[0])
        info["device"] = wanted[0]
    else:
        net.opt.openmp_blocktime = setting["spin_ms"]
    fp16 = setting["fp16"]
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = fp16 != "off"
    net.opt.use_fp16_arithmetic = fp16 == "arithmetic"
    if net.load_param(model + ".ncnn.param") != 0 or net.load_model(model + ".ncnn.bin") != 0:
        raise RuntimeError("ncnn does not load what pnnx made of it")
    inputs, outputs = net.input_names(), net.output_names()
    array = np.ascontiguousarray(image[0])  # pnnx drops the batch axis

    def run():
        extractor = net.create_extractor()
        extractor.input(inputs[0], engine.Mat(array))
        results = []
        for name in outputs:
            code, mat = extractor.extract(name)
            if code != 0:
                raise RuntimeError(f"ncnn gives no output {name}")
            results.append(np.array(mat))
        return results

    return run


ENGINES = {"onnxruntime": onnxruntime, "opencv": opencv, "ncnn": ncnn}


def reason_of(text):
    """The core of an engine's message: OpenCV wraps it in files, lines and functions."""
    text = " ".join(text.replace("> ", " ").split())
    text = re.sub(r" in function '[^']*'", "", text)
    text = re.sub(r"(parse error: )?OpenCV\([^)]*\) \S+:\d+: error: \([^)]*\) ?", "", text)
    return text[:200] if len(text) <= 200 else text[:200] + " ..."


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("model")
    parser.add_argument("input", help=".npy")
    parser.add_argument("setting", type=json.loads)
    parser.add_argument("--save", required=True, help="write the outputs here (.npz)")
    args = parser.parse_args()
    info = {}
    try:
        run = ENGINES[args.engine](args.model, np.load(args.input), args.setting, info)
        np.savez(args.save, *run())
    except Exception as error:  # whatever a peer throws is the reason that the report gives
        print(json.dumps({"error": reason_of(str(error))}), flush=True)
        return
    print(json.dumps(info), flush=True)
    for line in sys.stdin:
        run()
        ms = []
        for _ in range(int(line.split()[0])):
            before = time.perf_counter()
            run()
            ms.append((time.perf_counter() - before) * 1e3)
        print(json.dumps({"wall_ms": ms}), flush=True)


if __name__ == "__main__":
    main()
