"""What a frame may look like as well: crops, mirror images, a bonnet, light, weather, shadows, noise, compression."""

from __future__ import annotations

import cv2
import numpy as np

from .data import Frame


def geometry(rng: np.random.Generator, frame: Frame, size: tuple[int, int]) -> Frame:
    """Mirrored or not, turned, scaled, shifted and stretched into `size` (width, height). What lies outside is grey
    and has no weight."""
    width, height = size
    h, w = frame.picture.shape[:2]
    zoom = np.exp(rng.uniform(np.log(0.75), np.log(1.7)))
    stretch = np.exp(rng.normal(0, 0.12))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    angle = np.radians(rng.normal(0, 2.0))
    sx, sy = mirror * zoom * stretch * width / w, zoom / stretch * height / h
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.diag([sx, sy])
    free_x, free_y = abs(zoom * stretch - 1) * width / 2, abs(zoom / stretch - 1) * height / 2
    middle = np.array(
        [
            width / 2 + rng.uniform(-1, 1) * (free_x + 0.04 * width),
            height / 2 + rng.uniform(-1, 1) * (free_y + 0.04 * height),
        ]
    )
    shift = middle - matrix @ [w / 2, h / 2]
    warp = np.concatenate([matrix, shift[:, None]], 1)
    small = min(abs(sx), sy) < 0.75
    picture = cv2.GaussianBlur(frame.picture, (0, 0), 0.45 / min(abs(sx), sy)) if small else frame.picture
    picture = cv2.warpAffine(picture, warp, size, flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114))
    labels = frame.labels
    if small:  # thin lines stay as likely as they are thin
        labels = cv2.GaussianBlur(labels, (0, 0), 0.3 / min(abs(sx), sy))
    labels = cv2.warpAffine(labels, warp, size, flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
    labels[..., 2:] = np.where(labels[..., 2:] > 252, 255, 0)  # known for sure
    return Frame(picture, labels)


def bonnet(rng: np.random.Generator, frame: Frame) -> Frame:
    """With the own vehicle's bonnet or dashboard at the lower edge: curved, painted or dark, with what is above it
    reflected. No camera of the pack sees one, many others do."""
    h, w = frame.picture.shape[:2]
    tall, fall, middle = rng.uniform(0.03, 0.2) * h, rng.uniform(-0.2, 1.2), rng.normal(0.5, 0.12)
    top = h - tall * (1 - fall * np.square((np.arange(w) / w - middle) * 2))
    top += rng.uniform(0, 0.06) * tall * np.sin(np.arange(w) * rng.uniform(2, 30) / w)
    below = np.arange(h, dtype=np.float32)[:, None] - top[None].astype(np.float32)
    first = max(0, int(top.min()) - 1)
    cover = np.clip(below[first:] + 0.5, 0, 1)[..., None]
    dark = rng.random() < 0.6
    paint = rng.uniform(0, 50) + rng.normal(0, 5, 3) if dark else rng.uniform(0, 230) + rng.normal(0, 30, 3)
    rows = np.clip(2 * top.min() - np.arange(first, h), 0, h - 1).astype(int)
    mirrored = cv2.GaussianBlur(frame.picture[rows], (0, 0), rng.uniform(1, 8)).astype(np.float32)
    shade = 1 + rng.normal(0, 0.4) * np.clip(below[first:] / max(tall, 1), 0, 1)[..., None]
    share = rng.uniform(0, 0.35) if dark else rng.uniform(0.1, 0.6)
    own = paint.astype(np.float32) * shade * (1 - share) + mirrored * share
    if rng.random() < 0.5:  # a bright line where it ends, or a seal
        own += rng.uniform(-60, 90) * np.exp(-np.abs(below[first:, :, None]) / rng.uniform(1, 4))
    picture, labels = frame.picture.copy(), frame.labels.copy()
    picture[first:] = np.clip(picture[first:] + cover * (own - picture[first:]), 0, 255).astype(np.uint8)
    covered = below > 0
    labels[covered, :2] = 0
    labels[covered, 2:] = 255
    return Frame(picture, labels)


def _shadow(rng, picture):
    h, w = picture.shape[:2]
    mask = np.zeros((h, w), np.float32)
    for _ in range(rng.integers(1, 4)):
        corners = np.stack([rng.uniform(-0.2, 1.2, 4) * w, rng.uniform(0.3, 1.1, 4) * h], -1)
        cv2.fillConvexPoly(mask, cv2.convexHull(corners.astype(np.int32)), 1.0, cv2.LINE_AA)
    mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 4))
    return picture * (1 - rng.uniform(0.2, 0.65) * mask[..., None])


def _weather(rng, picture):
    h, w = picture.shape[:2]
    if rng.random() < 0.5:  # fog, thicker towards the horizon
        rows = np.linspace(0, 1, h)[:, None, None]
        thick = rng.uniform(0.2, 0.8) * np.exp(-np.square((rows - rng.uniform(0.3, 0.5)) / rng.uniform(0.2, 0.6)))
        return picture + thick * (rng.uniform(150, 230) - picture)
    drops = np.zeros((h, w), np.float32)
    slant = rng.normal(0, 4)
    for x, y in zip(rng.integers(0, w, 250), rng.integers(0, h, 250)):
        cv2.line(drops, (int(x), int(y)), (int(x + slant), int(y + rng.uniform(4, 18))), 1.0, 1, cv2.LINE_AA)
    return picture + (drops * rng.uniform(0.1, 0.4))[..., None] * (220 - picture)


def _tones(rng, picture, other):
    """With the means and spreads of another picture's lightness and colours, or part of the way to them (Reinhard,
    Ashikhmin, Gooch, Shirley 2001, in CIE L*a*b*); float RGB."""
    lab, others = (
        cv2.cvtColor(side.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for side in (picture, other[::4, ::4])
    )
    mean, spread = (value[:, 0] for value in cv2.meanStdDev(lab))
    wanted_mean, wanted_spread = (value[:, 0] for value in cv2.meanStdDev(others))
    part = rng.uniform(0.3, 1.0)
    gain = 1 + part * (np.clip((wanted_spread + 1) / (spread + 1), 0.5, 2) - 1)
    lab = lab * gain.astype(np.float32) + (mean + part * (wanted_mean - mean) - mean * gain).astype(np.float32)
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255


def looks(rng: np.random.Generator, picture: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """Other light, weather and camera, and the tones of `other` if there is one; RGB bytes."""
    picture = picture.astype(np.float32) if other is None else _tones(rng, picture, other)
    if rng.random() < 0.25:
        picture = _shadow(rng, picture)
    if rng.random() < 0.12:
        picture = _weather(rng, picture)
    grey = picture.mean(-1, keepdims=True)
    picture = grey + (picture - grey) * rng.uniform(0.2, 1.5)  # saturation
    picture = picture * (1 + rng.normal(0, 0.07, 3)).astype(np.float32)  # white balance
    mean = float(picture.mean())
    picture = mean + (picture - mean) * rng.uniform(0.6, 1.4) + rng.normal(0, 18)
    picture = 255 * np.clip(picture / 255, 0, 1) ** float(np.exp(rng.normal(0, 0.3)))
    if rng.random() < 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.3:
        picture = picture + rng.standard_normal(picture.shape, np.float32) * rng.uniform(2, 14)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 80))])
        picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return picture


def vary(rng: np.random.Generator, frame: Frame, size: tuple[int, int], other: np.ndarray | None = None) -> Frame:
    frame = geometry(rng, frame, size)
    if rng.random() < 0.3:
        frame = bonnet(rng, frame)
    frame.picture = looks(rng, frame.picture, other)
    return frame
