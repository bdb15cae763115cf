"""What devices of a mesh say to each other, and how much."""

import itertools
import math

import torch
import torch.distributed as dist


class Groups:
    """The devices that share an axis of a mesh, or several, as groups of processes; counts what is said."""

    def __init__(self, mesh, wanted):
        self.mesh, self.names = mesh, mesh.mesh_dim_names
        self.sizes = dict(zip(self.names, mesh.mesh.shape))
        self.at = dict(zip(self.names, mesh.get_coordinate()))
        self.device = torch.device(mesh.device_type)
        if self.device.type != "cpu":
            self.device = torch.device(mesh.device_type, torch.get_device_module(mesh.device_type).current_device())
        # Every process makes all groups, in the same order.
        self.known = {axes: self._make(axes) for axes in sorted(wanted)}
        self.said = {}

    def _make(self, axes):
        if len(axes) == 1:
            return self.mesh.get_group(axes[0])
        if self.count(axes) == dist.get_world_size():
            return dist.group.WORLD
        dims = [self.names.index(axis) for axis in axes]
        others = [dim for dim in range(len(self.names)) if dim not in dims]
        ranks = self.mesh.mesh.permute(*others, *dims).reshape(-1, self.count(axes)).tolist()
        mine, _ = dist.new_subgroups_by_enumeration(ranks)
        return mine

    def count(self, axes):
        return math.prod(self.sizes[axis] for axis in axes)

    def index(self, axes):
        """This device's place in its group: the first axis is the outer one."""
        at = 0
        for axis in axes:
            at = at * self.sizes[axis] + self.at[axis]
        return at

    def _say(self, kind, axes, array):
        key = kind, self.count(axes)
        self.said[key] = self.said.get(key, 0) + array.numel() * array.element_size()
        return self.known[axes]

    def add(self, array, axes):
        return self.combine(array, axes, dist.ReduceOp.SUM)

    def combine(self, array, axes, how):
        made = array.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(made, how, group=self._say("all-reduce", axes, made))
        return made

    def scatter(self, array, dim, axes):
        """The sum, of which each has a block."""
        count = self.count(axes)
        rows = array.movedim(dim, 0).contiguous()
        made = rows.new_empty((rows.shape[0] // count, *rows.shape[1:]))
        dist.reduce_scatter_tensor(made, rows, group=self._say("reduce-scatter", axes, rows))
        return made.movedim(0, dim)

    def gather(self, array, dim, axes):
        block = array.movedim(dim, 0).contiguous()
        made = block.new_empty((block.shape[0] * self.count(axes), *block.shape[1:]))
        dist.all_gather_into_tensor(made, block, group=self._say("all-gather", axes, made))
        return made.movedim(0, dim)

    def exchange(self, array, before, after, axes):
        """From blocks of one dimension to blocks of another."""
        count = self.count(axes)
        parts = array.unflatten(after, (count, -1)).movedim(after, 0).contiguous()
        made = torch.empty_like(parts)
        dist.all_to_all_single(made, parts, group=self._say("all-to-all", axes, parts))
        return made.movedim(0, before).flatten(before, before + 1)

    def take(self, array, dim, axes):
        size = array.shape[dim] // self.count(axes)
        return array.narrow(dim, self.index(axes) * size, size)


def subsets(program):
    """All sets of axes along which a program says something."""
    of = lambda axes: tuple(axes)
    moved = (of(axes) for move in program["moves"] for axes, _ in move["steps"])
    combined = (of(axes) for _, _, axes in program["operations"] if axes)
    return set(itertools.chain(moved, combined))
