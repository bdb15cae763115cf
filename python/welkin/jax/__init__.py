"""Planning of JAX training steps with Welkin.

`trace` writes what a step does as a model file, which `welkin parallelize` plans; `plan` does both, and what it returns applies
itself to the step. `docs/parallel.md` says how to use them and what the file holds.
"""

from .graph import ModelError
from . import plan as plan_module
from .plan import Plan, PlanError, plan
from .trace import trace

__all__ = ["ModelError", "Plan", "PlanError", "plan", "trace"]
