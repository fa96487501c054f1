"""Scores: intersection over union of the drivable area, F1 of lane pixels."""

from __future__ import annotations

import collections
import dataclasses
import pathlib

import cv2
import numpy as np

from .data import Pack

_CAMVID_ROAD, _CAMVID_VOID = 3, 11
REACH = 4  # pixels at 640x360: a lane pixel counts as found where one of the other mask lies as near


@dataclasses.dataclass
class Counts:
    hit: int = 0
    false: int = 0
    missed: int = 0

    def add(self, said: np.ndarray, true: np.ndarray, known: np.ndarray):
        self.hit += int((said & true & known).sum())
        self.false += int((said & ~true & known).sum())
        self.missed += int((~said & true & known).sum())

    @property
    def iou(self) -> float:
        return self.hit / max(self.hit + self.false + self.missed, 1)


@dataclasses.dataclass
class LaneCounts:
    right: int = 0
    said: int = 0
    found: int = 0
    true: int = 0

    def add(self, said: np.ndarray, true: np.ndarray, known: np.ndarray):
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1, 2 * REACH + 1))
        near_true = cv2.dilate(true.astype(np.uint8), disc) > 0
        near_said = cv2.dilate(said.astype(np.uint8), disc) > 0
        said, true = said & known, true & known
        self.right += int((said & near_true).sum())
        self.said += int(said.sum())
        self.found += int((true & near_said).sum())
        self.true += int(true.sum())

    @property
    def f1(self) -> float:
        precision, recall = self.right / max(self.said, 1), self.found / max(self.true, 1)
        return 2 * precision * recall / max(precision + recall, 1e-9)


def on_pack(predict, pack: Pack, rows) -> dict:
    """predict: RGB bytes [H, W, 3] to two bool masks. IoU with the truth of the sources that have it, IoU and F1 with
    the labels of the others, by source."""
    truth, teacher = collections.defaultdict(Counts), collections.defaultdict(Counts)
    lanes = collections.defaultdict(LaneCounts)
    for row in rows:
        drivable, lane = predict(pack.picture(row))
        own = pack.truth(row)
        label, label_lane = pack.labels(row)
        if own is not None:
            truth[row.source].add(drivable, own[0] == 1, own[0] != 2)
        else:
            teacher[row.source].add(drivable, label == 1, label != 2)
        if (label_lane == 1).any():
            lanes[row.source].add(lane, label_lane == 1, label_lane != 2)
    return {
        "drivable_iou_truth": {name: counts.iou for name, counts in sorted(truth.items())},
        "drivable_iou_teacher": {name: counts.iou for name, counts in sorted(teacher.items())},
        "lane_f1": {name: counts.f1 for name, counts in sorted(lanes.items())},
        "lane_f1_all": sum_of(lanes.values()).f1,
    }


def sum_of(parts) -> LaneCounts:
    total = LaneCounts()
    for part in parts:
        total.right += part.right
        total.said += part.said
        total.found += part.found
        total.true += part.true
    return total


def on_camvid(predict, folder: pathlib.Path) -> float:
    """IoU with the class road. For measuring alone: never for training or for a choice."""
    counts = Counts()
    for path in sorted((folder / "images").glob("*.png")):
        picture = cv2.imread(str(path))[..., ::-1]
        label = cv2.imread(str(folder / "labels" / path.name), cv2.IMREAD_GRAYSCALE)
        large = cv2.resize(picture, (640, 360), interpolation=cv2.INTER_LINEAR)
        drivable, _ = predict(large)
        said = cv2.resize(drivable.astype(np.uint8), label.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        counts.add(said, label == _CAMVID_ROAD, label != _CAMVID_VOID)
    return counts.iou


def score(told: dict) -> float:
    """What checkpoints are chosen by: how well the sources do on the mean, not how well the largest does."""
    areas = list(told["drivable_iou_truth"].values()) + list(told["drivable_iou_teacher"].values())
    return 0.6 * float(np.mean(areas)) + 0.4 * told["lane_f1_all"]
