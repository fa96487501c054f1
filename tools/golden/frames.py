"""Frames and network inputs, made so that any build of any decoder makes the same bytes.

Colour conversion and resizing are where decoders differ, so both are spelled out: H.264 decodes to the same
planes everywhere, the conversion to BGR is in integers (tests/models/golden_frames.cpp repeats it), and the resize
is OpenCV's 8-bit bilinear one, whose fixed point is the same in all builds.
"""
import dataclasses
import hashlib
import pathlib

import av
import cv2
import numpy as np


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: pathlib.Path) -> str:
    return sha256(path.read_bytes())


def bgr_of_planes(y, u, v, full_range: bool) -> np.ndarray:
    """BT.601, chroma by the nearest sample; >> is the arithmetic shift."""
    y = y.astype(np.int32)
    d = np.repeat(np.repeat(u.astype(np.int32) - 128, 2, 0), 2, 1)[: y.shape[0], : y.shape[1]]
    e = np.repeat(np.repeat(v.astype(np.int32) - 128, 2, 0), 2, 1)[: y.shape[0], : y.shape[1]]
    if full_range:
        r, g, b = y + ((359 * e + 128) >> 8), y - ((88 * d + 183 * e + 128) >> 8), y + ((454 * d + 128) >> 8)
    else:
        c = 298 * (y - 16)
        r, g, b = (c + 409 * e + 128) >> 8, (c - 100 * d - 208 * e + 128) >> 8, (c + 516 * d + 128) >> 8
    return np.clip(np.stack([b, g, r], -1), 0, 255).astype(np.uint8)


def video_frames(path: pathlib.Path, wanted) -> dict[int, np.ndarray]:
    """Frames by their position in decoding order of presentation, as BGR."""
    wanted, found = set(wanted), {}
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                if frame.format.name not in ("yuv420p", "yuvj420p"):
                    raise SystemExit(f"{path}: {frame.format.name} is not planar 4:2:0")
                planes = []
                for plane, (height, width) in zip(
                    frame.planes,
                    [(frame.height, frame.width)] + [((frame.height + 1) // 2, (frame.width + 1) // 2)] * 2,
                ):
                    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
                    planes.append(rows[:height, :width])
                full = frame.format.name == "yuvj420p" or int(frame.color_range) == 2
                found[index] = bgr_of_planes(*planes, full)
            if len(found) == len(wanted):
                return found
    raise SystemExit(f"{path}: ended before frame {max(wanted - set(found))}")


@dataclasses.dataclass(frozen=True)
class Preparation:
    """As in assets/models.toml: value = (pixel - mean) / std, channels in the network's order."""

    width: int
    height: int
    bgr: bool
    nhwc: bool
    std: float = 1.0
    mean: float = 0.0
    letterbox_top_left: bool = False
    pad: int = 114


def fitted(image: np.ndarray, prep: Preparation) -> np.ndarray:
    """The input as bytes: height x width x 3 in the network's channel order, before scaling."""
    if prep.letterbox_top_left:
        ratio = min(prep.width / image.shape[1], prep.height / image.shape[0])
        inside = cv2.resize(image, (int(image.shape[1] * ratio), int(image.shape[0] * ratio)))
        out = np.full((prep.height, prep.width, 3), prep.pad, np.uint8)
        out[: inside.shape[0], : inside.shape[1]] = inside
    else:
        out = cv2.resize(image, (prep.width, prep.height))
    return np.ascontiguousarray(out if prep.bgr else out[..., ::-1])


def tensor_of(fit: np.ndarray, prep: Preparation) -> np.ndarray:
    values = (fit.astype(np.float32) - np.float32(prep.mean)) / np.float32(prep.std)
    return np.ascontiguousarray(values[None] if prep.nhwc else values.transpose(2, 0, 1)[None])
