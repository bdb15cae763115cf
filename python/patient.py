"""For tests, before JAX is loaded: flags for devices that may have to wait for long, since the machine is busy with other things, and
for programs that run once: LLVM's passes would take longer than what they save. What XLA makes of a step is the same."""

from importlib import metadata

# Versions before this one wait by themselves, and refuse a flag that they do not know.
KNOWN_SINCE = (0, 8)

_version = tuple(int(part) for part in metadata.version("jaxlib").split(".")[:2])
PATIENT = "--xla_backend_optimization_level=0"
if _version >= KNOWN_SINCE:
    PATIENT += " --xla_cpu_collective_call_terminate_timeout_seconds=1800"
