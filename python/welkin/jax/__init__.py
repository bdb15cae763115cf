"""Planning of JAX training steps with Welkin.

`trace` writes what a step does as a model file, which `welkin parallelize` plans. `python/README.md` says how to use it and
`docs/parallel.md` what the file holds.
"""

from .graph import ModelError
from .trace import trace

__all__ = ["ModelError", "trace"]
