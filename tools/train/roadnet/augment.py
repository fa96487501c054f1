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


def _edge(rng, w: int, tall: float) -> np.ndarray:
    """How high a bonnet's or dashboard's curved upper edge lies over the picture's lower one, pixels, [w]."""
    x = np.arange(w) / w
    fall, middle = rng.uniform(-0.2, 1.0), rng.normal(0.5, 0.12)
    return tall * (1 - fall * np.square((x - middle) * 2) + rng.uniform(0, 0.06) * np.sin(x * rng.uniform(2, 30)))


def _surface(rng, picture: np.ndarray, first: int, top: float) -> np.ndarray:
    """What a bonnet or dashboard looks like in the rows from `first` on: paint, with the scene or the sky reflected,
    stains of light, a dotted seal; float RGB."""
    h, w = picture.shape[:2]
    dark = rng.random() < 0.6
    paint = rng.uniform(0, 50) + rng.normal(0, 5, 3) if dark else rng.uniform(0, 230) + rng.normal(0, 20, 3)
    rows = np.arange(first, h)
    if rng.random() < 0.5:
        rows = np.clip(2 * top - rows, 0, h - 1).astype(int)
    else:  # the sky, which a bonnet shows
        rows = np.clip((rows - top) * rng.uniform(0.2, 1.5), 0, 0.45 * h).astype(int)
    seen = cv2.GaussianBlur(picture[rows], (0, 0), rng.uniform(1, 10)).astype(np.float32)
    share = rng.uniform(0, 0.35) if dark else rng.uniform(0.1, 0.7)
    height = np.clip((np.arange(first, h) - top) / max(h - top, 1), 0, 1)[:, None, None]
    own = paint * (1 + rng.normal(0, 0.4) * height) * (1 - share) + seen * share
    if rng.random() < 0.5:  # what lies on a dashboard, seen in the glass
        small = rng.standard_normal((rng.integers(2, 7), rng.integers(3, 16), 1))
        stains = cv2.resize(small.astype(np.float32), (w, h - first), interpolation=cv2.INTER_CUBIC)[..., None]
        own = own + rng.uniform(5, 45) * np.maximum(stains, 0) ** 2
    if rng.random() < 0.3:
        step, radius = rng.integers(3, 12), rng.uniform(0.5, 1.5)
        dots = np.hypot(*np.meshgrid(np.arange(w) % step - step / 2, np.arange(h - first) % step - step / 2)) < radius
        own = own + rng.uniform(-40, 60) * dots[..., None]
    return own.astype(np.float32)


def bonnet(rng: np.random.Generator, frame: Frame) -> Frame:
    """With the own vehicle's bonnet, dashboard or both at the lower edge, now and then something that stands on it. No
    camera of the pack sees one, many others do."""
    h, w = frame.picture.shape[:2]
    picture, labels = frame.picture.astype(np.float32), frame.labels.copy()
    over = _edge(rng, w, rng.uniform(0.03, 0.24) * h)
    for _ in range(rng.integers(1, 4)):
        below = np.arange(h, dtype=np.float32)[:, None] - (h - over)[None].astype(np.float32)
        top = float((h - over).min())
        first = max(0, int(top) - 1)
        own = _surface(rng, frame.picture, first, top)
        if rng.random() < 0.5:  # a bright line where it ends, or a seal
            own += rng.uniform(-60, 90) * np.exp(-np.abs(below[first:, :, None]) / rng.uniform(1, 4))
        picture[first:] += np.clip(below[first:] + 0.5, 0, 1)[..., None] * (own - picture[first:])
        covered = below > 0
        labels[covered, :2] = 0
        labels[covered, 2:] = 255
        over = over * rng.uniform(0.4, 0.9) + _edge(rng, w, rng.uniform(0, 0.04) * h)
        if over.max() < 4:
            break
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:  # a holder, a lamp, a wiper
        x, y = rng.choice([0, w]) + rng.normal(0, 0.1) * w, h * rng.uniform(0.75, 1)
        corners = np.array([x, y]) + rng.normal(0, 0.1, (7, 2)) * [w, h]
        corners = cv2.convexHull(corners.astype(np.int32))
        cv2.fillConvexPoly(picture, corners, (rng.uniform(0, 60) + rng.normal(0, 6, 3)).clip(0, 255).tolist())
        hidden = cv2.fillConvexPoly(np.zeros((h, w), np.uint8), corners, 1) > 0
        labels[hidden, :2] = 0
        labels[hidden, 2:] = 255
    return Frame(picture, labels)


def _seam(rng, picture):
    """With a lighter or darker stretch of road below a line across it, and the seam. The labels stay: what sets a
    bonnet apart is not that the road changes there."""
    h, w = picture.shape[:2]
    below = np.arange(h)[:, None] - (h * rng.uniform(0.6, 1.0) + np.arange(w) * rng.normal(0, 0.06))[None]
    if rng.random() < 0.5:  # where it ends again
        below = np.minimum(below, rng.uniform(0.02, 0.2) * h - below)
    change = 1 + rng.normal(0, 0.2) * np.clip(below + 0.5, 0, 1)
    if rng.random() < 0.5:
        change = change * (1 - rng.uniform(0, 0.6) * np.exp(-np.square(below / rng.uniform(0.5, 3))))
    return picture * change[..., None]


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


def looks(
    rng: np.random.Generator, picture: np.ndarray, other: np.ndarray | None = None, covered: bool = False
) -> np.ndarray:
    """Other light, weather and camera, and the tones of `other` if there is one, and seams in the road where no bonnet
    has covered it; RGB bytes."""
    picture = picture.astype(np.float32) if other is None else _tones(rng, picture, other)
    if rng.random() < 0.25:
        picture = _shadow(rng, picture)
    if not covered and rng.random() < 0.2:
        picture = _seam(rng, picture)
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


def vary(
    rng: np.random.Generator, frame: Frame, size: tuple[int, int], other: np.ndarray | None, bonnets: float
) -> Frame:
    """`size`: width, height; `other`: a picture whose tones it gets; `bonnets`: how likely it gets a bonnet."""
    frame = geometry(rng, frame, size)
    covered = rng.random() < bonnets
    if covered:
        frame = bonnet(rng, frame)
    frame.picture = looks(rng, frame.picture, other, covered)
    return frame
