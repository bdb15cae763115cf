"""What one device of a mesh does: a planned program, operation by operation on its blocks.

Blocks are moved by the collectives that the plan names, and every operation runs on what the device has, with sizes and places
of its blocks in the arguments that have them. So what devices say to each other is what was planned, and a value that is kept as a part
of a sum is one.
"""

import torch
import torch.distributed as dist
from torch.distributed.tensor import Partial, Replicate, Shard
from torch.fx.node import map_arg

from .aten import MADE
from .groups import Groups, subsets
from .trace import UPDATE

# How parts of results are combined that do not add up.
COMBINED = {"amax": dist.ReduceOp.MAX, "max": dist.ReduceOp.MAX, "any": dist.ReduceOp.MAX, "amin": dist.ReduceOp.MIN,
            "min": dist.ReduceOp.MIN, "all": dist.ReduceOp.MIN, "prod": dist.ReduceOp.PRODUCT}


# Types that gloo does not know, and as what they are sent.
CARRIED = {torch.bool: torch.uint8, torch.int16: torch.int32, torch.uint16: torch.int32, torch.uint32: torch.int64}


class DeviceError(ValueError):
    """The program does something that cannot be done in blocks."""


class Device:
    """The program of one device of a mesh."""

    def __init__(self, traced, program, mesh, seed=0):
        self.traced, self.graph, self.seed, self.draws = traced, traced.graph, seed, 0
        self.groups = Groups(mesh, subsets(program))
        self.names = mesh.mesh_dim_names
        self.layouts = [[along if along in ("same", "sum") else int(along) for along in layout] for layout in program["layouts"]]
        self.operations, self.values = program["operations"], program["values"]
        self.moves = {(move["operation"], move["value"], move["from"], move["steps"][-1][1]): move["steps"]
                      for move in program["moves"]}
        self.whole = next(number for number, layout in enumerate(self.layouts) if set(layout) == {"same"})
        self.places = {id(source): number for number, source in enumerate(self.graph.sources)}

    def kept(self, value):
        number = self.values[value]
        return self.whole if number is None else number

    def placements(self, layout):
        """A layout as DTensor spells it."""
        spell = {"same": Replicate(), "sum": Partial()}
        return [spell[along] if isinstance(along, str) else Shard(along) for along in self.layouts[layout]]

    def updated(self, name):
        """The layout in which a parameter is updated, and lies between steps."""
        source = self.traced.updates.get(name)
        return self.kept(self.traced.parameters[name]) if source is None else self.operations[self.places[id(source)]][0][0]

    def begin(self, name, block):
        """A parameter's block as it lies between steps, in the layout in which the step keeps it."""
        source, value = self.traced.updates.get(name), self.traced.parameters[name]
        if source is None:
            return block
        number, past = self.places[id(source)], len(self.graph.ops)
        new = self.graph.ops[number]["out"][0][0]
        block = self.moved(number, new, block, self.operations[number][1][0], self.kept(new))
        return self.moved(past, new, block, self.kept(new), self.kept(value))

    def gradient(self, name, held):
        """The gradient of a parameter, in the layout in which that is updated."""
        number, value = self.places[id(self.traced.updates[name])], self.traced.gradients[name]
        return self.moved(number, value, held[value], self.kept(value), self.operations[number][0][1])

    def needed(self, wanted):
        """The operations that some values depend on, in order, and for each the values that nothing reads after it."""
        wanted, read, last = set(wanted), set(wanted), []
        for number in reversed(range(len(self.graph.ops))):
            row = self.graph.ops[number]
            if row["op"] == UPDATE or not any(value in wanted for value, _ in row["out"]):
                continue
            operands = {value for value, _ in row["in"]}
            last.append((number, (operands | {value for value, _ in row["out"]}) - read))
            wanted |= operands
            read |= operands
        return last[::-1]

    def run(self, needed, held):
        """Does operations with blocks of values, by value, and adds those that they make."""
        for value, constant in self.graph.constants.items():
            held[value] = self.block(constant.to(self.groups.device), self.layouts[self.kept(value)])
        for number, last in needed:
            self.operation(number, held)
            for value in last:
                held.pop(value, None)
        return held

    def operation(self, number, held):
        row = self.graph.ops[number]
        reads, makes, combined = self.operations[number]
        brought, args = {}, []
        for (value, _), layout in zip(row["in"], reads, strict=True):
            if (value, layout) not in brought:
                brought[value, layout] = self.moved(number, value, held[value], self.kept(value), layout)
            args.append(brought[value, layout])
        made = Work(self, number, args, [self.layouts[layout] for layout in reads], [self.layouts[layout] for layout in makes]).run()
        for result, (value, _), layout in zip(made, row["out"], makes, strict=True):
            if combined:
                result = self.combine(row["op"], result, tuple(combined))
            held[value] = self.moved(number, value, result, layout, self.kept(value))

    def combine(self, name, array, axes):
        how = COMBINED.get(name)
        if how is None:
            raise DeviceError(f"results of `{name}` cannot be combined over devices")
        if array.dtype == torch.bool:
            return self.groups.combine(array.to(torch.uint8), axes, how).bool()
        return self.groups.combine(array, axes, how)

    def moved(self, number, value, array, start, to):
        """A value in another layout."""
        if start == to:
            return array
        along = self.layouts[start]
        for axes, layout in self.moves[number, value, start, to]:
            array, along = self.step(array, along, self.layouts[layout], tuple(axes)), self.layouts[layout]
        return array

    def step(self, array, before, after, axes):
        place = self.names.index(axes[0])
        before, after = before[place], after[place]
        carried = CARRIED.get(array.dtype)
        if carried is not None:
            return self._step(array.to(carried), before, after, axes).to(array.dtype)
        return self._step(array, before, after, axes)

    def _step(self, array, before, after, axes):
        groups = self.groups
        match before, after:
            case "same", "sum":
                return array if groups.index(axes) == 0 else torch.zeros_like(array)
            case "same", dim:
                return groups.take(array, dim, axes)
            case "sum", "same":
                return groups.add(array, axes)
            case "sum", dim:
                return groups.scatter(array, dim, axes)
            case dim, "same":
                return groups.gather(array, dim, axes)
            case dim, "sum":
                raise DeviceError("a block is no part of a sum")
            case dim, other:
                return groups.exchange(array, dim, other, axes)

    def axes(self, along, dim):
        return tuple(name for name, at in zip(self.names, along) if at == dim)

    def block(self, array, along):
        """This device's block of what all have."""
        for dim in range(array.ndim):
            if axes := self.axes(along, dim):
                array = self.groups.take(array, dim, axes)
        return array

    def shape(self, shape, along):
        return tuple(size // self.groups.count(self.axes(along, dim)) for dim, size in enumerate(shape))


# What a number is made of by operations that fill arrays with one.
FILLED = {"zeros": 0, "zeros_like": 0, "new_zeros": 0, "ones": 1, "ones_like": 1, "new_ones": 1, "empty": 0, "empty_like": 0,
          "new_empty": 0, "empty_permuted": 0, "empty_strided": 0}
RESHAPED = {"view", "_unsafe_view", "reshape", "unsqueeze", "squeeze"}


class Work:
    """One operation on blocks."""

    def __init__(self, device, number, args, reads, makes):
        row, source = device.graph.ops[number], device.graph.sources[number]
        self.device, self.name, self.node, self.operands = device, row["op"], source.node, source.operands
        self.ins, self.outs = ([value for value, _ in row[side]] for side in ("in", "out"))
        self.reads, self.makes, self.blocks = reads, makes, args
        self.shapes = [device.shape(device.graph.values[value][1], along) for value, along in zip(self.outs, makes)]

    def run(self):
        if self.name in RESHAPED:
            return [self.blocks[0].reshape(self.shapes[0])]
        if self.name == "expand":
            return [self.blocks[0].expand(self.shapes[0])]
        if self.name in MADE:
            return [self.made()]
        rule = RULES.get(self.name)
        made = None if rule is None else rule(self)
        if made is not None:
            return [made]
        made = self.drawn() if torch.Tag.nondeterministic_seeded in self.node.target.tags else self.same()
        return [each for each in (made if isinstance(made, (tuple, list)) else [made]) if isinstance(each, torch.Tensor)]

    def arguments(self):
        """Blocks in the place of operands."""
        blocks = iter(self.blocks)
        args, kwargs = map_arg((self.node.args, self.node.kwargs), lambda node: next(blocks))
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": self.device.groups.device}
        return args, kwargs

    def same(self):
        """What has no size and no place in its arguments."""
        args, kwargs = self.arguments()
        return self.node.target(*args, **kwargs)

    def drawn(self):
        """The same numbers on all devices, others each time."""
        self.device.draws += 1
        with torch.random.fork_rng():
            torch.manual_seed(self.device.seed + self.device.draws)
            return self.same()

    def made(self):
        whole = self.node.meta["val"]
        filled = FILLED.get(self.name)
        if self.name in ("full", "full_like", "new_full"):
            filled = self.node.args[2 if self.name == "new_full" else 1]
        if filled is not None and not isinstance(filled, torch.fx.Node):
            return torch.full(self.shapes[0], filled, dtype=whole.dtype, device=self.device.groups.device)
        kwargs = {**self.node.kwargs}
        if kwargs.get("device") is not None:
            kwargs["device"] = self.device.groups.device
        if self.name == "arange" and not whole.is_floating_point():
            # Not of all types.
            kwargs["dtype"] = torch.int64
        made = self.node.target(*self.node.args, **kwargs).to(whole.dtype)
        return self.device.block(made, self.makes[0])

    def size(self, place):
        """Of an operand as a whole."""
        return self.device.graph.values[self.ins[place]][1]

    def offset(self, along, dim, size):
        """The place at which this device's block begins; nothing where it has all."""
        axes = self.device.axes(along, dim)
        return self.device.groups.index(axes) * size if axes else None

    def here(self, indices, along, dim, size, whole, from_end=False):
        """Rows as numbers of this device's block, and which of them it has; rows that it has not are one past its last.

        What is a row of no device is an error, as it is on one. `from_end` says whether negative numbers count from the end.
        """
        indices = torch.where(indices < 0, indices + whole, indices) if from_end else indices
        torch._assert_async(((indices >= 0) & (indices < whole)).all(), f"an index is out of range: there are {whole} rows")
        indices = indices - self.offset(along, dim, size)
        has = (indices >= 0) & (indices < size)
        return torch.where(has, indices, size), has


def _without(rows, has, dims):
    """Rows that another device has are zero here."""
    return torch.where(has.reshape(dims), rows, torch.zeros((), dtype=rows.dtype, device=rows.device))


def _looked_up(work, table, indices, dim, from_end=False):
    """Rows of a dimension, by an array of their numbers."""
    size, flat = table.shape[dim], indices.reshape(-1)
    if work.offset(work.reads[0], dim, size) is None:
        found = table.index_select(dim, torch.where(flat < 0, flat + size, flat) if from_end else flat)
    else:
        rows, has = work.here(flat, work.reads[0], dim, size, work.size(0)[dim], from_end)
        found = _without(table.index_select(dim, rows.clamp(max=size - 1)), has, [*[1] * dim, -1, *[1] * (table.ndim - dim - 1)])
    return found.unflatten(dim, indices.shape) if indices.ndim else found.squeeze(dim)


def _embedding(work):
    return _looked_up(work, *work.blocks, 0)


def _embedding_backward(work):
    gradient, indices = work.blocks
    rows, width = work.shapes[0]
    padding = work.node.args[3]
    flat, parts = indices.reshape(-1), gradient.reshape(-1, width)
    if padding >= 0:
        parts = torch.where((flat == padding)[:, None], torch.zeros_like(parts), parts)
    if work.offset(work.makes[0], 0, rows) is not None:
        flat, _ = work.here(flat, work.makes[0], 0, rows, work.device.graph.values[work.outs[0]][1][0])
    return parts.new_zeros((rows + 1, width)).index_add(0, flat, parts)[:rows]


def _index(work):
    found = _one_index(work)
    return None if found is None else _looked_up(work, *work.blocks, found, from_end=True)


def _index_select(work):
    table, indices = work.blocks
    return _looked_up(work, table, indices.reshape(-1), work.node.args[1] % table.ndim)


def _one_index(work):
    """The dimension that is looked up by numbers, where it is one."""
    given = [(dim, index) for dim, index in enumerate(work.node.args[1]) if index is not None]
    return given[0][0] if len(given) == 1 and given[0][1].meta["val"].dtype != torch.bool else None


def _index_put(work):
    dim = _one_index(work)
    if dim is None or work.offset(work.makes[0], dim, 1) is None:
        return None
    table, indices, parts = work.blocks
    rows, _ = work.here(indices, work.makes[0], dim, table.shape[dim], work.size(0)[dim], from_end=True)
    parts = parts.flatten(dim, dim + indices.ndim - 1) if indices.ndim else parts.unsqueeze(dim)
    more = _wider(torch.zeros_like(table), dim).index_add(dim, rows.reshape(-1), parts)
    return table + more.narrow(dim, 0, table.shape[dim])


def _chosen(work):
    """The dimension of a table that is looked up, if the table is split along it."""
    table = work.blocks[0]
    dim = work.node.args[1] % max(1, table.ndim)
    along = work.reads[0]
    return None if work.offset(along, dim, 1) is None else dim


def _gather(work):
    dim = _chosen(work)
    if dim is None:
        return None
    table, indices = work.blocks
    rows, has = work.here(indices, work.reads[0], dim, table.shape[dim], work.size(0)[dim])
    found = table.gather(dim, rows.clamp(max=table.shape[dim] - 1))
    return torch.where(has, found, torch.zeros_like(found))


def _wider(table, dim):
    """With room for what is another device's."""
    return torch.cat([table, torch.zeros_like(table.narrow(dim, 0, 1))], dim)


def _scatter(work):
    dim = _chosen(work)
    if dim is None:
        return None
    table, indices = work.blocks
    rows, _ = work.here(indices, work.reads[0], dim, table.shape[dim], work.size(0)[dim])
    return _wider(table, dim).scatter(dim, rows, work.node.args[3]).narrow(dim, 0, table.shape[dim])


def _scatter_add(work):
    dim = _chosen(work)
    if dim is None:
        return None
    table, indices, parts = work.blocks
    rows, _ = work.here(indices, work.reads[0], dim, table.shape[dim], work.size(0)[dim])
    return _wider(table, dim).scatter_add(dim, rows, parts).narrow(dim, 0, table.shape[dim])


RULES = {
    "embedding": _embedding, "embedding_dense_backward": _embedding_backward, "index": _index, "_unsafe_index": _index,
    "index_select": _index_select, "index_put": _index_put, "_unsafe_index_put": _index_put, "gather": _gather, "scatter": _scatter,
    "scatter_add": _scatter_add,
}
