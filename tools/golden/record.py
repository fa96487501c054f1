"""Records what the reference runtimes give on real frames. See tests/golden/README.md for the formats."""
import argparse
import importlib.metadata
import json
import pathlib
import subprocess
import sys
import tempfile
import zlib

import cv2
import numpy as np
import onnxruntime

import decode
import tflite_run
from frames import Preparation, file_sha256, fitted, sha256, tensor_of, video_frames

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = 512
BLOCKS = 32

YOLOX = Preparation(416, 416, bgr=True, nhwc=False, letterbox_top_left=True)
FASTESTDET = Preparation(352, 352, bgr=True, nhwc=False, std=255)
CENTERNET = Preparation(512, 512, bgr=False, nhwc=True)
TWINLITENET = Preparation(640, 360, bgr=False, nhwc=False, std=255)

SYMMETRIC = {"mean": 127.5, "std": 127.5}

STREET = [("highway_cars.mp4", 0), ("highway_cars.mp4", 20), ("people.mp4", 300)]
BUST = [("webcam_book.mkv", 30, [80, 0, 480]), ("webcam_walk.mkv", 40, [80, 0, 480])]
PERSON = [("webcam_walk.mkv", 40, [80, 0, 480]), ("people.mp4", 300, [259, 0, 432])]
# Files of the networks that come out of npm packages, as assets/models.toml names them.
FILES = {
    "centernet": "centernet.json",
    "selfie_segmentation": "selfie_segmentation_landscape.tflite",
    "selfie_segmentation_square": "selfie_segmentation.tflite",
    "face_detection_short": "face_detection_short_range.tflite",
    "face_detection_full": "face_detection_full_range.tflite",
    "hand_landmark_lite": "hand_landmark_lite.tflite",
    "pose_landmark_lite": "pose_landmark_lite.tflite",
    "blazeface": "blazeface.json",
    "facemesh": "facemesh.json",
    "iris": "iris.json",
    "handtrack": "handtrack.json",
    "movenet_lightning": "movenet-lightning.json",
}
# Of those in the shared folder whose file has another name than the network.
SHARED = {"lyt_net": "lyt_net_320x240.onnx"}
# network: preparation, frames as (clip, frame, crop x, y, size or None)
NETWORKS = {
    "yolox_nano": (YOLOX, [(c, f, None) for c, f in STREET]),
    "fastestdet": (FASTESTDET, [(c, f, None) for c, f in STREET]),
    "centernet": (CENTERNET, [(c, f, None) for c, f in STREET]),
    "twinlitenet": (TWINLITENET, [("highway.mp4", 50, None), ("highway_cars.mp4", 10, None)]),
    "roadnet": (
        TWINLITENET,
        [("highway.mp4", f, None) for f in range(0, 221, 24)] + [("highway_cars.mp4", f, None) for f in range(0, 38, 4)],
    ),
    "lyt_net": (
        Preparation(320, 240, bgr=False, nhwc=True, **SYMMETRIC),
        [("webcam_book.mkv", 30, None), ("highway.mp4", 50, None)],
    ),
    "face_landmark": (
        Preparation(192, 192, bgr=False, nhwc=False, std=255),
        [("webcam_book.mkv", 30, [236, 76, 130]), ("webcam_walk.mkv", 5, [236, 76, 130])],
    ),
    "selfie_segmentation": (
        Preparation(256, 144, bgr=False, nhwc=True, std=255),
        [("webcam_book.mkv", 30, None), ("webcam_walk.mkv", 40, None)],
    ),
    "selfie_segmentation_square": (Preparation(256, 256, bgr=False, nhwc=True, std=255), BUST),
    "face_detection_short": (Preparation(128, 128, bgr=False, nhwc=True, **SYMMETRIC), BUST),
    "face_detection_full": (Preparation(192, 192, bgr=False, nhwc=True, **SYMMETRIC), BUST),
    "hand_landmark_lite": (
        Preparation(224, 224, bgr=False, nhwc=True, std=255),
        [("webcam_book.mkv", 30, [240, 170, 140]), ("webcam_walk.mkv", 40, [170, 200, 120])],
    ),
    "pose_landmark_lite": (Preparation(256, 256, bgr=False, nhwc=True, std=255), PERSON),
    "blazeface": (Preparation(256, 256, bgr=False, nhwc=True, **SYMMETRIC), BUST),
    "facemesh": (
        Preparation(192, 192, bgr=False, nhwc=True, std=255),
        [("webcam_book.mkv", 30, [236, 76, 130]), ("webcam_walk.mkv", 5, [236, 76, 130])],
    ),
    "iris": (
        Preparation(64, 64, bgr=False, nhwc=True, std=255),
        [("webcam_book.mkv", 30, [280, 105, 48]), ("webcam_walk.mkv", 40, [285, 100, 48])],
    ),
    "handtrack": (Preparation(320, 320, bgr=False, nhwc=True), BUST),
    "movenet_lightning": (Preparation(192, 192, bgr=False, nhwc=True), PERSON),
}
BOX_FRAMES = {"highway_cars.mp4": list(range(0, 38, 4)), "people.mp4": list(range(60, 1394, 140))}
HEADS = {"yolox_nano": decode.yolox, "fastestdet": decode.fastestdet, "centernet": decode.centernet}


def backend_of(path: pathlib.Path) -> str:
    """The wasm backend's NonMaxSuppressionV5 keeps next to nothing: what uses it runs on plain JavaScript."""
    return "cpu" if "NonMaxSuppressionV5" in path.read_text() else "wasm"


def sample_positions(count: int) -> np.ndarray:
    """Pseudo-random positions that C++ computes alike: the finaliser of splitmix64 of 0, 1, 2, ..."""
    z = np.arange(1, SAMPLES + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) % np.uint64(count)).astype(np.int64)


def rounded(values):
    return [float(f"{v:.7g}") for v in np.asarray(values, np.float64).ravel()]


def summary(name: str, value: np.ndarray, whole: bool = False) -> dict:
    flat = value.astype(np.float64).ravel()
    out = {"name": name, "shape": list(value.shape)}
    out |= {"min": rounded(flat.min())[0], "max": rounded(flat.max())[0], "mean": rounded(flat.mean())[0]}
    if whole:  # rows whose order is arbitrary among equal scores: compared after matching
        out["values"] = rounded(flat)
    else:
        out["samples"] = rounded(flat[sample_positions(flat.size)])
        # Every element is in one of these means: an error that no sample hits shows here.
        edges = [flat.size * i // BLOCKS for i in range(BLOCKS + 1)]
        out["block_means"] = rounded([flat[a:b].mean() for a, b in zip(edges, edges[1:])]) if flat.size >= BLOCKS else []
    return out


def run_torch(path: pathlib.Path, inputs: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
    """roadnet in the framework that it was trained with."""
    sys.path.append(str(ROOT / "tools" / "train"))
    import torch
    from roadnet import export

    network = export.Shipped(export.read(path)).eval()
    with torch.no_grad():
        results = [network(torch.from_numpy(x)) for x in inputs]
    return [{name: y.numpy() for name, y in zip(export.OUTPUTS, result)} for result in results]


class Reference:
    def __init__(self, args):
        self.args = args
        self.footage = args.shared / "footage"
        self.sessions, self.cache = {}, {}

    def frame(self, clip: str, index: int, crop) -> np.ndarray:
        if (clip, index) not in self.cache:
            wanted = {f for _, cases in NETWORKS.values() for c, f, _ in cases if c == clip}
            wanted |= set(BOX_FRAMES.get(clip, []))
            self.cache |= {(clip, i): image for i, image in video_frames(self.footage / clip, wanted).items()}
        image = self.cache[clip, index]
        if crop:
            x, y, size = crop
            image = np.ascontiguousarray(image[y : y + size, x : x + size])
        return image

    def model(self, network: str) -> pathlib.Path:
        if network == "roadnet":
            return ROOT / "assets" / "models" / "roadnet.onnx"
        if network in FILES:
            return self.args.models / FILES[network]
        return self.args.shared / "models" / SHARED.get(network, f"{network}.onnx")

    def run(self, network: str, inputs: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
        path = self.model(network)
        if network == "roadnet":
            return run_torch(path, inputs)
        if path.suffix == ".json":
            return self.run_tfjs(path, inputs)
        if path.suffix == ".tflite":
            return tflite_run.run(path, inputs)
        if network not in self.sessions:
            self.sessions[network] = onnxruntime.InferenceSession(
                str(self.model(network)), providers=["CPUExecutionProvider"]
            )
        session = self.sessions[network]
        names = [o.name for o in session.get_outputs()]
        return [dict(zip(names, session.run(names, {session.get_inputs()[0].name: x}))) for x in inputs]

    def run_tfjs(self, path, inputs):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for i, value in enumerate(inputs):
                files.append(f"{folder}/in{i}.bin")
                value.tofile(files[-1])
            shape = ",".join(str(extent) for extent in inputs[0].shape)
            subprocess.run(
                ["node", str(self.args.tfjs), str(path), backend_of(path), folder, shape, *files], check=True, stdout=2
            )
            described = json.loads(pathlib.Path(folder, "outputs.json").read_text())
            self.tfjs_version = described["version"]
            return [
                {
                    o["name"]: np.fromfile(f"{folder}/{i}_{o['name'].replace('/', '_')}.bin", np.float32).reshape(o["shape"])
                    for o in described["outputs"]
                }
                for i in range(len(inputs))
            ]

    def describe(self, network: str) -> str:
        if network == "roadnet":
            return f"PyTorch {importlib.metadata.version('torch')}, CPU, with the weights of the file"
        if self.model(network).suffix == ".json":
            return f"TensorFlow.js {self.tfjs_version}, {backend_of(self.model(network))} backend"
        if self.model(network).suffix == ".tflite":
            return f"LiteRT {importlib.metadata.version('ai-edge-litert')}, CPU"
        return f"onnxruntime {onnxruntime.__version__}, CPU"


def record_outputs(ref: Reference, out: pathlib.Path):
    for network, (prep, cases) in NETWORKS.items():
        if ref.args.networks and network not in ref.args.networks:
            continue
        fits = [fitted(ref.frame(*case), prep) for case in cases]
        results = ref.run(network, [tensor_of(fit, prep) for fit in fits])
        entries = []
        for (clip, frame, crop), fit, result in zip(cases, fits, results):
            entries.append(
                {
                    "clip": clip,
                    "clip_sha256": file_sha256(ref.footage / clip),
                    "frame": frame,
                    "crop": crop,
                    "input_sha256": sha256(fit.tobytes()),
                    "outputs": [summary(n, v, whole=n.endswith("detections")) for n, v in result.items()],
                }
            )
        write_json(
            out / f"{network}.json",
            {
                "network": network,
                "model_sha256": file_sha256(ref.model(network)),
                "reference": ref.describe(network),
                "cases": entries,
            },
        )


def record_boxes(ref: Reference, out: pathlib.Path):
    clips = []
    for clip, indices in BOX_FRAMES.items():
        images = [ref.frame(clip, i, None) for i in indices]
        size = (images[0].shape[1], images[0].shape[0])
        frames = [{"frame": i, "boxes": {}} for i in indices]
        for network, head in HEADS.items():
            prep = NETWORKS[network][0]
            results = ref.run(network, [tensor_of(fitted(image, prep), prep) for image in images])
            for frame, result in zip(frames, results):
                output = next(v for n, v in result.items() if network != "centernet" or n.endswith("detections"))
                kept, margin = decode.suppress(head(output, size, (prep.width, prep.height)), size)
                if margin < 1e-3:
                    print(f"{clip} frame {frame['frame']} {network}: a decision is only {margin:.2g} from its threshold")
                # class, score, x0, y0, x1, y1
                frame["boxes"][network] = [
                    [int(r[5]), round(r[4], 5), *(round(v, 3) for v in r[:4])] for r in kept.tolist()
                ]
        clips.append({"clip": clip, "clip_sha256": file_sha256(ref.footage / clip), "size": size, "frames": frames})
    write_json(
        out / "boxes.json",
        {
            "score_threshold": decode.SCORE_THRESHOLD,
            "iou_threshold": decode.IOU_THRESHOLD,
            "box": ["class", "score", "x0", "y0", "x1", "y1"],
            "reference": {n: ref.describe(n) for n in HEADS},
            "clips": clips,
        },
    )


def record_masks(ref: Reference, out: pathlib.Path):
    folder = ref.args.shared / "labels" / "camvid_val"
    packed, images = [], []
    road = np.zeros(2, np.int64)
    for path in sorted((folder / "images").glob("*.png")):
        image = cv2.imread(str(path))
        fit = fitted(image, TWINLITENET)
        result = ref.run("twinlitenet", [tensor_of(fit, TWINLITENET)])[0]
        masks = np.stack([result[name][0].argmax(0) for name in ("da", "ll")]).astype(np.uint8)
        delta = masks.copy()
        delta[:, 1:] ^= masks[:, :-1]  # the difference to the row above compresses three times better
        packed.append(np.packbits(delta, axis=-1).tobytes())
        label = cv2.imread(str(folder / "labels" / path.name), cv2.IMREAD_UNCHANGED)
        rows = np.arange(label.shape[0]) * masks.shape[1] // label.shape[0]
        columns = np.arange(label.shape[1]) * masks.shape[2] // label.shape[1]
        drivable = masks[0][rows][:, columns] != 0
        known = label != 11
        road += [(drivable & (label == 3)).sum(), ((drivable | (label == 3)) & known).sum()]
        images.append({"name": path.name, "input_sha256": sha256(fit.tobytes())})
    (out / "twinlitenet_masks.bin").write_bytes(zlib.compress(b"".join(packed), 9))
    iou = road[0] / road[1]
    print(f"road IoU of the reference on {len(images)} frames: {iou:.4f}")
    write_json(
        out / "twinlitenet_masks.json",
        {
            "reference": ref.describe("twinlitenet"),
            "model_sha256": file_sha256(ref.model("twinlitenet")),
            "outputs": ["da", "ll"],
            "width": TWINLITENET.width,
            "height": TWINLITENET.height,
            "road_iou": round(float(iou), 5),
            "images": images,
        },
    )


def write_json(path: pathlib.Path, value):
    # One list of numbers a line, so that a change shows as a small difference.
    text = json.dumps(value, indent=1)
    out, depth = [], 0
    for line in text.split("\n"):
        stripped = line.strip()
        numeric = stripped.rstrip(",").lstrip("-").replace(".", "", 1).replace("e-", "", 1).isdigit()
        if numeric or (stripped in ("]", "],") and depth):
            out[-1] += (" " if numeric and not out[-1].endswith("[") else "") + stripped
            depth = numeric
        else:
            out.append(line)
            depth = stripped.endswith("[")
    path.write_text("\n".join(out) + "\n")
    assert json.loads(path.read_text()) == json.loads(text)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--tfjs", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("networks", nargs="*")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    ref = Reference(args)
    record_outputs(ref, args.out)
    if args.networks:
        return
    record_boxes(ref, args.out)
    record_masks(ref, args.out)


if __name__ == "__main__":
    main()
