"""Trains roadnet. `tools/train/run` calls it; every step depends on the seed and its number alone, so that a run that
was stopped goes on as if it had not been."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import pathlib
import time

import cv2
import numpy as np
import torch

from . import augment, evaluate, loss
from .data import SHARES, MadeFolder, Pack
from .model import HEADS, RoadNet
from .progress import Progress

CHECKPOINT = "checkpoint.pt"
SAVE_EVERY = 120.0  # seconds: what a run that is stopped loses at most


@dataclasses.dataclass
class Recipe:
    seed: int = 1
    # Frames and their size (width, height): small ones, which cost a quarter, only for the beginning.
    phases: tuple = ((320, 184, 14000), (640, 360, 30000))
    batch: int = 8
    rate: float = 2e-3
    decay: float = 1e-4
    average: float = 0.998  # of the weights, from step to step
    made: float = 0.28  # share of made scenes
    made_count: int = 2000
    tones: float = 0.25  # share of frames that get another one's light and colours
    bonnets: float = 0.3  # share of frames that get a bonnet or dashboard
    teacher: float = 0.5
    lane_share: float = 1.0
    rate_end: float = 0.01
    warm_up: int = 300  # steps
    judge_every: int = 6000  # frames
    patience: int = 6  # judgements at full size without a better one

    def size_at(self, frames: int) -> tuple[int, int]:
        for width, height, count in self.phases:
            if frames < count:
                return width, height
            frames -= count
        return self.phases[-1][:2]

    @property
    def frames(self) -> int:
        return sum(count for _, _, count in self.phases)


class Drawn(torch.utils.data.Dataset):
    """Item n is the n-th frame that is learnt from: drawn by source, varied; both by the seed and n."""

    def __init__(self, recipe: Recipe, pack: Pack, made: MadeFolder | None, begin: int):
        self.recipe, self.pack, self.made, self.begin = recipe, pack, made, begin
        rows = pack.of("train")
        self.groups = [[row for row in rows if row.source in sources] for sources, _ in SHARES.values()]
        shares = np.array([share for _, share in SHARES.values()]) * [bool(group) for group in self.groups]
        made_share = recipe.made if made else 0.0
        self.shares = np.append(shares / shares.sum() * (1 - made_share), made_share)

    def __len__(self):
        return self.recipe.frames - self.begin

    def _draw(self, rng: np.random.Generator):
        """A folder of frames and what it knows one of them by."""
        group = rng.choice(len(self.shares), p=self.shares)
        if group == len(self.groups):
            return self.made, int(rng.integers(self.made.count))
        return self.pack, self.groups[group][rng.integers(len(self.groups[group]))]

    def __getitem__(self, item: int):
        cv2.setNumThreads(1)
        n = self.begin + item
        rng = np.random.default_rng([self.recipe.seed, n])
        folder, key = self._draw(rng)
        frame = folder.frame(key)
        other = None
        if rng.random() < self.recipe.tones:
            folder, key = self._draw(rng)
            other = folder.picture(key)
        batch_begin = n - n % self.recipe.batch  # one size a batch
        frame = augment.vary(rng, frame, self.recipe.size_at(batch_begin), other, self.recipe.bonnets)
        return frame.picture.transpose(2, 0, 1).copy(), frame.labels.transpose(2, 0, 1).copy()


class Average:
    """The exponential moving average of a network's weights: what is judged and shipped."""

    def __init__(self, network: RoadNet, keep: float):
        self.keep, self.values = keep, {name: value.clone() for name, value in network.state_dict().items()}

    def follow(self, network: RoadNet, step: int):
        keep = min(self.keep, (step + 1) / (step + 10))
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.values[name].lerp_(value, 1 - keep)
            else:
                self.values[name].copy_(value)


def predictor(network: RoadNet, device: torch.device):
    """RGB bytes [H, W, 3] to the masks of both heads."""

    def predict(picture: np.ndarray):
        with torch.no_grad():
            x = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float().to(device) / 255
            logits = network(x)
        return [(logits[name][0, 1] > logits[name][0, 0]).cpu().numpy() for name in HEADS]

    return predict


def train(
    recipe: Recipe,
    pack: Pack,
    out: pathlib.Path,
    device: torch.device,
    workers: int,
    hours: float,
    made_folder: pathlib.Path | None = None,
) -> pathlib.Path:
    """Trains to the recipe's end, or for `hours`; returns the file of the best weights. Made scenes are kept in
    `made_folder`, or in `out`."""
    torch.manual_seed(recipe.seed)
    progress = Progress(recipe.frames)
    made = None
    if recipe.made > 0:
        made = MadeFolder(made_folder or out / "made", recipe.made_count, os.cpu_count() or 1, progress.say)
    network = RoadNet().to(device)
    average = Average(network, recipe.average)
    heavy = [p for p in network.parameters() if p.ndim > 1]
    light = [p for p in network.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": heavy, "weight_decay": recipe.decay}, {"params": light, "weight_decay": 0.0}], lr=recipe.rate
    )
    state = {"frames": 0, "best": -1.0, "worse": 0, "seconds": 0.0, "loss": None}  # the loss: a running mean
    checkpoint, log = out / CHECKPOINT, out / "log.jsonl"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        if saved["recipe"] != json.dumps(dataclasses.asdict(recipe)):
            raise SystemExit(f"error: {checkpoint}: is of another recipe; remove it or choose another --out")
        network.load_state_dict(saved["network"])
        average.values = saved["average"]
        optimiser.load_state_dict(saved["optimiser"])
        state = saved["state"]
        progress.say(f"Going on after {state['frames']} frames.")

    def save():
        part = checkpoint.with_suffix(".part")
        torch.save(
            {
                "recipe": json.dumps(dataclasses.asdict(recipe)),
                "network": network.state_dict(),
                "average": average.values,
                "optimiser": optimiser.state_dict(),
                "state": state,
            },
            part,
        )
        part.rename(checkpoint)

    judged = RoadNet().to(device).eval()
    loader = torch.utils.data.DataLoader(
        Drawn(recipe, pack, made, state["frames"]), recipe.batch, num_workers=workers, drop_last=True, prefetch_factor=4
    )
    steps = recipe.frames // recipe.batch
    before = saved_at = time.monotonic()
    for picture, labels in loader:
        step = state["frames"] // recipe.batch
        rise = min(1.0, (step + 1) / recipe.warm_up)
        fall = recipe.rate_end + (1 - recipe.rate_end) * (1 + math.cos(math.pi * step / steps)) / 2
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * rise * fall
        network.train()
        logits = network(picture.to(device).float() / 255)
        target, weight = (labels.to(device).float() / 255).split(2, 1)
        value = loss.loss(logits, target, weight, recipe.lane_share)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.follow(network, step)
        state["loss"] = value.item() if state["loss"] is None else 0.98 * state["loss"] + 0.02 * value.item()
        previous = state["frames"]
        state["frames"] += len(picture)
        now = time.monotonic()
        state["seconds"] += now - before
        before = now
        progress.show(state["frames"], state["seconds"], f"loss {state['loss']:.3f}", f"best {state['best']:.3f}")
        done = state["frames"] + recipe.batch > recipe.frames or state["seconds"] > hours * 3600
        if state["frames"] // recipe.judge_every > previous // recipe.judge_every or done:
            judged.load_state_dict(average.values)
            told = evaluate.on_pack(predictor(judged, device), pack, pack.of("val"))
            reached = evaluate.score(told)
            if reached > state["best"]:
                state["best"], state["worse"] = reached, 0
                torch.save(average.values, out / "best.pt")
            elif recipe.size_at(state["frames"]) == recipe.phases[-1][:2]:
                state["worse"] += 1
            with log.open("a") as file:
                file.write(json.dumps({**state, "score": reached, **told}) + "\n")
            progress.say(
                f"{state['frames']} frames: score {reached:.4f}, lane F1 {told['lane_f1_all']:.3f}, "
                + ", ".join(
                    f"{k} {v:.3f}"
                    for part in ("drivable_iou_truth", "drivable_iou_teacher")
                    for k, v in told[part].items()
                )
            )
            save()
            before = saved_at = time.monotonic()
        elif now - saved_at > SAVE_EVERY:
            save()
            saved_at = now
        if done or state["worse"] >= recipe.patience:
            break
    progress.end()
    return out / "best.pt"


def _phases(text: str) -> tuple:
    return tuple(tuple(int(n) for n in part.split("x")) for part in text.split(","))


def arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--data", type=pathlib.Path, required=True, help="the pack of frames")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/roadnet"))
    parser.add_argument("--hours", type=float, default=4.0, help="ends there with the best so far")
    parser.add_argument("--workers", type=int, default=1, help="processes that read and vary frames")


def recipe_arguments(parser: argparse.ArgumentParser):
    for field in dataclasses.fields(Recipe):
        kind = _phases if field.name == "phases" else type(field.default)
        parser.add_argument("--" + field.name.replace("_", "-"), type=kind, default=field.default)


def run(args: argparse.Namespace) -> pathlib.Path:
    if not (args.data / "split.csv").exists():
        raise SystemExit(f"error: {args.data}: holds no split.csv; tools/train/README.md says how to get the data")
    args.out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Recipe)})
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return train(recipe, Pack(args.data, recipe.teacher), args.out, device, args.workers, args.hours)
