"""Planning of JAX training steps with Welkin.

`trace` writes what a step does as a model file, which `welkin parallelize` plans; `plan` does both, and what it returns applies
itself to the step. `docs/parallel.md` says how to use them and what the file holds.
"""

from .device import DeviceError
from .gang import join
from ..parallel.graph import ModelError
from .hlo import HloError
from .plan import CHOSEN, Plan, PlanError, Verified, machines, plan
from .profile import profile
from .trace import trace

__all__ = ["CHOSEN", "DeviceError", "HloError", "ModelError", "Plan", "PlanError", "Verified", "join", "machines", "plan", "profile", "trace"]
