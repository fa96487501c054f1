"""Made road scenes with exact labels, to widen the real frames: a small procedural renderer.

`make(seed)` is one scene, always the same; `tools/train/run scenes OUT` writes scenes in the layout of the data pack and
a sheet to look at.
"""

from .make import Scene, make

__all__ = ["Scene", "make"]
