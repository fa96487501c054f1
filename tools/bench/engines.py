"""The engines that are compared, their settings, and the processes that run them."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
START_SECONDS = 900  # a software Vulkan device compiles shaders for minutes, the first time
FP32_TOLERANCE, FP16_TOLERANCE = 1e-3, 2e-2  # largest error as a part of the output's range


VARIANT_WORDS = {"rewritten": "rewritten model", "altered": "half-pixel instead of asymmetric resize"}


class Failed(Exception):
    """A network that an engine does not run, with the reason."""


def vulkan_environment(root, work, width):
    """What makes another program's Vulkan loader find the driver that Tarsier takes (engine/gpu/driver_setup.cpp)."""
    env = {"LP_NATIVE_VECTOR_WIDTH": str(width)} if width else {}
    named = any(os.environ.get(n) for n in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"))
    manifest = root / ".tarsier" / "mesa" / "lvp_icd.json"
    if not named and manifest.is_file():
        library = Path(json.loads(manifest.read_text())["ICD"]["library_path"])
        env["VK_DRIVER_FILES"] = str(manifest)
        env["LD_LIBRARY_PATH"] = ":".join(filter(None, [str(library.parent), os.environ.get("LD_LIBRARY_PATH")]))
    # One cache for each width: Mesa's key ignores it.
    cache = work / "shaders" / f"width-{width or 'default'}"
    cache.mkdir(parents=True, exist_ok=True)
    env["MESA_SHADER_CACHE_DIR"] = str(cache)
    return env


def vector_widths(software):
    """Of the software device; None is its default."""
    if not software:
        return [None]
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return [256, 512] if "avx512f" in flags else [None]


def largest_error(outputs, reference):
    """Of all outputs, as a part of each one's range. Engines name and order outputs in ways of their own and drop axes
    of 1: each is held against the reference of its size that it fits best."""
    left, worst = list(outputs), 0.0
    for wanted in reference:
        scale = max(float(np.ptp(wanted)), float(np.abs(wanted).max()), 1e-6)
        errors = [(float(np.abs(o.ravel() - wanted.ravel()).max()) / scale, i)
                  for i, o in enumerate(left) if o.size == wanted.size]
        if not errors:
            raise Failed("its outputs have other shapes than ONNX Runtime's")
        error, index = min(errors, key=lambda e: (not np.isfinite(e[0]), e[0]))
        left.pop(index)
        worst = max(worst, error) if np.isfinite(error) else float("inf")
    return worst


class Process:
    """Answers requests for times (see peer_worker.py)."""

    def __init__(self, command, env, log):
        self.log = log
        self.stderr = open(log, "w")
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr,
                                      text=True, env={**os.environ, **env})

    def read(self, seconds):
        ready, _, _ = select.select([self.child.stdout], [], [], seconds)
        if not ready:
            raise Failed(f"no answer within {seconds:.0f} s")
        line = self.child.stdout.readline()
        if not line:
            self.child.wait()
            tail = [t for t in Path(self.log).read_text(errors="replace").splitlines() if t.strip()]
            raise Failed(tail[-1][-300:] if tail else f"it ended with code {self.child.returncode}")
        return json.loads(line)

    def times(self, runs, whole_runs=0, seconds=START_SECONDS):
        self.child.stdin.write(f"{runs} {whole_runs}\n")
        self.child.stdin.flush()
        return self.read(seconds)

    def close(self):
        for stream in (self.child.stdin, self.child.stdout):
            try:
                stream.close()
            except OSError:
                pass
        try:
            self.child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.stderr.close()


class Engine:
    """`key`: in the report's JSON. `settings(context)`: a list of dicts to try."""

    def __init__(self, key, title, settings):
        self.key, self.title, self.settings = key, title, settings

    def describe(self, setting):
        shown = {k: v for k, v in setting.items() if k not in ("vulkan", "variant", "model")}
        words = [f"{k} {v}" for k, v in shown.items() if v is not None]
        if setting.get("variant") in VARIANT_WORDS:
            words.append(VARIANT_WORDS[setting["variant"]])
        return ", ".join(words)


class Peer(Engine):
    def __init__(self, key, title, worker, settings, python=sys.executable, vulkan=False):
        super().__init__(key, title, settings)
        self.worker, self.python, self.vulkan = worker, python, vulkan

    def start(self, context, network, setting):
        """A process that is ready, its information and its error against the reference."""
        model = network.models.get((self.worker, setting["variant"]))
        if model is None:
            raise Failed(network.reasons.get((self.worker, setting["variant"]), "there is no such form of it"))
        passed = {k: v for k, v in setting.items() if k not in ("variant", "width")}
        save = context.work / "outputs.npz"
        env = vulkan_environment(context.root, context.work, setting.get("width")) if self.vulkan else {}
        if self.python != sys.executable:
            env["PYTHONPATH"] = ""
        process = Process([self.python, str(HERE / "peer_worker.py"), self.worker, str(model), str(network.input_file),
                           json.dumps(passed), "--save", str(save)], env, context.work / f"{self.key}.log")
        try:
            info = process.read(START_SECONDS)
            if "error" in info:
                raise Failed(info["error"])
            with np.load(save) as saved:
                error = largest_error([saved[k] for k in saved.files], network.references[setting["variant"]])
            check(error, setting)
            return process, info, error
        except Failed:
            process.close()
            raise


class Tarsier(Engine):
    def start(self, context, network, setting):
        env = {"LP_NATIVE_VECTOR_WIDTH": str(setting["width"])} if setting["width"] else {}
        flags = ["--precision", setting["precision"], "--log-level", "error", *context.device_flags]
        given = f"{network.input_name}={network.input_file}"
        folder = context.work / "tarsier-outputs"
        made = subprocess.run([context.tarsier, "infer", network.file, "--in", given, "--out", folder, *flags],
                              capture_output=True, text=True, env={**os.environ, **env})
        if made.returncode != 0:
            raise Failed(made.stderr.strip().splitlines()[-1] if made.stderr.strip() else "tarsier infer failed")
        kept = lambda name: "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in name)
        outputs = [np.load(folder / f"{kept(n)}.npy") for n in network.output_names]
        error = largest_error(outputs, network.references["published"])
        check(error, setting)
        process = Process([context.tarsier, "bench", network.file, "--serve", "--in", given, *flags], env,
                          context.work / "tarsier.log")
        try:
            process.times(0)
        except Failed:
            process.close()
            raise
        return process, {"version": context.tarsier_version}, error


def check(error, setting):
    half = setting.get("fp16", "off") != "off" or setting.get("precision") == "fp16"
    if not error <= (FP16_TOLERANCE if half else FP32_TOLERANCE):
        raise Failed(f"its outputs are wrong: they differ from ONNX Runtime's by {error:.1e} of the range")


def engines(context, quick):
    """Tarsier first."""
    def grid(**axes):
        rows = [{}]
        for name, values in axes.items():
            rows = [{**row, name: value} for row in rows for value in (values[:1] if quick else values)]
        return rows

    device = [context.device["name"], context.device["api_version"]]
    widths = vector_widths(context.device["software"])[::-1]
    threads = sorted({1, 2, min(os.cpu_count() or 1, 16)}, reverse=True)
    threads = [t for t in threads if t <= (os.cpu_count() or 1)]
    variants = ["published", "rewritten", "altered"]
    out = [
        Tarsier("tarsier", "Tarsier", lambda: grid(precision=["fp32", "fp16"], width=widths)),
        Peer("ncnn_vulkan", "ncnn Vulkan", "ncnn",
             lambda: [{**row, "vulkan": device} for row in
                      grid(fp16=["off", "storage", "arithmetic"], width=widths, threads=threads[:1])], vulkan=True),
        Peer("ncnn_cpu", "ncnn CPU", "ncnn",
             lambda: grid(fp16=["off", "arithmetic"], threads=threads, spin_ms=[0, 20])),
        Peer("onnxruntime_cpu", "ONNX Runtime CPU", "onnxruntime", lambda: grid(threads=threads, spin=[1, 0])),
        Peer("opencv_cpu", "OpenCV dnn (PyPI)", "opencv",
             lambda: grid(threads=threads, engine=["new", "classic"], winograd=[1, 0])),
    ]
    if system_opencv():
        out.append(Peer("opencv_debian_cpu", "OpenCV dnn (system)", "opencv", lambda: grid(threads=threads),
                        python=SYSTEM_PYTHON))
    for engine in out[1:]:
        plain = engine.settings
        # A rewritten network is the same arithmetic in other words (rewrites.py); an altered one is a last resort.
        engine.settings = lambda plain=plain: [{**row, "variant": v} for v in variants for row in plain()]
    return out


SYSTEM_PYTHON = "/usr/bin/python3"


def system_opencv():
    """The version of the OpenCV that the distribution packages for its Python; None where it is not installed."""
    try:
        made = subprocess.run([SYSTEM_PYTHON, "-c", "import cv2, numpy; print(cv2.__version__)"], capture_output=True,
                              text=True, env={**os.environ, "PYTHONPATH": ""})
    except OSError:
        return None
    return made.stdout.strip() if made.returncode == 0 else None


def median_of(process, runs, seconds):
    """Median of up to `runs` runs that take up to `seconds` together, at least one."""
    first = process.times(1)["wall_ms"][0]
    more = int(min(runs - 1, seconds * 1e3 / max(first, 1e-3)))
    return float(np.median([first] + (process.times(more)["wall_ms"] if more > 0 else [])))


def scout(engine, context, network, runs, seconds, say):
    """The fastest of an engine's settings: (setting, ms, error, info). Failed with the reason where none runs."""
    best, reasons = None, []
    for setting in engine.settings():
        variant = setting.get("variant", "published")
        if variant not in network.references or (variant == "altered" and best is not None):
            continue
        if variant == "altered" and engine.worker != "ncnn":
            continue
        begun = time.monotonic()
        try:
            process, info, error = engine.start(context, network, setting)
        except Failed as failure:
            say(f"  {engine.title}, {engine.describe(setting)}: {failure}")
            reasons.append(str(failure))
            continue
        try:
            ms = median_of(process, runs, seconds)
        except Failed as failure:
            reasons.append(str(failure))
            continue
        finally:
            process.close()
        say(f"  {engine.title}, {engine.describe(setting)}: {ms:.2f} ms, error {error:.1e}"
            f" ({time.monotonic() - begun:.0f} s)")
        if best is None or ms < best[1]:
            best = (setting, ms, error, info)
    if best is None:
        raise Failed(reasons[0] if reasons else "no setting of it can be tried")
    return best
