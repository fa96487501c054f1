"""The comparison's section of docs/BENCHMARKS.md, and the comparison as JSON."""

import math

import numpy as np

BARS = [  # engine key, text, what must hold of (ratios of every network, their geometric mean)
    ("ncnn_vulkan", "ncnn Vulkan: every network at least 2.5x, geometric mean at least 4x",
     lambda ratios, mean: min(ratios) >= 2.5 and mean >= 4),
    ("opencv_cpu", "OpenCV dnn (PyPI): geometric mean at least 1x", lambda ratios, mean: mean >= 1),
    ("opencv_debian_cpu", "OpenCV dnn (system): geometric mean at least 1x", lambda ratios, mean: mean >= 1),
    ("onnxruntime_cpu", "ONNX Runtime CPU: geometric mean at least 0.2x", lambda ratios, mean: mean >= 0.2),
]


def ratios_of(row, key):
    """Peer's time / Tarsier's, by repetition; None where the peer does not run the network."""
    peer = row["engines"].get(key, {})
    if "ms" not in peer:
        return None
    return [a / b for a, b in zip(peer["ms"], row["engines"]["tarsier"]["ms"])]


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values))


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values):
    return f"{number(float(np.median(values)))}x ({number(min(values))}..{number(max(values))})"


def comparison(rows):
    def ms(row, key):
        values = row["engines"].get(key, {}).get("ms")
        return float(np.median(values)) if values else None

    keys = ("ncnn_vulkan", "ncnn_cpu", "onnxruntime_cpu", "opencv_cpu")
    return [{"network": r["network"], "gflop": r["gflop"], "tarsier_ms": ms(r, "tarsier"),
             "peers": {f"{k}_ms": ms(r, k) for k in keys}} for r in rows]


def section(facts, rows, missing, command):
    keys = list(facts["titles"])
    peers = keys[1:]
    version = {k: next((r["engines"][k]["version"] for r in rows if "version" in r["engines"].get(k, {})), None) for k in keys}
    title = {k: facts["titles"][k].replace("(", f"{version[k]} (") if "(" in facts["titles"][k] and version[k]
             else f"{facts['titles'][k]} {version[k] or ''}".strip() for k in keys}
    device = facts["device"]
    out = ["## Tarsier beside other engines", "",
           f"`{command}` on {device['name']} ({device['driver']}), {facts['cpus']} CPUs ({facts['cpu']}), {facts['system']}. "
           f"One run: the engines alternate on the same input; the median of {facts['runs']} timed runs a repetition, "
           f"{facts['repetitions']} repetitions. Milliseconds are the median repetition's, ratios are theirs to Tarsier's "
           "(above 1x: Tarsier is faster) with the least and the largest repetition. Tarsier's time is the wall clock from "
           "before the commands are begun until their fence, input and output on the device, where the rest of the pipeline "
           "has them; what copying both from and to host memory adds is in its own column. The peers' runs hand their input "
           "and output over in host memory.", ""]
    out.append("| network | GFLOP | Tarsier, ms | its copies, ms | " + " | ".join(f"{title[k]}, ms" for k in peers) + " |")
    out.append("|---" * (4 + len(peers)) + "|")
    notes = []
    for row in rows:
        ours = row["engines"]["tarsier"]["ms"]
        copies = max(0.0, float(np.median(row["copies_ms"])))
        cells = [row["network"], number(row["gflop"]), number(float(np.median(ours))), number(copies)]
        for key in peers:
            ratios = ratios_of(row, key)
            if ratios is None:
                cells.append("-")
                notes.append(f"{facts['titles'][key]} does not run {row['network']}: {row['engines'][key]['reason']}")
                continue
            few = row["engines"][key]["runs"]
            if few < facts["runs"]:
                notes.append(f"{facts['titles'][key]}, {row['network']}: {few} runs a repetition, because each is so long")
            cells.append(f"{number(float(np.median(row['engines'][key]['ms'])))}: {spread(ratios)}")
        out.append("| " + " | ".join(cells) + " |")
    for name, reason in missing:
        notes.append(f"{name} was not measured: {reason}")
    means = {}
    cells = ["geometric mean", "", "", ""]
    for key in peers:
        have = [ratios_of(r, key) for r in rows if ratios_of(r, key) is not None]
        if not have:
            cells.append("-")
            continue
        # By repetition, then the median of these.
        means[key] = [geometric_mean(column) for column in zip(*have)]
        cells.append(spread(means[key]) + ("" if len(have) == len(rows) else f", {len(have)} networks"))
    out.append("| " + " | ".join(cells) + " |")
    if notes:
        out += ["", *[f"- {n}" for n in notes]]
    out += ["", "Bars:", ""]
    for key, text, holds in BARS:
        have = [float(np.median(ratios_of(r, key))) for r in rows if key in keys and ratios_of(r, key) is not None]
        if not have:
            continue
        mean = float(np.median(means[key]))
        out.append(f"- {text}: {'met' if holds(have, mean) else 'missed'} (least {number(min(have))}x, mean {number(mean)}x)")
    out += ["", "Every engine ran at the best of its settings for each network, found by a scouting round before (fp16 on and "
            "off, threads, vector widths where the processor has them, Winograd, spinning; a network that an engine refuses "
            "as published is given to it in other words, `tools/bench/rewrites.py`, or with the kind of resize that it has). Errors are the largest difference from "
            "ONNX Runtime as a part of the output's range; a setting that gives wrong outputs is not timed.", "",
            "| network | " + " | ".join(facts["titles"][k] for k in keys) + " |", "|---" * (1 + len(keys)) + "|"]
    for row in rows:
        cells = [f"{row['engines'][k]['setting'] or 'default'} ({row['engines'][k]['error']:.0e})"
                 if "setting" in row["engines"].get(k, {}) else "-" for k in keys]
        out.append(f"| {row['network']} | " + " | ".join(cells) + " |")
    return "\n".join(out)
