"""Light, weather and the camera's own faults, over a drawn scene. Labels stay as they are."""

from __future__ import annotations

import cv2
import numpy as np

from . import noise
from .camera import HEIGHT, WIDTH
from .road import Surface
from .scenery import Canvas


def shadows(rng: np.random.Generator, surface: Surface, picture: np.ndarray):
    """Of trees and buildings beside, over the ground."""
    kind = rng.integers(3)
    u, z = surface.u, surface.z
    footprint = np.maximum(z / 300, 0.01)
    if kind == 0:  # leaves
        spots = noise.laid(noise.tile(rng, 8, 0.7), u, z * 0.6, rng.uniform(6, 20), footprint)
        reach = np.clip((rng.choice([-1, 1]) * u + rng.uniform(-2, 6)) / 2, 0, 1)
        share = np.clip((spots + rng.uniform(-0.2, 0.5)) * 4, 0, 1) * reach
    elif kind == 1:  # an edge along the road
        edge = rng.uniform(-6, 6)
        share = np.clip((u - edge) * rng.choice([-1, 1]) / 0.15, 0, 1)
    else:  # posts or houses across
        period, slant = rng.uniform(4, 25), rng.uniform(-1.5, 1.5)
        share = np.clip(np.sin((z + slant * u) * 2 * np.pi / period) * 6 + rng.uniform(-3, 3), 0, 1)
    picture *= 1 - (surface.hit * share * rng.uniform(0.3, 0.7))[..., None]


def wet(rng: np.random.Generator, canvas: Canvas, surface: Surface):
    """The road mirrors what stands behind it, more so where it is seen flat."""
    rows = np.flatnonzero(surface.hit.any(1))
    if len(rows) == 0:
        return
    horizon = rows[0]
    source = np.clip(2 * horizon - np.arange(HEIGHT), 0, HEIGHT - 1)
    mirrored = cv2.blur(canvas.picture[source], (5, int(rng.integers(9, 41)) | 1))
    puddles = np.clip(
        noise.laid(noise.tile(rng, 8, 0.5), surface.x, surface.z, 18, np.maximum(surface.z / 200, 0.01)) * 2
        + rng.uniform(0, 1),
        0.15,
        1,
    )
    flat = np.clip(surface.z / 25, 0.15, 1)
    share = surface.road * puddles * flat * rng.uniform(0.3, 0.8) * (canvas.depth >= surface.z * 0.9)
    canvas.picture *= 1 - 0.35 * surface.road[..., None]
    canvas.picture += share[..., None] * (mirrored - canvas.picture)


def fog(rng: np.random.Generator, canvas: Canvas):
    seen = np.exp(rng.uniform(np.log(25), np.log(250)))  # metres
    share = 1 - np.exp(-canvas.depth / seen)
    canvas.picture += share[..., None] * (rng.uniform(0.55, 0.9) + rng.normal(0, 0.02, 3) - canvas.picture)


def rain(rng: np.random.Generator, canvas: Canvas, snow: bool):
    drops = np.zeros((HEIGHT, WIDTH), np.float32)
    slant = rng.normal(0, 4)
    for _ in range(int(rng.integers(80, 500))):
        x, y = int(rng.integers(WIDTH)), int(rng.integers(HEIGHT))
        if snow:
            cv2.circle(drops, (x, y), int(rng.integers(1, 4)), float(rng.uniform(0.3, 1)), -1, cv2.LINE_AA)
        else:
            long = rng.uniform(6, 26)
            cv2.line(drops, (x, y), (int(x + slant), int(y + long)), float(rng.uniform(0.2, 0.7)), 1, cv2.LINE_AA)
    drops = cv2.GaussianBlur(drops, (3, 3), 0)
    canvas.picture += (drops * rng.uniform(0.2, 0.6))[..., None] * (0.9 - canvas.picture)


def night(rng: np.random.Generator, canvas: Canvas, surface: Surface):
    """Headlights, street lamps and little else."""
    ambient = rng.uniform(0.03, 0.22)
    lit = np.full(surface.z.shape, ambient, np.float32)
    aim = np.exp(-np.square(surface.x / (1.5 + 0.22 * surface.z)))
    lit += rng.uniform(0.35, 0.9) * aim * np.exp(-surface.z / rng.uniform(12, 40)) * np.clip(surface.z / 4, 0.35, 1)
    if rng.random() < 0.7:
        period, beside = rng.uniform(18, 40), rng.uniform(-6, 6)
        near = np.mod(surface.z + rng.uniform(0, 40), period) - period / 2
        lit += rng.uniform(0.2, 0.7) * np.exp(-np.square(near / 7) - np.square((surface.u - beside) / 7)) * surface.hit
    upright = canvas.depth < surface.z * 0.9
    lit[upright] = ambient + 0.4 * np.exp(-canvas.depth[upright] / 25)
    lit[~surface.hit & ~upright] = ambient * rng.uniform(0.1, 0.9)
    tint = np.array([(1.0, 0.85, 0.6), (1.0, 0.95, 0.85), (0.85, 0.92, 1.0), (1.0, 0.75, 0.45)][rng.integers(4)])
    canvas.picture *= lit[..., None] * tint
    glow = canvas.glow * 1.2
    halo = cv2.GaussianBlur(glow, (0, 0), 5) * 1.5 + cv2.GaussianBlur(glow, (0, 0), 22) * 1.5
    canvas.picture += glow + halo


def tunnel(rng: np.random.Generator, canvas: Canvas, surface: Surface):
    """Walls and a ceiling with rows of lamps, in the place of sky and scenery."""
    camera = canvas.camera
    rays = camera.rays()
    left, right, tall = (
        surface.x[surface.road].min(initial=-6),
        surface.x[surface.road].max(initial=6),
        rng.uniform(4.5, 7),
    )
    left, right = max(left, -9.0), min(right, 9.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        wall = np.where(rays[..., 0] > 0, right, left) / rays[..., 0]
        roof = np.where(rays[..., 1] > 0, (tall - camera.height) / rays[..., 1], np.inf)
    length = np.clip(np.nan_to_num(np.minimum(wall, roof), nan=400, posinf=400), 0, 400)
    z = length * rays[..., 2]
    behind = (z < surface.z) & (canvas.depth >= surface.z * 0.99) & (rays[..., 2] > 0)
    shade = np.array([0.5, 0.47, 0.4]) * rng.uniform(0.4, 1.1)
    lamp = (np.mod(z, 8) < 3) & (roof < wall) & (np.abs(length * rays[..., 0] - rng.uniform(-2, 2)) < 0.5)
    colour = shade * np.exp(-z / 120)[..., None] * (1 + 0.1 * np.sin(z))[..., None]
    colour[lamp] = (1.0, 0.9, 0.65)
    canvas.picture[behind] = colour[behind]
    covered = behind & surface.hit & (z < surface.z - 0.5)
    canvas.drivable[covered] = 0
    canvas.lane[covered] = 0
    canvas.picture *= np.array([1.0, 0.88, 0.65]) * rng.uniform(0.4, 0.8)


def glare(rng: np.random.Generator, canvas: Canvas):
    """A low sun and what a windscreen makes of it."""
    x, y = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT * 0.45)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    away = np.hypot(columns - x, rows - y)
    light = rng.uniform(0.3, 1.0) * np.exp(-away / rng.uniform(40, 160)) + rng.uniform(0, 0.25) * np.exp(-away / 500)
    canvas.picture += light[..., None] * np.array([1.0, 0.95, 0.85])


def lens(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """White balance, exposure, blur, noise, vignette. Returns RGB bytes."""
    picture = np.clip(picture, 0, 4) * rng.uniform(0.65, 1.35) * (1 + rng.normal(0, 0.05, 3))
    picture = picture / (1 + np.maximum(picture - 0.8, 0))  # rolls off where it is bright
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    picture *= (1 - rng.uniform(0, 0.35) * (rows**2 + columns**2) / 2)[..., None]
    picture = np.clip(picture, 0, 1) ** rng.uniform(0.75, 1.3)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.3))
    if rng.random() < 0.15:
        picture = cv2.blur(picture, (1, int(rng.integers(3, 9))))
    picture += rng.standard_normal(picture.shape) * rng.uniform(0.003, 0.035)
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
