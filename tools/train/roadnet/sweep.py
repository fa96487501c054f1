"""What a setting is worth: short runs that differ from the recipe in one setting each, in a table."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import multiprocessing
import os
from concurrent import futures

import torch

from .data import MadeFolder, Pack
from .train import Recipe, train

SHORT = {"phases": ((320, 184, 4000), (640, 360, 2000)), "judge_every": 6000, "warm_up": 100, "made_count": 600}
CHANGES = [
    {},
    {"rate": 1e-3},
    {"rate": 4e-3},
    {"made": 0.0},
    {"made": 0.45},
    {"tones": 0.0},
    {"bonnets": 0.0},
    {"teacher": 0.0},
    {"teacher": 1.0},
    {"lane_share": 0.5},
    {"seed": 2},  # how much chance alone makes
]


def _score(change: dict, args: argparse.Namespace) -> dict:
    """What the recipe with this change reaches; from its log where an earlier call came to the end of it."""
    torch.set_num_threads(1)
    name = " ".join(f"{key}={value}" for key, value in change.items()) or "the recipe"
    recipe = dataclasses.replace(Recipe(), **SHORT, **change)
    out = args.out / "sweep" / name.replace(" ", "_")
    out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train(recipe, Pack(args.data, recipe.teacher), out, device, args.workers, args.hours, args.out / "sweep" / "made")
    return {"change": name, **json.loads((out / "log.jsonl").read_text().splitlines()[-1])}


def run(args: argparse.Namespace):
    """On CPUs a run has one thread, and as many runs go on at a time as there are CPUs: threads of one run wait for
    each other. So no two rows differ by how they were shared out."""
    jobs = 1 if torch.cuda.is_available() else os.cpu_count() or 1
    MadeFolder(args.out / "sweep" / "made", SHORT["made_count"], os.cpu_count() or 1)
    pool = futures.ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    rows = []
    for row in pool.map(functools.partial(_score, args=args), CHANGES):
        rows.append(row)
        areas = {**row["drivable_iou_truth"], **row["drivable_iou_teacher"]}
        print(
            f"| {row['change']} | {row['score']:.4f} | {sum(areas.values()) / len(areas):.4f} | "
            f"{row['lane_f1_all']:.4f} |",
            flush=True,
        )
    (args.out / "sweep.json").write_text(json.dumps(rows, indent=1) + "\n")
