"""Times Tarsier and other engines on the same networks in one run; see tools/bench_peers."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import engines as e
import markers
import prepare
import report

SETTLE_SECONDS = 0.05  # between two engines: threads of the one before may spin on for 20 ms
ROUNDS = 4  # of each repetition: the engines alternate this often within it


class Context:
    """What belongs to the run as a whole."""

    def __init__(self, args, root):
        self.root, self.work, self.tarsier = root, root / "build" / "bench", args.tarsier
        self.device_flags = ["--device", args.device] if args.device else []
        made = subprocess.run([self.tarsier, "devices", "--json"], capture_output=True, text=True)
        if made.returncode != 0:
            raise SystemExit(f"error: {self.tarsier} devices: {(made.stderr.strip() or 'failed').splitlines()[-1]}")
        devices = json.loads(made.stdout)
        # The same choice as the program's where none is named: hardware before software.
        usable = [d for d in devices if d["usable"]]
        if args.device:
            usable = [d for d in usable if args.device in (str(d["index"]), d["uuid"]) or args.device in d["name"]]
        if not usable:
            wanted = f" matches --device {args.device}" if args.device else ""
            raise SystemExit(f"error: no usable Vulkan device{wanted}")
        ranks = ["discrete GPU", "integrated GPU", "virtual GPU"]
        self.device = min(usable, key=lambda d: ranks.index(d["type"]) if d["type"] in ranks else len(ranks))
        version = subprocess.run([self.tarsier, "--version"], capture_output=True, text=True).stdout.split()
        self.tarsier_version = version[-1] if version else "?"


def say(text):
    print(text, file=sys.stderr, flush=True)


def repetition(processes, runs, totals):
    """Median wall time by engine key: `runs[key]` timed runs each, in ROUNDS rounds that go through all engines."""
    samples, copies = {k: [] for k in processes}, []
    for index in range(ROUNDS):
        for key, process in processes.items():
            share = runs[key] * (index + 1) // ROUNDS - runs[key] * index // ROUNDS
            if share == 0:
                continue
            whole = max(1, share // 2) if key == "tarsier" else 0
            time.sleep(SETTLE_SECONDS)
            answer = process.times(share, whole)
            samples[key] += answer["wall_ms"]
            if whole > 0:
                copies.append(float(np.median(answer["host_ms"]) - np.median(answer["wall_ms"])))
    for key, values in samples.items():
        totals[key].append(float(np.median(values)))
    totals["copies"].append(float(np.median(copies)))


def measure(context, network, all_engines, args):
    """One row of the report."""
    row = {"network": network.name, "shape": network.shape, "engines": {}, "rewrites": network.rewrites}
    chosen = {}
    for engine in all_engines:
        try:
            setting, ms, error, info = e.scout(engine, context, network, args.scout_runs, args.scout_seconds, say)
        except e.Failed as failure:
            if engine.key == "tarsier":
                raise SystemExit(f"error: {network.name}: Tarsier does not run it: {failure}")
            row["engines"][engine.key] = {"reason": str(failure)}
            say(f"  {engine.title} cannot run {network.name}: {failure}")
            continue
        chosen[engine.key] = (engine, setting, ms)
        row["engines"][engine.key] = {"setting": engine.describe(setting), "error": error, "version": info["version"]}
    runs = {key: min(args.runs, max(ROUNDS, int(args.seconds * 1e3 / ms))) for key, (_, _, ms) in chosen.items()}
    processes = {}
    totals = {key: [] for key in [*chosen, "copies"]}
    try:
        for key, (engine, setting, _) in chosen.items():
            processes[key] = engine.start(context, network, setting)[0]
        for index in range(args.repetitions):
            repetition(processes, runs, totals)
            say(f"  repetition {index + 1}: " + ", ".join(f"{k} {totals[k][-1]:.2f} ms" for k in chosen))
    except e.Failed as failure:
        raise SystemExit(f"error: {network.name}: an engine that had run stopped: {failure}")
    finally:
        for process in processes.values():
            process.close()
    for key in chosen:
        row["engines"][key].update(ms=totals[key], runs=runs[key])
    row["copies_ms"] = totals["copies"]
    row["gflop"] = gflop_of(context, network)
    return row


def gflop_of(context, network):
    file = context.work / "bench.json"
    subprocess.run([context.tarsier, "bench", network.file, "--runs", "1", "--json", file, "--log-level", "error",
                    *context.device_flags], check=True, capture_output=True)
    return json.loads(file.read_text())["gflop"]


def command_of(args):
    """What decides the figures, without the files of this machine."""
    return " ".join(["tools/bench_peers"] + (["--quick"] if args.quick else [])
                    + ([f"--networks {args.networks}"] if args.networks else [])
                    + ([f"--device {args.device}"] if args.device else []))


def machine():
    """Processor and system, in words."""
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.processor())
    release = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return {"cpu": model, "cpus": os.cpu_count(), "system": release}


def main():
    parser = argparse.ArgumentParser(prog="tools/bench_peers", description=__doc__.split(";")[0] + ".")
    parser.add_argument("--networks", metavar="A,B", help=f"of {', '.join(prepare.NAMES)} (default: all)")
    parser.add_argument("--quick", action="store_true",
                        help="for development: one setting an engine, 8 runs, 2 repetitions; nothing is written to docs/")
    parser.add_argument("--json", metavar="FILE", help="write the comparison here too")
    parser.add_argument("--docs", metavar="FILE", help="whose section is rewritten (default: docs/BENCHMARKS.md)")
    parser.add_argument("--device", default="", help="as `tarsier bench --device`")
    parser.add_argument("--tarsier", metavar="PROGRAM", help="default: build/release/bin/tarsier")
    args = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    args.tarsier = Path(args.tarsier) if args.tarsier else root / "build" / "release" / "bin" / "tarsier"
    if not os.access(args.tarsier, os.X_OK):
        raise SystemExit(f"error: {args.tarsier} is not there: build it (cmake --preset release && cmake --build "
                         "--preset release --target tarsier), or name it by --tarsier")
    names = args.networks.split(",") if args.networks else list(prepare.NAMES)
    for name in names:
        if name not in prepare.NAMES:
            raise SystemExit(f"error: --networks {name}: choose of {', '.join(prepare.NAMES)}")
    for file in filter(None, (args.json, args.docs)):
        if not Path(file).resolve().parent.is_dir():
            raise SystemExit(f"error: {file}: its folder does not exist")
    args.runs, args.repetitions, args.scout_runs, args.scout_seconds, args.seconds = (
        (8, 2, 2, 1, 10) if args.quick else (20, 3, 7, 6, 60))

    context = Context(args, root)
    context.work.mkdir(parents=True, exist_ok=True)
    found = []
    for name in names:
        try:
            found.append(prepare.prepare(name, root, context.work))
        except (FileNotFoundError, RuntimeError) as error:
            if args.networks:
                raise SystemExit(f"error: {error}")
            say(f"{name} is left out: {error}")
            found.append((name, str(error)))
    rows, missing = [], []
    all_engines = e.engines(context, args.quick)
    for network in found:
        if isinstance(network, tuple):
            missing.append(network)
            continue
        say(f"{network.name}:")
        rows.append(measure(context, network, all_engines, args))
    if not rows:
        raise SystemExit("error: none of the networks is here")
    facts = {**machine(), "device": context.device, "titles": {x.key: x.title for x in all_engines},
             "runs": args.runs, "repetitions": args.repetitions, "tarsier": context.tarsier_version}
    (context.work / "last.json").write_text(json.dumps({"facts": facts, "rows": rows, "missing": missing}, indent=1))
    section = report.section(facts, rows, missing, command_of(args))
    print(section)
    if args.docs or not args.quick:
        markers.rewrite(Path(args.docs) if args.docs else root / "docs" / "BENCHMARKS.md", "bench_peers", section)
    if args.json:
        Path(args.json).write_text(json.dumps(report.comparison(rows), indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130)
