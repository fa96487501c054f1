"""Frames/s and frame age of whole pipelines; see tools/bench_pipeline."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import markers

SIZES = ((640, 480), (1280, 720), (1920, 1080))
CAMERA_FPS = 60  # of the synthetic camera that frame age is measured with
MOST_BOXES = 1000  # what a detector keeps at most (kMaxDetections of engine/vision/types.hpp)
OVERHEAD = re.compile(r"(upload|scene|\S+ (?:input|decode|masks))$")


class Run:
    """What `tarsier run` printed."""

    def __init__(self, text, json_lines):
        def numbers(pattern):
            found = re.search(pattern, text)
            if not found:
                raise SystemExit(f"error: tarsier run printed no '{pattern}'")
            return [float(g) for g in found.groups()]

        [self.fps] = numbers(r"frames +\d+ in [\d.]+ s: ([\d.]+) frames/s")
        self.p50, self.p95 = numbers(r"latency +p50 ([\d.]+) ms, p95 ([\d.]+) ms")
        found = re.search(r"device time (.*) \(ms a frame\)", text)
        passes = [p.rsplit(" ", 1) for p in found.group(1).split(", ")] if found else []
        self.passes = {name: float(ms) for name, ms in passes}
        boxes = [len(json.loads(line)["detections"]) for line in json_lines]
        self.boxes = sum(boxes) / len(boxes) if boxes else 0

    def overhead(self):
        """Everything but the networks: upload, pre-processing, decoding with NMS, masks, scene."""
        return sum(ms for name, ms in self.passes.items() if OVERHEAD.search(name))


def start(args, source, pipeline, frames, extra=()):
    folder = tempfile.TemporaryDirectory()
    lines = Path(folder.name) / "results.jsonl"
    command = [args.tarsier, "run", "--headless", source, "--pipeline", pipeline, "--max-frames", str(frames), "--json",
               lines, "--log-level", "error", *extra]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return child, lines, folder


def finish(job, what):
    child, lines, folder = job
    out, errors = child.communicate()
    if child.returncode != 0:
        reason = errors.strip().splitlines()
        raise RuntimeError(f"{what}: {reason[-1] if reason else 'tarsier run failed'}")
    run = Run(out, lines.read_text().splitlines())
    folder.cleanup()
    return run


def measure(args, source, pipeline, frames, extra=()):
    """One run to warm up the drivers' caches, then the one that counts."""
    what = f"{pipeline} on {source}"
    finish(start(args, source, pipeline, 2, extra), what)
    run = finish(start(args, source, pipeline, frames, extra), what)
    print(f"{what}: {run.fps:.1f} frames/s", file=sys.stderr, flush=True)
    return run


def resolutions(args, names, frames, settings):
    out = ["| pipeline | picture | frames/s | age p50, ms | age p95, ms | networks, ms | the rest on the device, ms |",
           "|---" * 7 + "|"]
    notes = []
    for name in names:
        for width, height in SIZES:
            try:
                # `all`: as fast as it goes. `latest` behind a camera: how old a picture is when it is done.
                fast = measure(args, f"synthetic:{width}x{height}", name, frames, settings)
                live = measure(args, f"synthetic:{width}x{height}@{CAMERA_FPS}", name, frames,
                               [*settings, "--policy", "latest"])
            except RuntimeError as error:
                notes.append(f"- {error}")
                break
            networks = sum(ms for p, ms in fast.passes.items() if p.endswith(" network"))
            out.append(f"| {name} | {width} x {height} | {fast.fps:.1f} | {live.p50:.0f} | {live.p95:.0f} | "
                       f"{networks:.1f} | {fast.overhead():.1f} |")
    return out + ([""] + notes if notes else [])


def crowd(root):
    """A picture with many boxes: the clip that tools/setup found, else a synthetic one."""
    note = root / ".tarsier" / "default-clip"
    clip = Path(note.read_text().strip()) if note.exists() else None
    return str(clip) if clip and clip.exists() else "synthetic:1280x720"


def detections(args, source, frames, settings):
    """The detector's cut-offs decide how many boxes go through decoding, NMS, drawing and the list."""
    out = ["| score at least | boxes a frame | decode and NMS, ms | scene, ms | all but the network, ms | frames/s |",
           "|---" * 6 + "|"]
    # The lower the limit, the more boxes; none suppresses another.
    for score in ("0.9", "0.3", "0.1", "0.03", "0.01"):
        given = [f"detect.score={score}", "detect.iou=1", f"detect.max={MOST_BOXES}"]
        run = measure(args, source, "street", frames,
                      settings + [word for setting in given for word in ("--set", setting)])
        decode = sum(ms for p, ms in run.passes.items() if p.endswith(" decode"))
        out.append(f"| {score} | {run.boxes:.0f} | {decode:.2f} | {run.passes.get('scene', 0):.2f} | {run.overhead():.2f} | "
                   f"{run.fps:.1f} |")
    return out


def streams(args, frames, settings):
    """The program takes one source: N streams are N processes at the same time."""
    out = ["| streams | frames/s of each | together |", "|---|---|---|"]
    for count in (1, 2, 3, 4):
        jobs = [start(args, "synthetic:1280x720", "street", frames, settings) for _ in range(count)]
        runs = [finish(job, f"{count} streams") for job in jobs]
        print(f"{count} streams: {', '.join(f'{r.fps:.1f}' for r in runs)} frames/s", file=sys.stderr, flush=True)
        rates = [r.fps for r in runs]
        out.append(f"| {count} | {min(rates):.1f} to {max(rates):.1f} | {sum(rates):.1f} |")
    return out


def main():
    root = Path(__file__).resolve().parents[2]
    files = sorted(p.stem for p in (root / "pipelines").glob("*.toml"))
    parser = argparse.ArgumentParser(prog="tools/bench_pipeline", description="Frames/s and frame age of whole pipelines.")
    parser.add_argument("--pipelines", metavar="A,B", help=f"of {', '.join(files)} (default: all)")
    parser.add_argument("--detector", metavar="NAME", default="yolox_nano", help="of `tarsier models list` (default: yolox_nano)")
    parser.add_argument("--quick", action="store_true", help="for development: few frames; nothing is written to docs/")
    parser.add_argument("--docs", metavar="FILE", help="whose section is rewritten (default: docs/BENCHMARKS.md)")
    parser.add_argument("--tarsier", metavar="PROGRAM", help="default: build/release/bin/tarsier")
    args = parser.parse_args()
    args.tarsier = Path(args.tarsier) if args.tarsier else root / "build" / "release" / "bin" / "tarsier"
    if not os.access(args.tarsier, os.X_OK):
        raise SystemExit(f"error: {args.tarsier} is not there: build it, or name it by --tarsier")
    names = args.pipelines.split(",") if args.pipelines else files
    for name in names:
        if name not in files:
            raise SystemExit(f"error: --pipelines {name}: choose of {', '.join(files)}")
    frames = 12 if args.quick else 60
    settings = ["--set", f"detect.model={args.detector}", "--set", "detect.input_size=0"]
    begun = time.strftime("%Y-%m-%d")
    devices = json.loads(subprocess.run([args.tarsier, "devices", "--json"], capture_output=True, text=True).stdout or "[]")
    device = next((d for d in devices if d["usable"]), None)
    if device is None:
        raise SystemExit("error: no usable Vulkan device (tarsier devices)")
    section = [f"## Whole pipelines on {device['name']}", "",
               f"`tools/bench_pipeline{' --quick' if args.quick else ''}`, {begun}, {device['driver']}, {os.cpu_count()} CPUs; "
               f"detector {args.detector}, synthetic pictures, results listed as JSON Lines, {frames} frames a run. Frames/s: "
               f"policy `all`. Age: from capture to the end of the frame, policy `latest` behind a camera of {CAMERA_FPS} "
               "frames/s.", ""]
    section += resolutions(args, names, frames, settings)
    try:
        source = crowd(root)
        section += ["", f"Cost of detections, {Path(source).name}, no suppression between boxes:", "",
                    *detections(args, source, frames, settings)]
        section += ["", "Streams at the same time, 1280 x 720:", "", *streams(args, frames, settings)]
    except RuntimeError as error:
        raise SystemExit(f"error: {error}")
    text = "\n".join(section)
    print(text)
    if args.docs or not args.quick:
        markers.rewrite(Path(args.docs) if args.docs else root / "docs" / "BENCHMARKS.md", "bench_pipeline", text)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130)
