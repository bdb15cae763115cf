"""Nodes of a task's gang as the devices of one program.

Each node runs one process, which drives that node's devices. `join` makes them one: then `jax.devices()` are those of all nodes,
node after node, as a plan counts them. It goes by the variables that a task has on each of its nodes.

A process can hand only what it has itself to a program of all of them: `together` cuts the blocks of its own devices out of whole
arrays that every process has.
"""

import inspect
import itertools
import os
import socket

import jax
import numpy as np
from jax._src import distributed, xla_bridge

# On this port of the first node the others find it. Nodes have addresses of their own, so a fixed one will do.
PORT = 8476
# How long a node waits for one that still compiles, or takes long to start.
MEETING_MS = 30 * 60 * 1000
# How long a process may be silent before the others take it for dead, in seconds: JAX's own is 100. A thread of XLA says that the
# process is there, whatever Python compiles or waits for, whenever half of that time is over (`coordination_service_agent.cc`). So one
# that is starved for less than the other half lives, and one that dies is missed between half and all of it later.
SILENCE_S = 20
_meetings, _with = itertools.count(), {}


def join(port=PORT, silence_s=SILENCE_S):
    """Joins this node's process with those of the other nodes of the gang; returns its rank.

    To be called before anything else of JAX is. A task of one node, or of none, is not changed. When a process has been silent for
    `silence_s`, whole seconds and the same on all nodes, JAX ends the others. ValueError where that is less than one.
    """
    if silence_s < 1:
        raise ValueError(f"silence_s is at least one second, and not {silence_s}")
    count, rank = (int(os.environ.get(name, otherwise)) for name, otherwise in
                   (("SKYPILOT_NUM_NODES", "1"), ("SKYPILOT_NODE_RANK", "0")))
    if count > 1:
        first = os.environ["SKYPILOT_NODE_IPS"].split()[0]
        at = f"[{first}]:{port}" if ":" in first else f"{first}:{port}"
        own = rank == 0 and _is_ours(first)
        _initialize(at, count, rank, at if own else None, int(silence_s))
    return rank


def _initialize(at, count, rank, bind, silence_s):
    """`jax.distributed.initialize`, told how long a process may be silent.

    Newer ones take that. Of older ones (0.6) only what it calls does, as a number of heartbeats and the time between two of them,
    whose product is what counts. A JAX that takes neither keeps its own time.
    """
    public, private = jax.distributed.initialize, distributed.global_state.initialize
    one = {"heartbeat_timeout_seconds": silence_s}
    many = {f"{side}_{name}": value for side in ("service", "client")
            for name, value in (("heartbeat_interval_seconds", 1), ("max_missing_heartbeats", silence_s))}
    for call, told in ((public, one), (private, one), (private, many), (public, {})):
        if told.keys() <= inspect.signature(call).parameters.keys():
            break
    if call is not public and xla_bridge.backends_are_initialized():
        # The public one would refuse this, too: the devices of other nodes would be missing.
        raise RuntimeError("join is to be called before anything else of JAX is")
    call(at, count, rank, coordinator_bind_address=bind, **told)


def _is_ours(address):
    """Whether this machine can listen there: behind a translated address it cannot, and listens on all it has."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as one:
            one.bind((address, 0))
    except OSError:
        return False
    return True


def devices():
    """All devices, those of one node after another's."""
    return sorted(jax.devices(), key=lambda device: (device.process_index, device.id))


def meet():
    """Waits until every process is here.

    The first collective of a group of devices sets up its connections, and gives up after half a minute on the CPU: some nodes
    compile longer than that after the others. The service by which processes found each other waits as long as it is told; JAX
    has no public name for it.
    """
    distributed.global_state.client.wait_at_barrier(f"welkin {next(_meetings)}", MEETING_MS)


def meet_with(processes):
    """Waits until these processes are here, of which this is one: each says so, and listens for the others."""
    client, name = distributed.global_state.client, "-".join(map(str, sorted(processes)))
    number = _with.setdefault(name, itertools.count())
    said = lambda process, turn: f"welkin {name} {turn} {process}"
    turn = next(number)
    client.key_value_set(said(jax.process_index(), turn), "here")
    for process in sorted(processes - {jax.process_index()}):
        client.blocking_key_value_get(said(process, turn), MEETING_MS)


def together(run, shapes, shardings):
    """A compiled function of all processes: each hands it whole arrays, and it begins when all have compiled it."""
    compiled, met = run.lower(*shapes).compile(), False

    def step(*args):
        nonlocal met
        blocks = jax.tree.map(_place, args, shapes, shardings)
        if not met:
            meet()
            met = True
        return compiled(*blocks)

    return step


def _place(leaf, shape, sharding):
    """The blocks of this process' devices, of an array that every process has."""
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        return leaf
    whole = np.asarray(leaf, shape.dtype)
    return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])
