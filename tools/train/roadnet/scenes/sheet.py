"""Scenes as files, and a sheet of them."""

import argparse
import pathlib

import cv2
import numpy as np

from .make import Scene, make


def painted(scene: Scene) -> np.ndarray:
    """The picture with its labels over it, RGB bytes."""
    out = scene.picture.astype(np.float32)
    for where, colour, share in (
        (scene.drivable == 1, (0, 160, 0), 0.35),
        (scene.drivable == 2, (120, 120, 120), 0.35),
        (scene.lane == 2, (230, 220, 0), 0.5),
        (scene.lane == 1, (255, 60, 80), 0.8),
    ):
        out[where] += share * (np.array(colour) - out[where])
    return out.astype(np.uint8)


def arguments(parser: argparse.ArgumentParser):
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--first", type=int, default=0, help="seed of the first one")


def run(args: argparse.Namespace):
    for folder in ("images", "labels"):
        (args.folder / folder).mkdir(parents=True, exist_ok=True)
    tiles = []
    for seed in range(args.first, args.first + args.count):
        scene = make(seed)
        name = f"made_{seed:05d}"
        picture = cv2.cvtColor(scene.picture, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(args.folder / "images" / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
        cv2.imwrite(str(args.folder / "labels" / f"{name}.png"), scene.drivable | scene.lane << 2 | 1 << 4)
        if len(tiles) < 24:
            tile = picture if seed % 2 == 0 else cv2.cvtColor(painted(scene), cv2.COLOR_RGB2BGR)
            cv2.putText(tile, f"{seed} {scene.told}", (6, 18), 0, 0.55, (255, 255, 255), 1, cv2.LINE_AA)
            tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 4)
    sheet = np.vstack([np.hstack(tiles[at : at + 4]) for at in range(0, len(tiles), 4)])
    cv2.imwrite(str(args.folder / "sheet.jpg"), cv2.resize(sheet, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA))
    print(args.folder / "sheet.jpg")
