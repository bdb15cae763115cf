"""Brings arrays from the devices of one stage to those of another, where these are of several processes.

Every process calls for each array in the same order, with the array if it has devices of it and with nothing otherwise. An array is
cut into as many equal rows as both stages have devices for, each of which goes from a device of the one to a device of the other, and is
brought into its layout there. So what goes over the network is sent once.

A process that sends or receives does nothing else meanwhile: what waits for another process takes a thread of each device, and on the CPU
the devices of this one then wait for threads, and it for them.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from . import gang


def is_here(mesh):
    """Whether this process has devices of a mesh."""
    return any(device.process_index == jax.process_index() for device in mesh.devices.flat)


def several(meshes):
    """Whether the devices of meshes are of more than this process."""
    return any(device.process_index != jax.process_index() for mesh in meshes for device in mesh.devices.flat)


def of_one(*meshes):
    """Whether the devices of meshes are all of one process."""
    return len({device.process_index for mesh in meshes for device in mesh.devices.flat}) == 1


def elsewhere(shape, dtype, sharding):
    """An array of which this process has no part."""
    return jax.make_array_from_single_device_arrays(shape, sharding, [], dtype=dtype)


class Between:
    """Ways between meshes, kept from one step to the next."""

    def __init__(self):
        self.ways, self.everywhere = {}, {}
        # What programs of this process make at present.
        self.made = []

    def _settle(self):
        jax.block_until_ready(self.made)
        self.made = []

    def send(self, array, shape, dtype, start, sharding):
        """An array of the mesh `start` with a sharding of another; nothing where this process has no devices of that."""
        key = tuple(start.devices.flat), sharding, shape, dtype
        if key not in self.ways:
            self.ways[key] = _Way(shape, dtype, start, sharding)
        self._settle()
        return self.ways[key](array)

    def tell(self, array, shape, dtype, start):
        """A whole array of the mesh `start`, on a device of each process."""
        key = tuple(start.devices.flat), shape, dtype
        if key not in self.everywhere:
            self.everywhere[key] = _Everywhere(shape, dtype, start)
        self._settle()
        return self.everywhere[key](array)


def _rows(mesh):
    """One row for each device of a mesh, in their order."""
    return NamedSharding(mesh, PartitionSpec(mesh.axis_names))


def _own(array):
    return {shard.device: shard.data for shard in array.addressable_shards}


class _Way:
    def __init__(self, shape, dtype, start, sharding):
        self.start, self.end, self.dtype = start, sharding.mesh, dtype
        size, most = math.prod(shape), min(start.size, self.end.size)
        lanes = next(count for count in range(most, 0, -1) if size % count == 0)
        self.row = (1, 1, size // lanes)
        here, there = list(start.devices.flat)[:lanes], list(self.end.devices.flat)[:lanes]
        pairs = Mesh(np.array([here, there]), ("end", "lane"))
        self.pairs = NamedSharding(pairs, PartitionSpec("end", "lane"))
        self.met = not is_here(pairs)
        more = [(0, start.size - lanes), (0, 0), (0, 0)]
        self.cut = jax.jit(lambda x: jnp.pad(x.reshape(lanes, *self.row[1:]), more), out_shardings=_rows(start))
        spec = PartitionSpec("end", "lane")
        sent = jax.shard_map(lambda x: lax.ppermute(x, "end", [(0, 1)]), mesh=pairs, in_specs=spec, out_specs=spec, check_vma=False)
        self.sent = jax.jit(sent)
        self.joined = jax.jit(lambda rows: rows[:lanes].reshape(shape), out_shardings=sharding)

    def __call__(self, array):
        rows = _own(self.cut(array)) if is_here(self.start) else {}
        if is_here(self.pairs.mesh):
            rows = self._across(rows)
        if not is_here(self.end):
            return None
        whole = (self.end.size, *self.row[1:])
        return self.joined(self._array(whole, _rows(self.end), rows)).block_until_ready()

    def _across(self, rows):
        (_, lanes), (_, _, size) = self.pairs.mesh.devices.shape, self.row
        given = self._array((2, lanes, size), self.pairs, rows)
        if not self.met:
            # The connections of these devices are set up now, for which a collective waits half a minute only.
            gang.meet_with({device.process_index for device in self.pairs.mesh.devices.flat})
            self.met = True
        return _own(self.sent(jax.block_until_ready(given)).block_until_ready())

    def _array(self, shape, sharding, rows):
        """Of rows that devices have, and zeros where they have none."""
        mine = [device for device in sharding.mesh.devices.flat if device.process_index == jax.process_index()]
        blocks = [rows[device] if device in rows else jax.device_put(np.zeros(self.row, self.dtype), device) for device in mine]
        return jax.make_array_from_single_device_arrays(shape, sharding, blocks)


class _Everywhere:
    """As a sum, to which one process alone adds."""

    def __init__(self, shape, dtype, start):
        self.start, self.shape = start, shape
        self.kind = np.dtype(np.uint8) if dtype == bool else dtype
        firsts = {}
        for device in gang.devices():
            firsts.setdefault(device.process_index, device)
        self.own = firsts[jax.process_index()]
        self.mesh = Mesh(np.array([firsts[process] for process in sorted(firsts)]), ("process",))
        self.whole = jax.jit(lambda x: x.astype(self.kind)[None], out_shardings=NamedSharding(start, PartitionSpec()))
        added = jax.shard_map(lambda x: lax.psum(x, "process"), mesh=self.mesh, in_specs=PartitionSpec("process"),
                              out_specs=PartitionSpec(), check_vma=False)
        self.added = jax.jit(lambda x: added(x)[0].astype(dtype))
        self.met = False

    def __call__(self, array):
        made = _own(self.whole(array)) if is_here(self.start) else {}
        first = self.start.devices.flat[0]
        row = jax.device_put(made[first] if first in made else np.zeros((1, *self.shape), self.kind), self.own)
        row.block_until_ready()
        if not self.met:
            gang.meet()
            self.met = True
        rows = NamedSharding(self.mesh, PartitionSpec("process"))
        given = jax.make_array_from_single_device_arrays((self.mesh.size, *self.shape), rows, [row])
        return self.added(given).block_until_ready().addressable_data(0)
