"""What stands beside and on the road: sky, hills, buildings, trees, barriers, poles, vehicles, people.

Everything is a flat piece with corners in the world, drawn from the farthest to the nearest. A piece that covers the
ground takes its labels: neither drivable nor a line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from . import noise
from .camera import HEIGHT, WIDTH, Camera
from .road import IGNORE, NO, Road, Surface

_NEAR = 0.9  # metres ahead: what reaches nearer is cut off there
_SHIFT = 4  # OpenCV's polygons in sixteenths of a pixel


@dataclasses.dataclass
class Canvas:
    picture: np.ndarray  # RGB 0..1
    drivable: np.ndarray
    lane: np.ndarray
    depth: np.ndarray  # metres ahead
    glow: np.ndarray  # light of its own, RGB, added at night
    camera: Camera

    def fill(self, points: np.ndarray, colour, depth: float, glow: float = 0.0, texture: np.ndarray | None = None):
        """Fills a polygon of pixels [N, 2]; with a texture (a picture for a quad, corners in its order)."""
        if not np.isfinite(points).all() or np.abs(points).max() > 6000:
            return
        low, high = np.floor(points.min(0)).astype(int) - 1, np.ceil(points.max(0)).astype(int) + 2
        x0, y0 = np.maximum(low, 0)
        x1, y1 = min(high[0], WIDTH), min(high[1], HEIGHT)
        if x1 <= x0 or y1 <= y0:
            return
        local = points - [x0, y0]
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(mask, [np.round(local * (1 << _SHIFT)).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
        share = mask[..., None].astype(np.float32) / 255
        part = self.picture[y0:y1, x0:x1]
        if texture is None:
            what = np.asarray(colour, np.float32)
        else:
            h, w = texture.shape[:2]
            corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
            warp = cv2.getPerspectiveTransform(corners, local.astype(np.float32))
            what = cv2.warpPerspective(
                texture, warp, (x1 - x0, y1 - y0), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
            )
        part += share * (what - part)
        covered = mask > 127
        self.drivable[y0:y1, x0:x1][covered] = NO
        self.lane[y0:y1, x0:x1][covered] = NO
        self.depth[y0:y1, x0:x1][covered] = depth
        lit = self.glow[y0:y1, x0:x1]
        lit *= 1 - share
        if glow > 0:
            lit += share * glow * what

    def quad(self, corners, colour, depth, **rest):
        """A flat piece by its corners in the world [N, 3]."""
        corners = np.asarray(corners, np.float64)
        if corners[:, 2].min() < _NEAR:
            return
        self.fill(self.camera.project(corners), colour, depth, **rest)


Piece = tuple[float, Callable[[Canvas], None]]


def backdrop(rng: np.random.Generator, camera: Camera) -> np.ndarray:
    """Sky, clouds and what lies at the horizon, RGB 0..1."""
    rays = camera.rays()
    up = rays[..., 1] / np.linalg.norm(rays, axis=-1)
    turn = np.arctan2(rays[..., 0], rays[..., 2])
    top, low = [
        ((0.25, 0.47, 0.85), (0.75, 0.85, 0.95)),
        ((0.5, 0.6, 0.72), (0.85, 0.87, 0.9)),
        ((0.62, 0.65, 0.68), (0.8, 0.8, 0.8)),
        ((0.35, 0.38, 0.5), (0.95, 0.7, 0.5)),
        ((0.9, 0.92, 0.95), (0.97, 0.97, 0.97)),
    ][rng.integers(5)]
    fade = np.clip(up / 0.5, 0, 1)[..., None] ** 0.7
    sky = np.array(low) * (1 - fade) + np.array(top) * fade
    cloud = noise.laid(noise.tile(rng, 4, 0.55), turn * 30, up * 60, 60, np.full(up.shape, 0.01))
    sky = sky + np.clip(cloud + rng.uniform(-0.8, 0.3), 0, 1)[..., None] * (rng.uniform(0.75, 1.0) - sky) * 0.8
    wave = noise.tile(rng, 8, 0.5)
    for layer in range(rng.integers(0, 4)):
        tall = rng.uniform(0.005, 0.09) / (layer + 1)
        profile = tall * (1 + 0.8 * wave[(layer * 97) % 512][np.mod(turn * 200, 512).astype(int)])
        colour = np.array(
            [(0.3, 0.38, 0.42), (0.25, 0.33, 0.2), (0.45, 0.42, 0.33), (0.4, 0.42, 0.47)][rng.integers(4)]
        )
        shade = 1 + 0.25 * noise.laid(wave, turn * 40, up * 40, 8, np.full(up.shape, 0.01))
        inside = up < profile
        sky[inside] = (colour * shade[..., None])[inside]
    return np.clip(sky, 0, 1).astype(np.float32)


def _windows(rng: np.random.Generator, columns: int, rows: int) -> np.ndarray:
    """The front of a building, a picture."""
    cell = 12
    wall = rng.uniform(0.25, 0.85) + rng.normal(0, 0.07, 3)
    out = np.ones((rows * cell, columns * cell, 3), np.float32) * wall
    out *= 1 + 0.1 * rng.standard_normal(out.shape[:2])[..., None]
    glass = rng.uniform(0.08, 0.5) + rng.normal(0, 0.04, 3)
    wide, tall = rng.integers(4, 10), rng.integers(4, 10)
    for row in range(rows):
        for column in range(columns):
            shine = glass * rng.uniform(0.6, 1.5)
            out[row * cell + 2 : row * cell + 2 + tall, column * cell + 2 : column * cell + 2 + wide] = shine
    if rng.random() < 0.4:  # shops
        out[-cell:] = np.clip(rng.uniform(0.15, 0.8) + rng.normal(0, 0.13, 3), 0, 1)
    return np.clip(out, 0, 1).astype(np.float32)


def _leaves(rng: np.random.Generator) -> np.ndarray:
    green = np.array([(0.16, 0.26, 0.1), (0.25, 0.33, 0.14), (0.35, 0.3, 0.12), (0.12, 0.18, 0.1)][rng.integers(4)])
    shade = 1 + 0.9 * noise.tile(rng, 8, 0.8, 64)
    return np.clip(green * shade[..., None], 0, 1).astype(np.float32)


def along(rng, road: Road, camera: Camera, u: float, tall: float, step: float, make) -> list[Piece]:
    """Pieces that stand along the road at `u`, `tall` metres high; make(n) gives colour and texture of one."""
    pieces = []
    begin, n = rng.uniform(1, 4), 0
    while begin < 160:
        end = begin + step
        x0, x1 = road.axis(begin) + u, road.axis(end) + u
        corners = np.concatenate(
            [camera.on_ground([x0, x1], [begin, end], tall), camera.on_ground([x1, x0], [end, begin])]
        )
        style = make(n)
        if style is not None:
            pieces.append((begin, lambda canvas, c=corners, s=style, d=begin: canvas.quad(c, s[0], d, texture=s[1])))
        begin, n = end, n + 1
    return pieces


def buildings(rng, road: Road, camera: Camera, side: int, u: float) -> list[Piece]:
    pieces = []
    z = rng.uniform(2, 12)
    while z < 200:
        long, deep, tall = rng.uniform(6, 30), rng.uniform(5, 20), rng.uniform(3, 10) * rng.choice([1, 1, 2.5])
        if rng.random() < 0.8:
            near, far = u + side * rng.uniform(0, 3), 0.0
            far = near + side * deep
            front = _windows(rng, max(2, int(long / 3)), max(1, int(tall / 3)))
            dark = rng.uniform(0.5, 1.0)
            x0, x1 = road.axis(z) + near, road.axis(z + long) + near
            flank = np.concatenate(
                [camera.on_ground([x0, x1], [z, z + long], tall), camera.on_ground([x1, x0], [z + long, z])]
            )
            outer = road.axis(z) + far
            face = np.concatenate([camera.on_ground([outer, x0], [z, z], tall), camera.on_ground([x0, outer], [z, z])])
            pieces.append((z + long / 2, lambda c, q=flank, t=front, d=z: c.quad(q, None, d, texture=t)))
            pieces.append(
                (z, lambda c, q=face, t=(front * dark).astype(np.float32), d=z: c.quad(q, None, d, texture=t))
            )
        z += long + rng.choice([0, 0, rng.uniform(2, 25)])
    return pieces


def tree(rng, road: Road, camera: Camera, u: float, z: float) -> Piece:
    tall, crown = rng.uniform(3, 12), rng.uniform(1, 3.5)
    base = camera.on_ground(road.axis(z) + u, z)
    leaves, seeds = _leaves(rng), rng.normal(0, 0.4, (9, 3))

    def draw(canvas: Canvas):
        trunk = base + np.array([[-0.15, 0, 0], [0.15, 0, 0], [0.1, tall * 0.7, 0], [-0.1, tall * 0.7, 0]])
        canvas.quad(trunk, (0.2, 0.15, 0.1), z)
        for sx, sy, size in seeds:
            middle = base + [sx * crown, tall * 0.75 + sy * crown, 0]
            radius = crown * (0.55 + 0.3 * size)
            angle = np.linspace(0, 2 * np.pi, 11)[:-1]
            ring = radius * (1 + 0.15 * np.sin(angle * 5 + sx * 9))
            blob = middle + np.stack([np.cos(angle) * ring, np.sin(angle) * ring, 0 * angle], -1)
            flat = canvas.camera.project(blob)
            if z > _NEAR:
                shade = leaves[int(abs(sx) * 50) % 60, int(abs(sy) * 50) % 60] * (1 + 0.3 * sy)
                canvas.fill(flat, np.clip(shade, 0, 1), z)

    return z, draw


def pole(rng, road: Road, camera: Camera, u: float, z: float) -> Piece:
    tall, thick = rng.uniform(2.2, 9), rng.uniform(0.04, 0.15)
    base = camera.on_ground(road.axis(z) + u, z)
    grey = rng.uniform(0.15, 0.7)
    kind = rng.integers(4)
    colour = [(0.8, 0.1, 0.1), (0.1, 0.3, 0.75), (0.95, 0.95, 0.9), (0.95, 0.8, 0.1), (0.1, 0.5, 0.25)][rng.integers(5)]
    reach = -np.sign(u) * rng.uniform(1, 3)

    def draw(canvas: Canvas):
        canvas.quad(
            base + np.array([[-thick, 0, 0], [thick, 0, 0], [thick, tall, 0], [-thick, tall, 0]]), (grey,) * 3, z
        )
        if kind == 0:  # a round sign
            angle = np.linspace(0, 2 * np.pi, 13)[:-1]
            canvas.quad(base + [0, tall, 0] + 0.4 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], -1), colour, z)
        elif kind == 1:  # a board
            wide = rng.uniform(0.3, 1.5)
            canvas.quad(
                base + [0, tall, 0] + np.array([[-wide, -0.4, 0], [wide, -0.4, 0], [wide, 0.5, 0], [-wide, 0.5, 0]]),
                colour,
                z,
            )
        elif kind == 2:  # a lamp
            canvas.quad(
                base + [0, tall, 0] + np.array([[0, 0, 0], [reach, 0.3, 0], [reach, 0.45, 0], [0, 0.12, 0]]),
                (grey,) * 3,
                z,
            )
            canvas.quad(
                base + [reach, tall + 0.2, 0] + np.array([[-0.3, 0, 0], [0.3, 0, 0], [0.3, 0.2, 0], [-0.3, 0.2, 0]]),
                (1, 0.9, 0.7),
                z,
                glow=2.0,
            )
        else:  # traffic lights
            at = base + [0, max(tall * 0.9, 2.5), 0]
            canvas.quad(at + np.array([[-0.2, -0.5, 0], [0.2, -0.5, 0], [0.2, 0.5, 0], [-0.2, 0.5, 0]]), (0.08,) * 3, z)
            canvas.quad(
                at
                + [0, rng.choice([0.3, -0.3]), 0]
                + np.array([[-0.1, -0.1, 0], [0.1, -0.1, 0], [0.1, 0.1, 0], [-0.1, 0.1, 0]]),
                [(1, 0.15, 0.1), (0.2, 1, 0.5)][rng.integers(2)],
                z,
                glow=2.0,
            )

    return z, draw


def person(rng, road: Road, camera: Camera, u: float, z: float) -> Piece:
    base = camera.on_ground(road.axis(z) + u, z)
    tall = rng.uniform(1.45, 1.9)
    shirt, trousers = rng.uniform(0.05, 0.9, 3), rng.uniform(0.05, 0.5, 3)
    stride = rng.uniform(0.05, 0.3)

    def draw(canvas: Canvas):
        for foot in (-stride, stride):
            canvas.quad(
                base
                + np.array([[foot - 0.08, 0, 0], [foot + 0.08, 0, 0], [0.12, tall * 0.5, 0], [-0.12, tall * 0.5, 0]]),
                trousers,
                z,
            )
        canvas.quad(
            base
            + np.array(
                [[-0.2, tall * 0.48, 0], [0.2, tall * 0.48, 0], [0.22, tall * 0.84, 0], [-0.22, tall * 0.84, 0]]
            ),
            shirt,
            z,
        )
        angle = np.linspace(0, 2 * np.pi, 9)[:-1]
        canvas.quad(
            base + [0, tall * 0.93, 0] + 0.12 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], -1),
            (0.6, 0.45, 0.35),
            z,
        )

    return z, draw


_PAINTS = [
    (0.9, 0.9, 0.9),
    (0.08, 0.08, 0.09),
    (0.45, 0.46, 0.48),
    (0.65, 0.1, 0.1),
    (0.12, 0.2, 0.45),
    (0.75, 0.73, 0.68),
    (0.85, 0.65, 0.1),
    (0.15, 0.3, 0.2),
]


def vehicle(rng, road: Road, camera: Camera, u: float, z: float, oncoming: bool) -> list[Piece]:
    """Its rear (or front) at z; boxes on wheels with windows and lights."""
    kind = rng.choice(["car", "car", "car", "van", "lorry", "bike"])
    long, wide, tall, waist = {
        "car": (4.3, 1.75, 1.45, 0.85),
        "van": (4.9, 1.9, 2.0, 1.0),
        "lorry": (9.0, 2.4, 3.3, 1.2),
        "bike": (1.9, 0.6, 1.6, 0.8),
    }[kind]
    colour = np.array(_PAINTS[rng.integers(len(_PAINTS))]) * rng.uniform(0.8, 1.1)
    x0, x1 = road.axis(z) + u, road.axis(z + long) + u
    half = wide / 2
    inset = {"car": 0.18, "van": 0.06, "lorry": 0.0, "bike": 0.1}[kind]
    glass = np.array([0.08, 0.1, 0.12]) * rng.uniform(0.7, 3)

    def draw(canvas: Canvas):
        def at(x, y, far):  # x beside its middle, y up, `far` 0..1 of its length
            ground = canvas.camera.on_ground(x0 + (x1 - x0) * far + x, z + long * far)
            return ground + [0, y, 0]

        if z < _NEAR + 0.2:
            return
        shadow = [at(-half * 1.08, 0, -0.03), at(half * 1.08, 0, -0.03), at(half * 1.08, 0, 1), at(-half * 1.08, 0, 1)]
        under = canvas.camera.project(np.array(shadow))
        before = canvas.depth.copy()
        canvas.fill(under, (0.04, 0.04, 0.045), z)
        canvas.depth = before
        # The side that is seen, then the end.
        seen = -1 if x0 > 0 else 1
        side = seen * half
        canvas.quad([at(side, 0.3, 0), at(side, 0.3, 1), at(side, waist, 1), at(side, waist, 0)], colour * 0.7, z)
        top = side * (1 - inset)
        canvas.quad(
            [at(side, waist, 0.02), at(side, waist, 0.9), at(top, tall, 0.7), at(top, tall, 0.12)],
            glass if kind != "lorry" else colour * 0.6,
            z,
        )
        for wheel in (0.18, 0.8):
            angle = np.linspace(0, 2 * np.pi, 11)[:-1]
            ring = [at(side, 0.33 + 0.33 * np.sin(a), wheel + 0.33 / long * np.cos(a)) for a in angle]
            canvas.quad(ring, (0.05, 0.05, 0.05), z)
        canvas.quad([at(-half, 0.25, 0), at(half, 0.25, 0), at(half, waist, 0), at(-half, waist, 0)], colour, z)
        upper = half * (1 - inset)
        canvas.quad(
            [at(-half, waist, 0.01), at(half, waist, 0.01), at(upper, tall, 0.1), at(-upper, tall, 0.1)],
            colour * 0.85,
            z,
        )
        if kind != "lorry":
            canvas.quad(
                [
                    at(-half * 0.88, waist + 0.04, 0.01),
                    at(half * 0.88, waist + 0.04, 0.01),
                    at(upper * 0.88, tall - 0.1, 0.09),
                    at(-upper * 0.88, tall - 0.1, 0.09),
                ],
                glass,
                z,
            )
        lights = (1.0, 0.97, 0.85) if oncoming else (0.85, 0.05, 0.05)
        for lamp in (-0.85, 0.85):
            middle = half * lamp
            canvas.quad(
                [
                    at(middle - 0.12, waist - 0.3, -0.01),
                    at(middle + 0.12, waist - 0.3, -0.01),
                    at(middle + 0.12, waist - 0.12, -0.01),
                    at(middle - 0.12, waist - 0.12, -0.01),
                ],
                lights,
                z,
                glow=3.0 if oncoming else 1.5,
            )
        canvas.quad(
            [at(-0.25, 0.45, -0.01), at(0.25, 0.45, -0.01), at(0.25, 0.57, -0.01), at(-0.25, 0.57, -0.01)],
            (0.9, 0.9, 0.85),
            z,
        )
        for tyre in (-0.8, 0.8):
            canvas.quad(
                [
                    at(half * tyre - 0.1, 0, 0),
                    at(half * tyre + 0.1, 0, 0),
                    at(half * tyre + 0.1, 0.3, 0),
                    at(half * tyre - 0.1, 0.3, 0),
                ],
                (0.03,) * 3,
                z,
            )

    return [(z, draw)]


def hedge_or_wall(rng, road: Road, camera: Camera, u: float) -> list[Piece]:
    kind = rng.integers(4)
    if kind == 0:  # a hedge or a wood
        tall = rng.choice([0.8, 1.5, 6.0, 9.0])
        return along(rng, road, camera, u, tall, 6.0, lambda n: (None, _leaves(rng)))
    if kind == 1:  # concrete
        grey = rng.uniform(0.35, 0.75)
        return along(
            rng,
            road,
            camera,
            u,
            rng.choice([0.8, 1.0, 4.0]),
            5.0,
            lambda n: ((grey * rng.uniform(0.92, 1.05),) * 3, None),
        )
    if kind == 2:  # a rail on posts
        grey = rng.uniform(0.5, 0.8)
        rails = along(rng, road, camera, u, 0.75, 5.0, lambda n: ((grey,) * 3, None))
        return rails
    colour = np.clip(np.array([0.5, 0.42, 0.36]) * rng.uniform(0.5, 1.4) + rng.normal(0, 0.05, 3), 0, 1)  # bricks
    brick = np.clip(colour * (1 + 0.2 * rng.standard_normal((24, 48, 1))), 0, 1).astype(np.float32)
    return along(rng, road, camera, u, rng.uniform(1, 3.5), 7.0, lambda n: (None, brick))


def dashboard(rng: np.random.Generator, canvas: Canvas):
    """The own bonnet or dashboard at the lower edge."""
    top = HEIGHT - rng.uniform(6, 55)
    bulge = rng.uniform(0, 25)
    x = np.linspace(-20, WIDTH + 20, 30)
    y = top + bulge * np.square((x - WIDTH / 2) / (WIDTH / 2)) + rng.normal(0, 4) * (x / WIDTH - 0.5)
    outline = np.concatenate([np.stack([x, y], -1), [[WIDTH + 20, HEIGHT + 20], [-20, HEIGHT + 20]]])
    canvas.fill(outline, np.clip(rng.uniform(0.02, 0.5) + rng.normal(0, 0.03, 3), 0, 1), 0.5)


def populate(rng: np.random.Generator, kind: str, road: Road, surface: Surface, canvas: Canvas):
    """Draws what belongs to a road of this kind."""
    camera = canvas.camera
    left, right = road.edges()
    strip = {band.kind: band for band in road.bands}
    outer = (min(band.begin for band in road.bands), max(band.end for band in road.bands))
    pieces: list[Piece] = []
    for side, u in ((-1, outer[0]), (1, outer[1])):
        beyond = u + side * rng.uniform(0.2, 4)
        if kind == "city" and rng.random() < 0.8 or rng.random() < 0.1:
            pieces += buildings(rng, road, camera, side, beyond)
        elif rng.random() < 0.6:
            pieces += hedge_or_wall(rng, road, camera, beyond)
        if kind == "highway" and rng.random() < 0.6:
            pieces += hedge_or_wall(rng, road, camera, u + side * 0.3)
        for _ in range(rng.integers(0, 12)):
            pieces.append(tree(rng, road, camera, beyond + side * rng.uniform(0.5, 15), rng.uniform(4, 120)))
        for _ in range(rng.integers(0, 5)):
            pieces.append(pole(rng, road, camera, u + side * rng.uniform(-0.6, 1.5), rng.uniform(4, 80)))
        if "pavement" in strip:
            for _ in range(rng.integers(0, 5)):
                pieces.append(person(rng, road, camera, u - side * rng.uniform(0.2, 2.5), rng.uniform(3, 60)))
        if kind in ("city", "campus") and rng.random() < 0.4:  # parked along the kerb
            z = rng.uniform(2, 20)
            edge = left if side < 0 else right
            while z < 80 and rng.random() < 0.85:
                pieces += vehicle(rng, road, camera, edge - side * 1.0, z, oncoming=bool(rng.random() < 0.3))
                z += rng.uniform(5.5, 12)
    lanes = max(1, round((right - left) / road.lane))
    for _ in range(rng.integers(0, {"highway": 7, "country": 3, "city": 9, "campus": 2}[kind])):
        n = rng.integers(lanes)
        u = left + (n + 0.5) * road.lane + rng.normal(0, 0.2)
        own = road.own[0] < u < road.own[1]
        against = u < 0 if not road.left_hand else u > 0
        pieces += vehicle(rng, road, camera, u, rng.uniform(9 if own else 3, 90), oncoming=bool(against))
    if rng.random() < 0.15:
        pieces.append(person(rng, road, camera, rng.uniform(left, right), rng.uniform(8, 40)))
    for _, draw in sorted(pieces, key=lambda piece: -piece[0]):
        draw(canvas)
    if rng.random() < 0.3:
        dashboard(rng, canvas)
    assert canvas.lane.max() <= IGNORE
