"""What one device of a mesh does: a planned program, operation by operation on its blocks.

Nothing is left to a partitioner. Blocks are moved by the collectives that the plan names, and every operation runs on what the
device has, with sizes and places of its blocks in the parameters that have them. So what is compiled says to other devices what
was planned, and a value that is kept as a part of a sum is one.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec

from ..parallel.graph import Fixed
from .microbatch import Whole


class DeviceError(ValueError):
    """The program does something that cannot be done in blocks."""


class Device:
    """The program of one device, within `shard_map` over a mesh."""

    def __init__(self, graph, wire, mesh, cut=None):
        self.graph, self.cut = graph, cut or Whole(graph)
        self.names, self.sizes = mesh.axis_names, dict(mesh.shape)
        self.layouts = [[along if along in ("same", "sum") else int(along) for along in layout] for layout in wire["layouts"]]
        # A stage has numbers of its own; here all are the graph's. Past the last operation is what is handed to the next step.
        part = wire.get("part") or {"operations": range(len(graph.ops)), "values": range(len(graph.values))}
        ops, values = [*part["operations"], len(graph.ops)], part["values"]
        self.operations = dict(zip(ops, wire["operations"]))
        self.values = dict(zip(values, wire["values"], strict=True))
        self.moves = {}
        for move in wire["moves"]:
            key = (ops[move["operation"]], values[move["value"]], move["from"], move["steps"][-1][1])
            self.moves[key] = move["steps"]
        # Which microbatch it is.
        self.turn = 0

    def spec(self, layout):
        """A layout as JAX spells it."""
        along = self.layouts[layout]
        dims = max((dim for dim in along if isinstance(dim, int)), default=-1) + 1
        names = [tuple(name for name, at in zip(self.names, along) if at == dim) for dim in range(dims)]
        return PartitionSpec(*(axes or None for axes in names))

    def inputs(self):
        """Layouts of the arguments: what is written into the program is none."""
        rows = self.graph.inputs
        return [self.kept(row["value"]) for row in rows if row["value"] not in self.graph.constants]

    def outputs(self):
        """Layouts of the results: those in which the next step takes them."""
        return [self.kept(row["value"]) if "becomes" not in row else self.kept(self.graph.inputs[row["becomes"]]["value"])
                for row in self.graph.outputs]

    def kept(self, value):
        number = self.values.get(value)
        return self.whole() if number is None else number

    def whole(self):
        return next(number for number, layout in enumerate(self.layouts) if set(layout) == {"same"})

    def run(self, *leaves):
        """The step, on this device's blocks of the arguments."""
        given = [row["value"] for row in self.graph.inputs if row["value"] not in self.graph.constants]
        held = dict(zip(given, leaves, strict=True))
        for value, constant in self.graph.constants.items():
            held[value] = self.block(jnp.asarray(constant), self.layouts[self.kept(value)])
        for number in self.operations:
            self.operation(number, held)
        past = len(self.graph.ops)
        return [self.moved(past, row["value"], held, self.kept(row["value"]), to)
                for row, to in zip(self.graph.outputs, self.outputs(), strict=True)]

    def operation(self, number, held):
        row = self.graph.ops[number]
        reads, makes, combined = self.operations[number]
        brought, args = {}, []
        for place, ((value, _), layout) in enumerate(zip(row["in"], reads, strict=True)):
            if (value, layout) not in brought:
                brought[value, layout] = self.moved(number, value, held, self.kept(value), layout)
            args.append(self.examples(row, place, brought[value, layout], self.layouts[layout]))
        made = Work(self, number, args, [self.layouts[layout] for layout in reads], [self.layouts[layout] for layout in makes]).run()
        for result, (value, _), layout in zip(made, row["out"], makes, strict=True):
            if combined:
                result = self.combine(row["op"], result, tuple(combined))
            held[value] = self.moved(number, value, {value: result}, layout, self.kept(value))

    def examples(self, row, place, array, along):
        """What an operation reads of an operand for this microbatch."""
        loop = self.cut.examples(row)
        if loop is None:
            return array
        value, dims = row["in"][place]
        if self.cut.dims[value] is None and loop in dims:
            dim = dims.index(loop)
            if self.axes(along, dim):
                raise DeviceError(f"an operand of `{row['op']}` lies in blocks that are not those of a microbatch")
            size = array.shape[dim] // self.cut.count
            return lax.dynamic_slice_in_dim(array, self.turn * size, size, dim)
        if place in row.get("accumulates", ()) and not any(loop in dims for _, dims in row["out"]):
            # What results are added to is added once.
            return jnp.where(self.turn == 0, array, jnp.zeros_like(array))
        return array

    def combine(self, name, value, axes):
        if name == "reduce_prod":
            return jnp.prod(lax.all_gather(value, axes), 0)
        combine = {"reduce_max": lax.pmax, "reduce_min": lax.pmin, "reduce_and": lax.pmin, "reduce_or": lax.pmax}.get(name)
        if combine is None:
            raise DeviceError(f"results of `{name}` cannot be combined over devices")
        if value.dtype == bool:
            return combine(value.astype(np.uint8), axes).astype(bool)
        return combine(value, axes)

    def moved(self, number, value, held, start, to):
        """A value in another layout."""
        array, along = held[value], self.layouts[start]
        if start == to:
            return array
        for axes, layout in self.moves[number, value, start, to]:
            array, along = self.step(array, along, self.layouts[layout], tuple(axes)), self.layouts[layout]
        return array

    def step(self, array, before, after, axes):
        place = self.names.index(axes[0])
        before, after = before[place], after[place]
        match before, after:
            case "same", "sum":
                return jnp.where(self.index(axes) == 0, array, jnp.zeros_like(array))
            case "same", dim:
                return self.take(array, dim, axes)
            case "sum", "same":
                return lax.psum(array, axes)
            case "sum", dim:
                return lax.psum_scatter(array, axes, scatter_dimension=dim, tiled=True)
            case dim, "same":
                return lax.all_gather(array, axes, axis=dim, tiled=True)
            case dim, "sum":
                raise DeviceError("a block is no part of a sum")
            case dim, other:
                return lax.all_to_all(array, axes, split_axis=other, concat_axis=dim, tiled=True)

    def index(self, axes):
        return lax.axis_index(axes)

    def count(self, axes):
        return int(np.prod([self.sizes[axis] for axis in axes]))

    def take(self, array, dim, axes):
        size = array.shape[dim] // self.count(axes)
        return lax.dynamic_slice_in_dim(array, self.index(axes) * size, size, dim)

    def block(self, array, along):
        """This device's block of what all have."""
        for dim in range(array.ndim):
            if axes := self.axes(along, dim):
                array = self.take(array, dim, axes)
        return array

    def axes(self, along, dim):
        return tuple(name for name, at in zip(self.names, along) if at == dim)

    def shape(self, shape, along):
        return tuple(size // self.count(self.axes(along, dim)) for dim, size in enumerate(shape))


class Work:
    """One operation on blocks."""

    def __init__(self, device, number, args, reads, makes):
        row, self.source = device.graph.ops[number], device.graph.sources[number]
        self.ins, self.outs = ([value for value, _ in row[side]] for side in ("in", "out"))
        self.device, self.reads, self.makes, self.args = device, reads, makes, args
        self.shapes = [device.shape(device.cut.shape(value), along) for value, along in zip(self.outs, makes)]

    def run(self):
        kind, detail = self.source
        if kind == "row":
            return [lax.index_in_dim(self.args[0], detail, 0, keepdims=False)]
        if kind == "stack":
            return [jnp.stack(self.args)]
        self.eqn, self.given = kind, detail
        made = getattr(self, self.eqn.primitive.name.replace("-", "_"), self.same)()
        return list(made) if self.eqn.primitive.multiple_results else [made]

    def operands(self):
        """Blocks and numbers written into the program, in the order of the equation."""
        blocks = iter(self.args)
        return [jnp.asarray(value.value, atom.aval.dtype) if isinstance(value, Fixed) else next(blocks)
                for value, atom in zip(self.given, self.eqn.invars)]

    def bind(self, operands, **changed):
        return self.eqn.primitive.bind(*operands, **{**self.eqn.params, **changed})

    def same(self):
        """What has no size and no place in its parameters."""
        return self.bind(self.operands())

    def broadcast_in_dim(self):
        return self.bind(self.operands(), shape=self.shapes[0])

    def reshape(self):
        return self.bind(self.operands(), new_sizes=self.shapes[0])

    def iota(self):
        dim = self.eqn.params["dimension"]
        made = lax.broadcasted_iota(self.eqn.params["dtype"], self.shapes[0], dim)
        return made + self.offset(self.outs[0], self.makes[0], dim, self.shapes[0]).astype(made.dtype)

    def rng_uniform(self):
        if self.shapes[0] != tuple(self.eqn.outvars[0].aval.shape):
            raise DeviceError("random numbers would be the same in each block")
        return self.same()

    def offset(self, value, along, dim, shape):
        """The place at which this device's block of a value begins."""
        axes = self.device.axes(along, dim)
        here = self.device.index(axes) if axes else jnp.int32(0)
        if self.device.cut.dims[value] == dim:
            here = here + self.device.turn * (self.device.count(axes) if axes else 1)
        return here * shape[dim]

    def slice(self):
        (operand,) = self.operands()
        params, whole = self.eqn.params, self.eqn.invars[0].aval.shape
        cut = [here != size for here, size in zip(operand.shape, whole)]
        pick = lambda values, otherwise: tuple(b if is_cut else a for a, b, is_cut in zip(values, otherwise, cut))
        return self.bind([operand], start_indices=params["start_indices"],
                         limit_indices=pick(params["limit_indices"], operand.shape))

    def dynamic_slice(self):
        return self.bind(self.operands(), slice_sizes=self.shapes[0])

    def gather(self):
        operand, indices = self.operands()
        numbers, sizes = self.eqn.params["dimension_numbers"], list(self.eqn.params["slice_sizes"])
        whole = self.eqn.invars[0].aval.shape
        for dim, size in enumerate(operand.shape):
            if sizes[dim] == whole[dim]:
                sizes[dim] = size
        looked = numbers.start_index_map[0] if len(numbers.start_index_map) == 1 else None
        if looked is None or operand.shape[looked] == whole[looked]:
            return self.bind([operand, indices], slice_sizes=tuple(sizes))
        # Rows that another device has are zero here.
        here = self.here(indices, whole[looked], operand.shape, self.operand(0), self.along(0), looked)
        has = jnp.logical_and(here >= 0, here < operand.shape[looked])[..., 0]
        rows = self.bind([operand, jnp.clip(here, 0, operand.shape[looked] - 1)], slice_sizes=tuple(sizes))
        places = [dim for dim in range(rows.ndim) if dim not in numbers.offset_dims]
        at = lambda flags: lax.broadcast_in_dim(flags, rows.shape, places)
        rows = jnp.where(at(has), rows, jnp.zeros_like(rows))
        if self.eqn.params["mode"] != lax.GatherScatterMode.FILL_OR_DROP:
            return rows
        # Of what is no row one device says what is in its place.
        nowhere = jnp.logical_or(indices < 0, indices >= whole[looked])[..., 0]
        first = self.offset(self.operand(0), self.along(0), looked, operand.shape) == 0
        filling = jnp.full_like(rows, self.eqn.params["fill_value"])
        return jnp.where(jnp.logical_and(at(nowhere), first), filling, rows)

    def scatter_add(self):
        operand, indices, updates = self.operands()
        numbers, whole = self.eqn.params["dimension_numbers"], self.eqn.outvars[0].aval.shape
        looked = numbers.scatter_dims_to_operand_dims
        if isinstance(self.given[0], Fixed) or operand.shape != self.shapes[0]:
            operand = jnp.broadcast_to(operand, self.shapes[0])
        if len(looked) != 1 or operand.shape[looked[0]] == whole[looked[0]]:
            return self.bind([operand, indices, updates])
        here = self.here(indices, whole[looked[0]], operand.shape, self.outs[0], self.makes[0], looked[0])
        return self.bind([operand, here, updates], mode=lax.GatherScatterMode.FILL_OR_DROP)

    def here(self, indices, rows, shape, value, along, dim):
        """Numbers of rows of a whole as numbers of rows of this device's block; what is none of them is no row here."""
        if indices.dtype.itemsize < 4:
            # Where a block begins can be more than such a number holds.
            indices = indices.astype(jnp.int32)
        if self.eqn.params["mode"] == lax.GatherScatterMode.CLIP:
            indices = jnp.clip(indices, 0, rows - 1)
        return indices - self.offset(value, along, dim, shape).astype(indices.dtype)

    def along(self, place):
        """The layout of an operand of the equation."""
        return self.reads[self.place(place)]

    def operand(self, place):
        """The value that it is."""
        return self.ins[self.place(place)]

    def place(self, place):
        values = [number for number, value in enumerate(self.given) if not isinstance(value, Fixed)]
        return values.index(place)


def shard(device, mesh, tree_of_results):
    """The step as a function of leaves over a mesh."""
    inputs = tuple(device.spec(layout) for layout in device.inputs())
    outputs = [device.spec(layout) for layout in device.outputs()]
    run = jax.shard_map(device.run, mesh=mesh, in_specs=inputs, out_specs=outputs, check_vma=False)
    return inputs, lambda *leaves: jax.tree.unflatten(tree_of_results, run(*leaves))
