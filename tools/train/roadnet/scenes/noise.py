"""Textures from noise: asphalt, grass, walls, clouds. Values around 0, about -1 to 1."""

from __future__ import annotations

import cv2
import numpy as np

_TILE = 512


def tile(rng: np.random.Generator, coarsest: int = 4, roughness: float = 0.6, size: int = _TILE) -> np.ndarray:
    """Fractal noise, [size, size] (powers of two), that can be laid side by side. `coarsest` cells across; `roughness`
    is how much each finer octave keeps of the one before."""
    out = np.zeros((size, size), np.float32)
    weight, cells = 1.0, coarsest
    while cells <= size:
        octave = rng.standard_normal((cells, cells), np.float32)
        wrapped = np.pad(octave, 2, mode="wrap")
        scale = size // cells
        large = cv2.resize(wrapped, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        out += weight * large[2 * scale : 2 * scale + size, 2 * scale : 2 * scale + size]
        weight *= roughness
        cells *= 2
    return out / out.std() * 0.5


def laid(texture: np.ndarray, x: np.ndarray, z: np.ndarray, metres: float, footprint: np.ndarray) -> np.ndarray:
    """The texture on the ground, one tile in `metres`; fades out where a pixel covers more than its grain."""
    u = np.mod(x * (_TILE / metres), _TILE).astype(np.float32)
    v = np.mod(z * (_TILE / metres), _TILE).astype(np.float32)
    wrapped = np.pad(texture, ((0, 1), (0, 1)), mode="wrap")
    fade = np.clip(metres / 12 / np.maximum(footprint, 1e-3), 0, 1)
    return cv2.remap(wrapped, u, v, cv2.INTER_LINEAR) * fade
