"""The frames that roadnet learns from: the pack of real ones, and made scenes.

The pack's layout (its README.txt): images/NAME.jpg, labels/NAME.png with bits 0-1 drivable, 2-3 lane line (0 no, 1 yes,
2 ignore) and 4-5 where the drivable label comes from (0 the teacher, 1 people or lidar), soft/NAME.png with the
teacher's probabilities, truth/NAME.png where there is truth, split.csv.
"""

from __future__ import annotations

import csv
import dataclasses
import pathlib
from concurrent import futures

import cv2
import numpy as np

from . import scenes

IGNORE = 2

# Of the frames of an epoch, by what they show; within one, frames are drawn alike. Half of the pack are two series.
SHARES = {
    "highway": (("udacity_p1", "udacity_p4", "udacity_p4_copies", "udacity_p5"), 0.24),
    "campus": (("lums",), 0.12),
    "night": (("ut_austin",), 0.16),
    "dense": (("ktm_ratnapark", "ktm_ranipokhari"), 0.14),
    "city": (("pandaset",), 0.05),
    "steep": (("potholes_br",), 0.05),
}


@dataclasses.dataclass
class Frame:
    """A picture, as read or made."""

    picture: np.ndarray  # RGB bytes, [H, W, 3]
    # Bytes, [H, W, 4]: how sure it is that a pixel is drivable, is on a lane line; whether that is known, for both.
    labels: np.ndarray


# From a label byte to Frame.labels.
_CHANNELS = np.array(
    [
        [255 * (value == 1) for value in both] + [255 * (value != IGNORE) for value in both]
        for both in ((byte & 3, byte >> 2 & 3) for byte in range(256))
    ],
    np.uint8,
)[None]


def _labels(byte: np.ndarray) -> np.ndarray:
    return cv2.LUT(cv2.merge([byte] * 4), _CHANNELS)


@dataclasses.dataclass
class Row:
    name: str
    source: str
    split: str


class Pack:
    """The real frames."""

    def __init__(self, folder: pathlib.Path, teacher: float = 0.5):
        """`teacher`: how much of its own doubt is taught beside the hard labels."""
        self.folder, self.teacher = folder, teacher
        with (folder / "split.csv").open() as file:
            self.rows = [Row(row["name"], row["source"], row["split"]) for row in csv.DictReader(file)]

    def of(self, split: str) -> list[Row]:
        return [row for row in self.rows if row.split == split]

    def _read(self, folder: str, row: Row, flags: int) -> np.ndarray:
        suffix = ".jpg" if folder == "images" else ".png"
        path = self.folder / folder / (row.name + suffix)
        out = cv2.imread(str(path), flags)
        if out is None:
            raise SystemExit(f"error: {path}: cannot be read; see tools/train/README.md on the data")
        return out

    def picture(self, row: Row) -> np.ndarray:
        return self._read("images", row, cv2.IMREAD_COLOR)[..., ::-1]

    def labels(self, row: Row) -> tuple[np.ndarray, np.ndarray]:
        """drivable, lane (0, 1, 2)."""
        byte = self._read("labels", row, cv2.IMREAD_GRAYSCALE)
        return byte & 3, byte >> 2 & 3

    def truth(self, row: Row) -> tuple[np.ndarray, np.ndarray] | None:
        """drivable, lane of the source's own, where there is one."""
        if not (self.folder / "truth" / (row.name + ".png")).exists():
            return None
        byte = self._read("truth", row, cv2.IMREAD_GRAYSCALE)
        return byte & 3, byte >> 2 & 3

    def soft(self, row: Row) -> np.ndarray:
        """The teacher's probabilities of both heads, bytes, [H, W, 2]."""
        both = self._read("soft", row, cv2.IMREAD_UNCHANGED)
        # OpenCV reads gray with alpha as BGRA.
        return cv2.resize(np.ascontiguousarray(both[..., [0, -1]]), (640, 360), interpolation=cv2.INTER_LINEAR)

    def frame(self, row: Row) -> Frame:
        byte = self._read("labels", row, cv2.IMREAD_GRAYSCALE)
        labels = _labels(byte)
        hard = np.ascontiguousarray(labels[..., :2])
        taught = cv2.addWeighted(hard, 1 - self.teacher, self.soft(row), self.teacher, 0)
        known = (byte >> 4 & 3) == 1  # by people or lidar: the teacher's doubt is not asked
        labels[..., 0] = np.where(known, hard[..., 0], taught[..., 0])
        labels[..., 1] = taught[..., 1]
        return Frame(self.picture(row), labels)


class MadeFolder:
    """Made scenes, kept on disk: a network learns faster than they are drawn."""

    def __init__(self, folder: pathlib.Path, count: int, workers: int, told=print):
        self.folder, self.count = folder, count
        folder.mkdir(parents=True, exist_ok=True)
        missing = [seed for seed in range(count) if not self._label(seed).exists()]
        if missing:
            told(f"Drawing {len(missing)} made scenes ...")
            with futures.ProcessPoolExecutor(workers) as pool:
                list(pool.map(self._draw, missing, chunksize=8))

    def _label(self, seed: int) -> pathlib.Path:
        return self.folder / f"{seed:05d}.png"

    def _draw(self, seed: int):
        cv2.setNumThreads(1)
        scene = scenes.make(seed)
        cv2.imwrite(str(self.folder / f"{seed:05d}.jpg"), scene.picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
        # Under its name when it is whole: what was stopped draws the rest the next time.
        part = self.folder / f"{seed:05d}.part.png"
        cv2.imwrite(str(part), scene.drivable | scene.lane << 2)
        part.rename(self._label(seed))

    def picture(self, seed: int) -> np.ndarray:
        return cv2.imread(str(self.folder / f"{seed:05d}.jpg"))[..., ::-1]

    def frame(self, seed: int) -> Frame:
        byte = cv2.imread(str(self._label(seed)), cv2.IMREAD_GRAYSCALE)
        return Frame(self.picture(seed), _labels(byte))
