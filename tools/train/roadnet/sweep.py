"""What a setting is worth: short runs that differ from the recipe in one setting each, in a table."""

from __future__ import annotations

import argparse
import dataclasses
import json

import torch

from .data import Pack
from .train import Recipe, train

SHORT = {"phases": ((320, 184, 12000),), "judge_every": 12000, "warm_up": 100, "made_count": 600}
CHANGES = [
    {},
    {"rate": 1e-3},
    {"rate": 4e-3},
    {"made": 0.0},
    {"made": 0.45},
    {"tones": 0.0},
    {"teacher": 0.0},
    {"teacher": 1.0},
    {"lane_share": 0.5},
    {"seed": 2},  # how much chance alone makes
]


def run(args: argparse.Namespace):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = []
    for change in CHANGES:
        name = " ".join(f"{key}={value}" for key, value in change.items()) or "the recipe"
        recipe = dataclasses.replace(Recipe(), **SHORT, **change)
        out = args.out / "sweep" / name.replace(" ", "_")
        out.mkdir(parents=True, exist_ok=True)
        made = args.out / "sweep" / "made"
        train(recipe, Pack(args.data, recipe.teacher), out, device, args.workers, args.hours, made)
        told = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
        rows.append({"change": name, **told})
        areas = {**told["drivable_iou_truth"], **told["drivable_iou_teacher"]}
        print(
            f"| {name} | {told['score']:.4f} | {sum(areas.values()) / len(areas):.4f} | {told['lane_f1_all']:.4f} |",
            flush=True,
        )
    (args.out / "sweep.json").write_text(json.dumps(rows, indent=1) + "\n")
