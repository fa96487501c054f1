"""A pinhole camera with radial distortion over a road, and where its rays meet the ground.

World axes: x to the right, y up, z ahead, metres; the camera is at (0, height, 0). The ground is y = slope * z**2, so
the road may rise into a hill (slope > 0) or fall behind a crest (slope < 0).
"""

from __future__ import annotations

import dataclasses

import numpy as np

WIDTH, HEIGHT = 640, 360
FARTHEST = 400.0  # metres: what lies behind is sky


@dataclasses.dataclass
class Camera:
    fov: float  # degrees across
    height: float  # metres above the road
    pitch: float  # degrees, positive looks up
    roll: float  # degrees, positive tilts the picture to the right
    distortion: float  # of the radius squared, in focal lengths; negative is a barrel
    slope: float = 0.0  # of the ground, 1 / metres

    @staticmethod
    def random(rng: np.random.Generator) -> Camera:
        high = rng.random() < 0.15  # a van or a lorry
        return Camera(
            fov=rng.uniform(42, 95),
            height=rng.uniform(1.8, 2.9) if high else rng.uniform(1.05, 1.8),
            pitch=rng.normal(-3.0, 3.5),
            roll=rng.normal(0, 1.3),
            distortion=rng.uniform(-0.12, 0.02),
            slope=rng.normal(0, 0.00025) if rng.random() < 0.6 else 0.0,
        )

    @property
    def focal(self) -> float:
        """In pixels."""
        return WIDTH / 2 / np.tan(np.radians(self.fov) / 2)

    def _rotation(self) -> np.ndarray:
        """From the camera's axes to the world's."""
        pitch, roll = np.radians([self.pitch, self.roll])
        about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
        about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        return about_x @ about_z

    def rays(self) -> np.ndarray:
        """A direction for each pixel, [HEIGHT, WIDTH, 3], not normalised."""
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        x = (columns + 0.5 - WIDTH / 2) / self.focal
        y = -(rows + 0.5 - HEIGHT / 2) / self.focal
        straight = 1 - self.distortion * (x * x + y * y)
        directions = np.stack([x * straight, y * straight, np.ones_like(x)], axis=-1)
        return directions @ self._rotation().T.astype(np.float32)

    def ground(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each pixel's ray meets the ground: (hit, x, z); x and z are FARTHEST's where it does not."""
        rays = self.rays()
        up, ahead = rays[..., 1], np.maximum(rays[..., 2], 1e-3)
        inside = up * up + 4 * self.slope * ahead * ahead * self.height
        below = np.sqrt(np.maximum(inside, 0)) - up
        length = 2 * self.height / np.maximum(below, 1e-6)
        z = length * ahead
        hit = (inside >= 0) & (below > 0) & (z < FARTHEST) & (rays[..., 2] > 0)
        z = np.where(hit, z, FARTHEST)
        return hit, np.where(hit, length * rays[..., 0], 0), z

    def project(self, points: np.ndarray) -> np.ndarray:
        """World points [..., 3] to pixels [..., 2]; their z has to be positive."""
        local = (np.asarray(points, np.float64) - [0, self.height, 0]) @ self._rotation()
        flat = local[..., :2] / np.maximum(local[..., 2:], 1e-2)
        bent = flat
        for _ in range(4):  # the inverse of rays(), by iteration
            bent = flat / (1 - self.distortion * np.minimum((bent * bent).sum(-1, keepdims=True), 2))
        return np.stack([bent[..., 0] * self.focal + WIDTH / 2, -bent[..., 1] * self.focal + HEIGHT / 2], axis=-1)

    def on_ground(self, x, z, above=0.0) -> np.ndarray:
        """The world point over the ground at (x, z)."""
        x, z, above = np.broadcast_arrays(x, z, above)
        return np.stack([x, self.slope * np.square(z) + above, z], axis=-1).astype(np.float64)
