"""One scene: what is drawn of it, and in which order."""

from __future__ import annotations

import dataclasses

import numpy as np

from . import road as roads
from . import scenery, weather
from .camera import Camera

KINDS = {"highway": 0.3, "country": 0.2, "city": 0.4, "campus": 0.1}


@dataclasses.dataclass
class Scene:
    picture: np.ndarray  # RGB bytes, [360, 640, 3]
    drivable: np.ndarray  # 0 no, 1 yes, 2 ignore, [360, 640]
    lane: np.ndarray  # the same for lane lines
    told: str  # what it shows: "city night rain"


def make(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    camera = Camera.random(rng)
    road = roads.Road.random(rng, kind)
    surface = roads.draw(rng, road, camera)
    told = [kind, "left-hand" if road.left_hand else "right-hand"]

    picture = surface.picture.copy()
    dark = rng.random() < 0.28
    if not dark and rng.random() < 0.55:
        weather.shadows(rng, surface, picture)
    sky = scenery.backdrop(rng, camera)
    picture[~surface.hit] = sky[~surface.hit]
    depth = np.where(surface.hit, surface.z, 400.0).astype(np.float32)
    # Far ground fades into the haze, as its colours do in every picture.
    haze = (1 - np.exp(-depth / 350))[..., None] * surface.hit[..., None]
    picture += haze * (0.75 - picture) * 0.6
    canvas = scenery.Canvas(
        picture.astype(np.float32),
        surface.drivable.copy(),
        surface.lane.copy(),
        depth,
        np.zeros_like(picture, dtype=np.float32),
        camera,
    )
    scenery.populate(rng, kind, road, surface, canvas)

    if rng.random() < 0.06:
        weather.tunnel(rng, canvas, surface)
        told.append("tunnel")
    bad = rng.random()
    if bad < 0.25:
        weather.wet(rng, canvas, surface)
        told.append("wet")
    if dark:
        weather.night(rng, canvas, surface)
        told.append("night")
    if bad < 0.14:
        weather.rain(rng, canvas, snow=bool(bad < 0.03))
        told.append("snow" if bad < 0.03 else "rain")
    elif 0.3 < bad < 0.4 and not dark:
        weather.fog(rng, canvas)
        told.append("fog")
    elif 0.4 < bad < 0.5 and not dark:
        weather.glare(rng, canvas)
        told.append("glare")
    return Scene(weather.lens(rng, canvas.picture), canvas.drivable, canvas.lane, " ".join(told))
