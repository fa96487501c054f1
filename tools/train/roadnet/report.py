"""What the trained network is worth: the ONNX file, its scores by slice, curves, its best and worst frames."""

from __future__ import annotations

import argparse
import json
import pathlib

import cv2
import matplotlib
import numpy as np
import torch

from . import evaluate, export, scenes
from .data import IGNORE, SHARES, Pack
from .model import RoadNet
from .train import predictor

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

_MADE_FROM, _MADE_COUNT = 1_000_000, 100  # seeds that are never trained on
_SHOWN = 6


def arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--camvid", type=pathlib.Path, help="folder with images/ and labels/, for measuring alone")


def _on_made(predict) -> dict:
    areas, lanes = evaluate.Counts(), evaluate.LaneCounts()
    for seed in range(_MADE_FROM, _MADE_FROM + _MADE_COUNT):
        scene = scenes.make(seed)
        drivable, lane = predict(scene.picture)
        areas.add(drivable, scene.drivable == 1, scene.drivable != IGNORE)
        lanes.add(lane, scene.lane == 1, scene.lane != IGNORE)
    return {"drivable_iou": areas.iou, "lane_f1": lanes.f1}


def _overlaid(picture, drivable, lane) -> np.ndarray:
    out = picture.astype(np.float32)
    out[drivable] += 0.35 * (np.array([46, 204, 113]) - out[drivable])
    out[lane] += 0.8 * (np.array([255, 61, 127]) - out[lane])
    return out.astype(np.uint8)


def _extremes(predict, pack: Pack, path: pathlib.Path):
    """A sheet of the validation frames with the highest and the lowest IoU: picture with labels, with results."""
    ranked = []
    for row in pack.of("val"):
        picture = pack.picture(row)
        drivable, _ = predict(picture)
        label, _ = pack.labels(row)
        counts = evaluate.Counts()
        counts.add(drivable, label == 1, label != IGNORE)
        ranked.append((counts.iou, row))
    ranked.sort(key=lambda pair: pair[0])
    rows = []
    for iou, row in ranked[-_SHOWN:][::-1] + ranked[:_SHOWN][::-1]:
        picture = pack.picture(row)
        label, lane = pack.labels(row)
        pair = [_overlaid(picture, label == 1, lane == 1), _overlaid(picture, *predict(picture))]
        tile = np.hstack([cv2.resize(side, (320, 180), interpolation=cv2.INTER_AREA) for side in pair])
        cv2.putText(tile, f"{row.name}: {iou:.2f}", (5, 14), 0, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
        rows.append(tile)
    sheet = np.vstack([np.hstack([rows[n], rows[n + _SHOWN]]) for n in range(_SHOWN)])
    cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


def _curves(log: pathlib.Path, path: pathlib.Path):
    told = [json.loads(line) for line in log.read_text().splitlines()]
    frames = [entry["frames"] / 1000 for entry in told]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
    left.plot(frames, [entry["loss"] for entry in told], color="#444444")
    left.set(xlabel="thousand frames", ylabel="loss (running mean)")
    for part, style in (("drivable_iou_truth", "-"), ("drivable_iou_teacher", "--")):
        for name in told[-1][part]:
            right.plot(frames, [entry[part][name] for entry in told], style, label=f"{name} ({part.split('_')[-1]})")
    right.plot(frames, [entry["lane_f1_all"] for entry in told], color="black", label="lane F1 (teacher)")
    right.set(xlabel="thousand frames", ylabel="drivable IoU, lane F1", ylim=(0.3, 1))
    right.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def slices(told: dict) -> dict:
    """The sources' scores, gathered by what they show."""
    areas = {**told["drivable_iou_truth"], **told["drivable_iou_teacher"]}
    out = {}
    for name, (sources, _) in SHARES.items():
        known = [areas[source] for source in sources if source in areas]
        if known:
            out[name] = float(np.mean(known))
    return out


def run(args: argparse.Namespace, weights: pathlib.Path):
    network = RoadNet()
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    network.eval()
    pack, predict = Pack(args.data), predictor(network, torch.device("cpu"))
    told = evaluate.on_pack(predict, pack, pack.of("val"))
    told["slices"] = slices(told)
    told["made"] = _on_made(predict)
    if args.camvid:
        told["camvid_road_iou"] = evaluate.on_camvid(predict, args.camvid)
    _curves(args.out / "log.jsonl", args.out / "curves.png")
    _extremes(predict, pack, args.out / "frames.jpg")
    told["parameters"] = sum(p.numel() for p in network.parameters())
    file, free = args.out / "roadnet.onnx", args.out / "roadnet_free.onnx"
    export.write(network, file)
    export.write(network, free, free=True)
    fresh = RoadNet()
    fresh.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    fresh.eval()
    told["from_framework"] = max(
        export.difference(fresh, file), export.difference(fresh, free, ((1, 360, 640), (2, 184, 320), (3, 480, 480)))
    )
    told["bytes"] = file.stat().st_size
    (args.out / "report.json").write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))
    print(file)
