"""Planning of PyTorch modules with Welkin.

`trace` writes what a module does as a model file, which `welkin parallelize` plans; `plan` does both, and what it returns applies
itself to the module: parameters become DTensors, and devices do what was planned. `docs/parallel.md` says how to use them.
"""

try:
    import torch.distributed.tensor  # noqa: F401
    import torch.export  # noqa: F401
except ImportError as error:
    raise ImportError("welkin.torch needs PyTorch 2.9 or newer with torch.export and DTensor, which is not installed here "
                      f"({error}); welkin.jax does without it") from error

from ..parallel.ask import CHOSEN, PlanError
from ..parallel.graph import ModelError
from ..parallel.verified import Verified
from .device import DeviceError
from .plan import Parallel, Plan, machines, plan, trace

__all__ = ["CHOSEN", "DeviceError", "ModelError", "Parallel", "Plan", "PlanError", "Verified", "machines", "plan", "trace"]
