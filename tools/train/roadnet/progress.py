"""One line that tells how far training is; lines of their own where nobody watches."""

from __future__ import annotations

import sys
import time


class Progress:
    def __init__(self, total: int):
        self.total, self.shown = total, 0.0
        self.watched = sys.stderr.isatty()

    def show(self, done: int, seconds: float, *told: str):
        now = time.monotonic()
        if now - self.shown < (0.5 if self.watched else 60):
            return
        self.shown = now
        left = int(seconds / max(done, 1) * (self.total - done))
        bar = "#" * int(24 * done / self.total)
        line = f"[{bar:24}] {done}/{self.total} frames, {', '.join(told)}, {left // 3600}:{left // 60 % 60:02} left"
        print(
            f"\r\033[K{line}" if self.watched else line, end="" if self.watched else "\n", file=sys.stderr, flush=True
        )

    def say(self, line: str):
        print(("\r\033[K" if self.watched else "") + line, file=sys.stderr, flush=True)

    def end(self):
        if self.watched:
            print(file=sys.stderr)
