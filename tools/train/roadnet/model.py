"""roadnet: drivable area and lane lines from one RGB frame.

An encoder of plain 3x3 convolutions down to a thirty-second of the size, where the mean of the picture adds what is
farther away than they see, and a decoder that adds what each finer step knows. Few large convolutions without
dilations: on the device that has no GPU each dispatch costs, depthwise ones leave its registers empty, and only plain
3x3 ones can be computed by Winograd's algorithm.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

HEADS = ("drivable", "lane")


def block(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """x + block(x)"""

    def __init__(self, channels: int):
        super().__init__()
        self.body = block(channels, channels)

    def forward(self, x):
        return x + self.body(x)


class RoadNet(nn.Module):
    """[N, 3, H, W], RGB / 255, H and W multiples of 8, to the logits of each head, [N, 2, H, W]: not, is."""

    def __init__(self, widths=(16, 32, 64, 96, 96)):
        super().__init__()
        half, quarter, eighth, sixteenth, last = widths
        self.stem = block(3, half, stride=2)
        self.quarter = nn.Sequential(block(half, quarter, stride=2), Residual(quarter))
        self.eighth = nn.Sequential(block(quarter, eighth, stride=2), Residual(eighth), Residual(eighth))
        self.sixteenth = nn.Sequential(block(eighth, sixteenth, stride=2), Residual(sixteenth), Residual(sixteenth))
        self.last = nn.Sequential(block(sixteenth, last, stride=2), Residual(last), Residual(last), Residual(last))
        self.whole = nn.Conv2d(last, last, 1)
        self.up_last = block(last, sixteenth, kernel=1)
        self.up_sixteenth = nn.Sequential(Residual(sixteenth), block(sixteenth, eighth, kernel=1))
        self.up_eighth = nn.Sequential(Residual(eighth), block(eighth, quarter, kernel=1))
        self.up_quarter = Residual(quarter)
        # Four pixels of each head's two logits: half the size.
        self.heads = nn.ModuleDict(
            {name: nn.Sequential(block(quarter, quarter), nn.Conv2d(quarter, 8, 1)) for name in HEADS}
        )
        for name, share in zip(HEADS, (0.3, 0.02)):  # of a picture's pixels
            odds = math.log(share / (1 - share))
            with torch.no_grad():
                self.heads[name][-1].bias.copy_(torch.tensor([-odds / 2] * 4 + [odds / 2] * 4))

    def forward(self, x):
        quarter = self.quarter(self.stem(x))
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        last = self.last(sixteenth)
        last = last + self.whole(last.mean((2, 3), keepdim=True))
        y = sixteenth + larger(self.up_last(last), sixteenth)
        y = eighth + larger(self.up_sixteenth(y), eighth)
        y = quarter + larger(self.up_eighth(y), quarter)
        y = self.up_quarter(y)
        return {name: larger(F.pixel_shuffle(head(y), 2), x) for name, head in self.heads.items()}


def larger(x, like):
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
