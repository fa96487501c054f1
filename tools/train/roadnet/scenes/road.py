"""A road: its course, its lanes and its paint, drawn on the ground with exact labels."""

from __future__ import annotations

import dataclasses

import numpy as np

from . import noise
from .camera import Camera

NO, YES, IGNORE = 0, 1, 2

_DRAWN_TO = 90.0  # metres: farther lines are too thin to be taught
_LABEL_HALF = 1.7  # pixels: a labelled line is at least this wide to each side, as people draw them


@dataclasses.dataclass
class Line:
    """Paint along the road at `u` metres beside its axis."""

    u: float
    width: float = 0.15
    dash: float = 0.0  # metres painted; 0: solid
    gap: float = 0.0
    phase: float = 0.0
    yellow: bool = False
    wear: float = 0.0  # share that is gone


@dataclasses.dataclass
class Band:
    """A strip of ground between two distances from the axis."""

    begin: float
    end: float
    kind: str  # "road", "shoulder", "kerb", "pavement", "median"
    drivable: int


@dataclasses.dataclass
class Road:
    """All distances beside the axis, which runs through the middle of the own lane's carriageway."""

    offset: float  # of the axis from the camera, metres to the right
    heading: float  # of the axis at the camera, radians to the right
    curvature: float  # 1 / metres, to the right
    bends: float  # change of the curvature, 1 / metres^2
    lane: float  # width, metres
    own: tuple[float, float]  # the own lane's edges
    bands: list[Band]
    lines: list[Line]
    junction: tuple[float, float] | None  # where another road crosses, metres ahead
    crossing: float | None  # a pedestrian crossing's near edge, metres ahead
    surface: tuple[float, float, float]  # RGB 0..1
    left_hand: bool

    def axis(self, z):
        z = np.asarray(z, np.float64)
        return self.offset + self.heading * z + self.curvature * z * z / 2 + self.bends * z**3 / 6

    def beside(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Metres to the right of the axis."""
        direction = self.heading + self.curvature * z + self.bends * z * z / 2
        return (x - self.axis(z)) / np.sqrt(1 + direction * direction)

    def edges(self) -> tuple[float, float]:
        """Of all that vehicles drive on."""
        driven = [band for band in self.bands if band.kind in ("road", "shoulder")]
        return min(band.begin for band in driven), max(band.end for band in driven)

    @staticmethod
    def random(rng: np.random.Generator, kind: str) -> Road:
        """`kind`: "highway", "country", "city" or "campus"."""
        lane = {
            "highway": rng.uniform(3.3, 3.9),
            "country": rng.uniform(2.6, 3.5),
            "city": rng.uniform(2.7, 3.5),
            "campus": rng.uniform(2.2, 3.0),
        }[kind]
        left_hand = bool(rng.random() < 0.4)
        same = {"highway": rng.integers(2, 5), "country": 1, "city": rng.integers(1, 4), "campus": 1}[kind]
        other = {"highway": 0, "country": 1, "city": rng.integers(0, 3), "campus": 1}[kind]
        bands, lines, own = _cross_section(rng, kind, lane, int(same), int(other), left_hand)
        weave = rng.normal(0, 0.3)
        bend = {"highway": 0.0006, "country": 0.004, "city": 0.002, "campus": 0.005}[kind]
        curvature = rng.normal(0, bend) if rng.random() < 0.7 else 0.0
        junction = None
        if kind == "city" and rng.random() < 0.35:
            begin = rng.uniform(8, 45)
            junction = (begin, begin + rng.uniform(7, 16))
        crossing = None
        if kind in ("city", "campus") and rng.random() < 0.3:
            crossing = junction[0] - rng.uniform(4, 6) if junction else rng.uniform(5, 40)
        grey = rng.uniform(0.22, 0.62)
        tint = rng.normal(0, 0.015, 3)
        return Road(
            offset=-(own[0] + own[1]) / 2 + weave,
            heading=rng.normal(0, 0.025),
            curvature=curvature,
            bends=rng.normal(0, bend / 60),
            lane=lane,
            own=own,
            bands=bands,
            lines=lines,
            junction=junction,
            crossing=crossing,
            surface=tuple(np.clip(grey + tint, 0.05, 0.9)),
            left_hand=left_hand,
        )


def _cross_section(rng, kind, lane, same, other, left_hand):
    """Bands, lines and the own lane of a road with `same` lanes in the own direction and `other` against it, made for
    right-hand traffic (the others to the left) and mirrored where traffic keeps left."""
    wear = float(np.clip(rng.normal(0.15, 0.25), 0, 0.9))
    paint = lambda u, **rest: Line(u, width=rng.uniform(0.09, 0.2), wear=wear, **rest)  # noqa: E731
    dash = dict(zip(("dash", "gap"), [(3, 9), (3, 6), (6, 12), (2, 4), (4, 8), (1, 1)][rng.integers(6)]))
    dashed = lambda u, **rest: paint(u, phase=rng.uniform(0, 20), **dash, **rest)  # noqa: E731
    right = same * lane
    bands = [Band(0.0, right, "road", YES)]
    lines = [dashed(n * lane) for n in range(1, same)]
    painted = rng.random() < {"highway": 1.0, "country": 0.85, "city": 0.85, "campus": 0.15}[kind]
    yellow = bool(rng.random() < 0.45)
    if not painted:
        lines = []
    left = 0.0
    if other > 0:
        left = -other * lane
        # Where nothing parts the directions one may drive on both halves; where paint does, opinions differ.
        bands.append(Band(left, 0.0, "road", IGNORE if painted else YES))
        if painted:
            style = rng.integers(4)
            if style == 0:
                lines += [paint(-0.12, yellow=yellow), paint(0.12, yellow=yellow)]
            elif style == 1:
                lines += [paint(-0.12, yellow=yellow), dashed(0.12, yellow=yellow)]
            elif style == 2:
                lines += [paint(0.0, yellow=yellow)]
            else:
                lines += [dashed(0.0, yellow=yellow)]
            lines += [dashed(-n * lane) for n in range(1, other)]
    elif painted:
        lines.append(paint(0.1, yellow=yellow))
    edge_line = painted and rng.random() < {"highway": 1.0, "country": 0.7, "city": 0.35, "campus": 0.2}[kind]
    if edge_line:
        lines.append(paint(right - 0.1))
        if other > 0:
            lines.append(paint(left + 0.1))
    for side, at in ((1, right), (-1, left)):
        wide = {"highway": rng.uniform(0.8, 3.2), "country": rng.uniform(0, 0.6), "city": 0.0, "campus": 0.0}[kind]
        if kind == "city" and rng.random() < 0.4:
            wide = 2.2  # a lane to park in
        if wide > 0.3:
            bands.append(_band(side, at, wide, "shoulder", IGNORE))
            at += side * wide
        if kind in ("city", "campus") and rng.random() < 0.85:
            bands.append(_band(side, at, 0.18, "kerb", NO))
            at += side * 0.18
            strip = rng.uniform(1.2, 4.5)
            bands.append(_band(side, at, strip, "pavement", NO))
            at += side * strip
        elif kind == "highway" and side < 0:
            bands.append(_band(side, at, rng.uniform(0.5, 8), "median", NO))
    # One's own lane: any that goes the own way.
    mine = int(rng.integers(same))
    own = (mine * lane, (mine + 1) * lane)
    if left_hand:
        bands = [dataclasses.replace(band, begin=-band.end, end=-band.begin) for band in bands]
        for line in lines:
            line.u = -line.u
        own = (-own[1], -own[0])
    return bands, lines, own


def _band(side, at, wide, kind, drivable):
    return Band(min(at, at + side * wide), max(at, at + side * wide), kind, drivable)


def _covered(distance: np.ndarray, width: float, footprint: np.ndarray) -> np.ndarray:
    """The share of a pixel's footprint that a strip `width` wide covers, its middle `distance` away."""
    begin = np.maximum(distance - footprint / 2, -width / 2)
    end = np.minimum(distance + footprint / 2, width / 2)
    return np.clip((end - begin) / footprint, 0, 1)


def _dashes(z: np.ndarray, line: Line, footprint: np.ndarray) -> np.ndarray:
    """The share of the footprint along the road on which a dashed line is painted."""
    period = line.dash + line.gap
    painted = lambda end: (end // period) * line.dash + np.minimum(np.mod(end, period), line.dash)  # noqa: E731
    begin, end = z + line.phase - footprint / 2, z + line.phase + footprint / 2
    return (painted(end) - painted(begin)) / footprint


_COLOURS = {"kerb": (0.62, 0.61, 0.58), "pavement": (0.6, 0.57, 0.54)}
_VERGES = [
    (0.30, 0.42, 0.18),
    (0.42, 0.45, 0.22),
    (0.55, 0.48, 0.33),
    (0.62, 0.52, 0.38),
    (0.5, 0.5, 0.48),
    (0.22, 0.33, 0.14),
    (0.82, 0.83, 0.86),
]


@dataclasses.dataclass
class Surface:
    """What the ground looks like: RGB 0..1 [H, W, 3], labels [H, W], and where its pixels lie."""

    picture: np.ndarray
    drivable: np.ndarray
    lane: np.ndarray
    hit: np.ndarray
    x: np.ndarray
    z: np.ndarray
    u: np.ndarray
    road: np.ndarray  # bool: asphalt


def draw(rng: np.random.Generator, road: Road, camera: Camera) -> Surface:
    hit, x, z = camera.ground()
    u = road.beside(x, z).astype(np.float32)
    across = np.maximum(z / camera.focal, 1e-3)  # metres that a pixel covers
    along = np.maximum(across * np.maximum(z, 1) / camera.height, 1e-3)
    grain, patches = noise.tile(rng, 16, 0.9), noise.tile(rng, 4, 0.55)

    verge = np.array(_VERGES[rng.integers(len(_VERGES))])
    mottled = (
        1 + 0.35 * noise.laid(patches, x, z, 14, along)[..., None] + 0.3 * noise.laid(grain, x, z, 3, along)[..., None]
    )
    picture = np.clip(verge * mottled, 0, 1).astype(np.float32)
    drivable = np.full(z.shape, NO, np.uint8)
    asphalt = np.array(road.surface)
    old = rng.uniform(0.03, 0.16)
    texture = (
        1 + old * noise.laid(patches, x, z, 25, along) + rng.uniform(0.03, 0.12) * noise.laid(grain, x, z, 2, along)
    )
    # Wheels polish or blacken where they run.
    for wheel in (-0.8, 0.8):
        middle = (road.own[0] + road.own[1]) / 2 + wheel
        texture += rng.normal(0, 0.04) * np.exp(-np.square((u - middle) / 0.35))
    ground = np.clip(asphalt * texture[..., None], 0, 1)
    is_road = np.zeros(z.shape, bool)
    for band in sorted(road.bands, key=lambda band: band.kind != "road"):
        inside = hit & (u >= band.begin) & (u < band.end)
        drivable[inside] = band.drivable
        if band.kind in ("road", "shoulder"):
            lighter = 1.0 if band.kind == "road" else rng.uniform(0.85, 1.25)
            picture[inside] = np.clip(ground[inside] * lighter, 0, 1)
            is_road |= inside
        elif band.kind in ("kerb", "pavement"):
            colour = np.array(_COLOURS[band.kind]) * rng.uniform(0.6, 1.3) + rng.normal(0, 0.03, 3)
            if band.kind == "pavement":
                slabs = np.maximum(
                    _covered(np.mod(u, 0.6) - 0.3, 0.03, across), _covered(np.mod(z, 0.6) - 0.3, 0.03, along)
                )
                shade = 1 - 0.25 * slabs + 0.12 * noise.laid(patches, x, z, 8, along)
            else:
                shade = 1 + 0.15 * noise.laid(grain, x, z, 4, along)
            picture[inside] = np.clip(colour * shade[inside][..., None], 0, 1)
    if road.junction:
        begin, end = road.junction
        inside = hit & (z > begin) & (z < end)
        fresh = inside & ~is_road
        picture[inside] = ground[inside]
        drivable[fresh] = IGNORE
        is_road |= inside

    _cracks(rng, picture, is_road, u, z, across, along)
    lane = _paint(rng, picture, road, hit & is_road, u, z, across, along)
    if road.crossing:
        _crossing(rng, picture, lane, road, hit & is_road, u, z, across, along)
    return Surface(picture, drivable, lane, hit, x, z, u, is_road)


def _blend(picture, share, colour):
    picture += share[..., None] * (np.asarray(colour, np.float32) - picture)


def _cracks(rng, picture, where, u, z, across, along):
    """Tar, seams, patches and covers: marks that are no lines."""
    for _ in range(rng.integers(0, 6)):
        dark = rng.uniform(0.05, 0.3)
        kind = rng.integers(3)
        at, far = rng.uniform(-6, 6), rng.uniform(4, 40)
        if kind == 0:  # a seam along the road, not quite straight
            share = _covered(u - at - 0.15 * np.sin(z / rng.uniform(2, 9)), rng.uniform(0.02, 0.08), across)
        elif kind == 1:  # across
            share = _covered(z - far - 0.1 * np.sin(u * 3), rng.uniform(0.04, 0.3), along)
        else:  # a patch
            long, wide = rng.uniform(0.5, 8), rng.uniform(0.4, 2.5)
            share = _covered(u - at, wide, across) * _covered(z - far, long, along) * rng.uniform(0.3, 1)
        _blend(picture, share * where * rng.uniform(0.3, 0.9), (dark, dark, dark))


def _paint(rng, picture, road, where, u, z, across, along):
    lane = np.full(z.shape, NO, np.uint8)
    if road.junction:
        begin, end = road.junction
        where = where & ((z < begin - 1) | (z > end + 1))
    worn = noise.laid(noise.tile(rng, 32, 0.9), u, z, 6, along * 0.2)
    bright = rng.uniform(0.65, 1.0)
    for line in road.lines:
        share = _covered(u - line.u, line.width, across)
        if line.dash > 0:
            share = share * _dashes(z, line, along)
        keep = np.clip(1.2 - line.wear * 1.3 + worn, 0, 1)
        colour = np.array([0.95, 0.72, 0.15] if line.yellow else [1.0, 1.0, 0.98]) * bright
        _blend(picture, share * keep * where * rng.uniform(0.75, 1), colour)
        # Dashes are joined, as lane labels are drawn by people.
        half = np.maximum(line.width / 2, _LABEL_HALF * across)
        near = where & (np.abs(u - line.u) < half)
        around = where & (np.abs(u - line.u) < half + 2 * across)
        sure = (z < _DRAWN_TO) & (line.wear < 0.7)
        lane[around & (lane == NO)] = IGNORE
        lane[near] = np.where(sure[near], YES, IGNORE)
    for _ in range(rng.integers(0, 3)):  # arrows, letters
        if not road.lines:
            break
        middle = (road.own[0] + road.own[1]) / 2 + road.lane * rng.integers(-1, 2)
        far = rng.uniform(6, 35)
        body = np.maximum(
            _covered(u - middle, 0.18, across) * _covered(z - far, 3.0, along),
            _covered(u - middle - 0.3 * np.sign(rng.normal()), 0.5, across) * _covered(z - far - 1.2, 0.5, along),
        )
        _blend(picture, body * where * bright, (0.95, 0.95, 0.95))
    return lane


def _crossing(rng, picture, lane, road, where, u, z, across, along):
    begin = road.crossing
    stripe = rng.uniform(0.4, 0.6)
    rows = _covered(z - begin - 1.5, 3.0, along)
    share = rows * _covered(np.mod(u, 2 * stripe) - stripe, stripe, across)
    if rng.random() < 0.3:  # two bars
        share = np.maximum(_covered(z - begin, 0.3, along), _covered(z - begin - 3, 0.3, along))
    stop = _covered(z - begin + 1.5, 0.4, along)
    bright = rng.uniform(0.6, 1.0)
    _blend(picture, np.maximum(share, stop * (rng.random() < 0.7)) * where * bright, (1.0, 1.0, 0.98))
    lane[where & (z > begin - 2) & (z < begin + 3.5)] = IGNORE
