"""What training minimises."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def _overlap(probability, target, weight, misses: float):
    """1 - Tversky index over the batch (Salehi, Erdogmus, Gholipour 2017): `misses` is what a missed pixel counts, a
    false one counts the rest; 0.5 is the Dice loss."""
    hit = (probability * target * weight).sum()
    false = (probability * (1 - target) * weight).sum()
    missed = ((1 - probability) * target * weight).sum()
    return 1 - (hit + 1) / (hit + misses * missed + (1 - misses) * false + 1)


def loss(logits: dict[str, torch.Tensor], target: torch.Tensor, weight: torch.Tensor, lane_share: float = 1.0):
    """Soft-label cross-entropy over known pixels, and how little the areas overlap. logits: [N, 2, H, W] a head;
    target, weight: [N, 2, H, W], one channel a head."""
    total = 0.0
    for n, (name, pair) in enumerate(logits.items()):
        odds = pair[:, 1] - pair[:, 0]
        t, w = target[:, n], weight[:, n]
        entropy = F.binary_cross_entropy_with_logits(odds, t, reduction="none")
        if name == "lane":  # thin: one pixel in a hundred
            w = w * (1 + 4 * t)
            part = (entropy * w).sum() / w.sum().clamp(min=1) * 3 + _overlap(torch.sigmoid(odds), t, weight[:, n], 0.6)
            total = total + lane_share * part
        else:
            total = total + (entropy * w).sum() / w.sum().clamp(min=1) + 0.5 * _overlap(torch.sigmoid(odds), t, w, 0.5)
    return total
