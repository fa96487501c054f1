"""Brings a network into the forms that the engines take: as published, rewritten (rewrites.py), converted for ncnn."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

import networks
import rewrites

PUBLISHED = ("yolox_nano", "fastestdet", "twinlitenet", "selfie_segmentation", "face_landmark")
NAMES = PUBLISHED + tuple(networks.BUILDERS)
REWRITE_TOLERANCE = 1e-4  # of the output's range: other orders of the same sums


class Network:
    """`models`: (worker, variant) -> what peer_worker.py is given; `reasons`: why one is not there; `references`: by
    variant, the outputs that ONNX Runtime gives."""

    def __init__(self, name, file, folder):
        self.name, self.file, self.folder = name, Path(file), folder
        self.models, self.reasons, self.references, self.rewrites = {}, {}, {}, []


def find_published(root, name):
    places = [Path(p) for p in os.environ.get("TARSIER_MODEL_PATH", "").split(":") if p]
    places.append(root / ".." / "shared" / "models")
    for place in places:
        if (place / f"{name}.onnx").is_file():
            return place / f"{name}.onnx"
    return None


def run_reference(file, feed):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return session.run(None, feed), [o.name for o in session.get_outputs()]


def picture(shape):
    """Waves and a little noise in [0, 1]: on noise alone some networks give one constant, which proves nothing."""
    random = np.random.default_rng(1)
    values = 0.1 * random.random(shape)
    for axis, size in enumerate(shape):
        for period in (size, size / 3.7):
            wave = 0.5 + 0.5 * np.sin(2 * np.pi * np.arange(size) / max(period, 2) + random.random())
            values = values + wave.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return ((values - values.min()) / np.ptp(values)).astype(np.float32)


def pnnx_program():
    spec = importlib.util.find_spec("pnnx")
    return Path(spec.submodule_search_locations[0]) / "pnnx"


def convert_for_ncnn(source, shape, folder, variant):
    """pnnx writes beside its input and names its files after it; returns their stem or raises with its last words."""
    stem = folder / f"ncnn_{variant}"
    if not (stem.with_name(stem.name + ".ncnn.bin")).is_file():
        work = folder / f"pnnx_{variant}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        shutil.copyfile(source, work / "model.onnx")  # the published one may not be written beside
        made = subprocess.run([pnnx_program(), "model.onnx", f"inputshape=[{','.join(map(str, shape))}]", "fp16=0"],
                              cwd=work, capture_output=True, text=True, errors="replace")
        if made.returncode != 0 or not (work / "model.ncnn.bin").is_file():
            lines = (made.stdout + made.stderr).strip().splitlines()
            raise RuntimeError("pnnx does not convert it" + (f": {lines[-1][-200:]}" if lines else ""))
        for part in ("param", "bin"):
            shutil.move(work / f"model.ncnn.{part}", f"{stem}.ncnn.{part}")
        shutil.rmtree(work)
    return stem


def prepare(name, root, work):
    """Network, ready for every engine. FileNotFoundError (one line) where the published file is not here."""
    folder = work / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    if name in networks.BUILDERS:
        file = folder / f"{name}.onnx"
        if not file.is_file():
            onnx.save(networks.BUILDERS[name](), folder / "part.onnx")
            (folder / "part.onnx").rename(file)
    else:
        file = find_published(root, name)
        if file is None:
            raise FileNotFoundError(f"{name}.onnx is neither in TARSIER_MODEL_PATH nor in ../shared/models")
    # What was made of another file of this name is made anew.
    stamp = folder / "source.sha256"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != digest:
        for old in folder.glob("ncnn_*"):
            old.unlink()
        stamp.write_text(digest)

    network = Network(name, file, folder)
    graph = onnx.load(file).graph
    constants = {c.name for c in graph.initializer}
    [image] = [i for i in graph.input if i.name not in constants]
    shape = [d.dim_value for d in image.type.tensor_type.shape.dim]
    network.input_name, network.shape = image.name, shape
    network.input_file = folder / "input.npy"
    values = picture(shape)
    np.save(network.input_file, values)
    reference, network.output_names = run_reference(file, {image.name: values})

    forms = {"published": file}
    rewritten = folder / "rewritten.onnx"
    network.rewrites = rewrites.rewrite(file, rewritten)
    if network.rewrites:
        outputs, _ = run_reference(rewritten, {image.name: values})
        for ours, theirs in zip(outputs, reference):
            scale = max(float(np.abs(theirs).max()), 1e-6)
            if not np.abs(ours - theirs).max() <= REWRITE_TOLERANCE * scale:
                raise RuntimeError(f"{name}: its rewritten form ({', '.join(network.rewrites)}) gives other results")
        forms["rewritten"] = rewritten
    network.references = dict.fromkeys(forms, reference)
    altered = folder / "altered.onnx"
    if rewrites.half_pixel_resize(forms.get("rewritten", file), altered):
        forms["altered"] = altered
        network.references["altered"], _ = run_reference(altered, {image.name: values})
    for variant, form in forms.items():
        for worker in ("onnxruntime", "opencv") if variant != "altered" else ():
            network.models[worker, variant] = form
        try:
            network.models["ncnn", variant] = convert_for_ncnn(form, shape, folder, variant)
        except RuntimeError as error:
            network.reasons["ncnn", variant] = str(error)
    return network
