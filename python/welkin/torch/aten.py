"""One entry for each operation of ATen that a traced module is made of: the loops it runs, what it adds up, in what it is linear.

An entry takes an `Operation` and returns a `Row`. What has no entry becomes an operation that is not known: it is planned as
replicated, and named in the report.
"""

import math
import operator

import torch
from torch.fx.node import map_arg

from ..parallel.graph import Loops, entries, same_order
from .product import rest

TABLE, entry = entries()


class Operation:
    """A node of a graph: its arguments by name, and its operands in the order in which they are given."""

    def __init__(self, node):
        self.node, self.name = node, node.target._schema.name.split("::")[-1]
        self.schema = node.target._schema
        self.args = {argument.name: argument.default_value for argument in self.schema.arguments if argument.has_default_value()}
        self.args.update(zip((argument.name for argument in self.schema.arguments), node.args))
        self.args.update(node.kwargs)
        self.operands = []
        map_arg((node.args, node.kwargs), self.operands.append)
        made = node.meta["val"]
        self.made = [each for each in (made if isinstance(made, (tuple, list)) else [made]) if isinstance(each, torch.Tensor)]

    def place(self, name):
        """Which operand an argument is; nothing where it is a number."""
        argument = self.args.get(name)
        return next((place for place, node in enumerate(self.operands) if node is argument), None)

    def shape(self, place=0):
        return tuple(self.operands[place].meta["val"].shape)

    def shapes(self):
        return [self.shape(place) for place in range(len(self.operands))]

    def out(self, place=0):
        return tuple(self.made[place].shape)

    def dim(self, count, name="dim", otherwise=0):
        return (self.args.get(name, otherwise) or 0) % max(1, count)

    def dims(self, count, name="dim"):
        given = self.args.get(name)
        given = [given] if isinstance(given, int) else given
        return list(range(count)) if not given else [dim % max(1, count) for dim in given]

    def is_random(self):
        return torch.Tag.nondeterministic_seeded in self.node.target.tags


class Row:
    """Loops, and which of them run over the dimensions of operands and results."""

    def __init__(self, loops, ins, outs, **more):
        self.loops, self.ins, self.outs, self.more = loops, ins, outs, more


def row_of(operation):
    rule = None if operation.is_random() else TABLE.get(operation.name)
    row = None if rule is None else rule(operation)
    return unknown(operation) if row is None else row


def unknown(operation):
    ins = [[None] * len(shape) for shape in operation.shapes()]
    return Row(Loops(), ins, [[None] * made.ndim for made in operation.made], known=False)


def over(loops, shape, name="d"):
    return [loops.new(name, size) for size in shape]


def aligned(dims, shape, sizes):
    """The loops of an operand that is repeated to fit a result."""
    ahead = len(shape) - len(sizes)
    return [dims[ahead + place] if size == shape[ahead + place] else None for place, size in enumerate(sizes)]


TOGETHER = {"add", "sub"}
SINGLE = {"neg", "clone", "alias", "detach", "real", "imag", "conj_physical"}
POINTWISE = """
    abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
    bitwise_xor ceil clamp clamp_max clamp_min clone conj_physical cos cosh copysign detach digamma div elu eq erf erfc erfinv exp
    exp2 expm1 floor fmax fmin fmod ge gelu gt hardtanh hypot isfinite isinf isnan le leaky_relu lgamma log log10 log1p log2
    logical_and logical_not logical_or logical_xor logit lt maximum minimum mul nan_to_num ne neg nextafter pow real imag reciprocal relu
    remainder round rsqrt sgn sigmoid sign signbit silu sin sinh softplus sqrt square sub tan tanh trunc where _to_copy
    threshold_backward gelu_backward alias addcmul addcdiv xlogy floor_divide special_entr mish hardswish hardsigmoid
""".split()


@entry(*POINTWISE)
def pointwise(operation):
    loops, shape = Loops(), operation.out()
    dims = over(loops, shape)
    ins = [aligned(dims, shape, sizes) for sizes in operation.shapes()]
    return Row(loops, ins, [dims for _ in operation.made], linear=linearity(operation))


def linearity(operation):
    """Groups of operands that may be partial sums together."""
    name, count = operation.name, len(operation.operands)
    floats = all(node.meta["val"].is_floating_point() for node in operation.operands[-1:]) and operation.made[0].is_floating_point()
    if not floats:
        return []
    if name in TOGETHER:
        return [[0, 1]] if count == 2 else []
    if name in SINGLE or name == "_to_copy":
        return [[0]]
    if name == "mul":
        return [[place] for place in range(count)]
    if name == "div":
        return [[0]] if operation.place("self") == 0 and operation.args.get("rounding_mode") is None else []
    if name == "where":
        return [[1, 2]] if count == 3 else []
    return []


@entry("sum", "amax", "amin", "prod", "any", "all", "argmax", "argmin", "max", "min")
def reduction(operation):
    name, sizes = operation.name, operation.shape()
    if name in ("max", "min") and len(operation.operands) > 1:
        return pointwise(operation)
    loops, axes = Loops(), set(operation.dims(len(sizes)))
    places = name.startswith("arg") or len(operation.made) > 1
    dims = [None if places and dim in axes else loops.new("r" if dim in axes else "d", size) for dim, size in enumerate(sizes)]
    if operation.args.get("keepdim"):
        kept = [None if dim in axes else loop for dim, loop in enumerate(dims)]
    else:
        kept = [loop for dim, loop in enumerate(dims) if dim not in axes]
    reduce = "sum" if name == "sum" else None if places else "other"
    return Row(loops, [dims], [kept for _ in operation.made], reduce=reduce, linear=[[0]] if name == "sum" else [])


@entry("dot")
def dot(operation):
    if "left_sum" not in operation.args:
        return None
    left_sum, right_sum, left_batch, right_batch = (
        list(operation.args[name]) for name in ("left_sum", "right_sum", "left_batch", "right_batch"))
    left, right = operation.shape(0), operation.shape(1)
    loops = Loops()
    a, b, out = [None] * len(left), [None] * len(right), []
    for i, j in zip(left_batch, right_batch):
        a[i] = b[j] = loops.new("b", left[i])
        out.append(a[i])
    for i, j in zip(left_sum, right_sum):
        a[i] = b[j] = loops.new("k", left[i])
    for dims, sizes, name, used in ((a, left, "m", (left_sum, left_batch)), (b, right, "n", (right_sum, right_batch))):
        for dim in rest(len(sizes), *used):
            dims[dim] = loops.new(name, sizes[dim])
            out.append(dims[dim])
    work = 2 * math.prod(operation.out()) * math.prod(left[dim] for dim in left_sum)
    return Row(loops, [a, b], [out], reduce="sum", linear=[[0], [1]], flops=work)


@entry("mm", "bmm")
def matrices(operation):
    loops, left, right = Loops(), operation.shape(0), operation.shape(1)
    batch = over(loops, left[:-2], "b")
    m, k, n = loops.new("m", left[-2]), loops.new("k", left[-1]), loops.new("n", right[-1])
    work = 2 * math.prod(operation.out()) * left[-1]
    return Row(loops, [[*batch, m, k], [*batch, k, n]], [[*batch, m, n]], reduce="sum", linear=[[0], [1]], flops=work)


def windows(operation):
    """The loops of a convolution; windows reach over the borders of a block, so places in a picture stay whole."""
    args = operation.args
    if args["groups"] != 1 or args["transposed"] or (args.get("bias") is not None):
        return None
    x, weight = args["input"].meta["val"].shape, args["weight"].meta["val"].shape
    loops = Loops()
    b, n, k = loops.new("b", x[0]), loops.new("n", weight[0]), loops.new("k", x[1])
    around = [None] * (len(x) - 2)
    return loops, [b, k, *around], [n, k, *around], [b, n, *around], 2 * math.prod(weight[1:])


@entry("convolution")
def convolution(operation):
    found = windows(operation)
    if found is None:
        return None
    loops, x, weight, out, taps = found
    return Row(loops, [x, weight], [out], reduce="sum", linear=[[0], [1]], flops=taps * math.prod(operation.out()))


@entry("convolution_backward")
def convolution_backward(operation):
    found = windows(operation)
    wanted = list(operation.args["output_mask"])
    if found is None or wanted[2]:
        return None
    loops, x, weight, out, taps = found
    outs = [dims for dims, is_wanted in zip((x, weight), wanted) if is_wanted]
    work = taps * math.prod(operation.shape(0)) * len(outs)
    return Row(loops, [out, x, weight], outs, reduce="sum", linear=[[0]], flops=work)


@entry("max_pool2d_with_indices", "max_pool2d_with_indices_backward", "avg_pool2d", "avg_pool2d_backward", "_adaptive_avg_pool2d",
       "_adaptive_avg_pool2d_backward", "upsample_nearest2d", "upsample_bilinear2d", "reflection_pad2d")
def pictures(operation):
    """What leaves examples and channels alone."""
    shapes = [*operation.shapes(), *(made.shape for made in operation.made)]
    if any(len(shape) != 4 or shape[:2] != shapes[0][:2] for shape in shapes):
        return None
    loops = Loops()
    dims = [*over(loops, shapes[0][:2]), None, None]
    return Row(loops, [dims for _ in operation.operands], [dims for _ in operation.made])


@entry("permute")
def permute(operation):
    loops, sizes = Loops(), operation.shape()
    dims = over(loops, sizes)
    return Row(loops, [dims], [[dims[dim] for dim in operation.dims(len(sizes), "dims")]], linear=[[0]])


@entry("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze")
def reshape(operation):
    loops = Loops()
    before, after = same_order(operation.shape(), operation.out(), loops)
    return Row(loops, [before], [after], linear=[[0]])


@entry("expand")
def expand(operation):
    loops, shape = Loops(), operation.out()
    dims = over(loops, shape)
    return Row(loops, [aligned(dims, shape, operation.shape())], [dims], linear=[[0]])


MADE = """
    arange empty empty_like empty_permuted empty_strided eye full full_like linspace new_empty new_full new_ones new_zeros ones ones_like
    scalar_tensor zeros zeros_like
""".split()


@entry(*MADE)
def made(operation):
    """What no operand says more of than its shape."""
    loops = Loops()
    operation.operands = []
    return Row(loops, [], [over(loops, operation.out())])


@entry("slice", "cat", "flip", "split_with_sizes", "split", "constant_pad_nd", "slice_scatter", "roll", "repeat")
def blocks(operation):
    """What moves along some dimensions, which are then whole, and leaves the others alone."""
    shapes = [*operation.shapes(), *(made.shape for made in operation.made)]
    count = len(shapes[0])
    if any(len(shape) != count for shape in shapes):
        return None
    turned, together = set(), True
    if operation.name in ("flip", "roll"):
        turned = set(operation.dims(count, "dims"))
    elif operation.name == "constant_pad_nd":
        pad = operation.args["pad"]
        turned = {count - 1 - place // 2 for place, width in enumerate(pad) if width}
        together = not operation.args.get("value")
    elif operation.name != "repeat":
        turned = {operation.dim(count)}
    loops = Loops()
    dims = [loops.new("d", sizes[0]) if len(set(sizes)) == 1 and place not in turned else None
            for place, sizes in enumerate(zip(*shapes))]
    ins = [dims for _ in operation.operands]
    return Row(loops, ins, [dims for _ in operation.made], linear=[list(range(len(ins)))] if together else [])


@entry("select", "unbind")
def select(operation):
    loops, sizes = Loops(), operation.shape()
    at = operation.dim(len(sizes))
    dims = [None if dim == at else loops.new("d", size) for dim, size in enumerate(sizes)]
    out = [*dims[:at], *dims[at + 1:]]
    return Row(loops, [dims], [out for _ in operation.made], linear=[[0]])


@entry("select_scatter")
def select_scatter(operation):
    loops, sizes = Loops(), operation.shape()
    at = operation.dim(len(sizes))
    dims = [None if dim == at else loops.new("d", size) for dim, size in enumerate(sizes)]
    return Row(loops, [dims, [*dims[:at], *dims[at + 1:]]], [dims], linear=[[0, 1]])


@entry("cumsum", "cumprod", "logcumsumexp", "cummax", "cummin", "sort", "topk", "_softmax", "_log_softmax")
def along(operation):
    """What needs one dimension whole and works on each of the others alone."""
    loops, sizes = Loops(), operation.shape()
    axis = operation.dim(len(sizes), otherwise=-1)
    dims = [None if dim == axis else loops.new("d", size) for dim, size in enumerate(sizes)]
    return Row(loops, [dims], [dims for _ in operation.made], linear=[[0]] if operation.name == "cumsum" else [])


@entry("embedding")
def embedding(operation):
    """Rows that lie elsewhere are read as zero, and added up."""
    loops, (rows, width), indices = Loops(), operation.shape(0), operation.shape(1)
    places = over(loops, indices, "b")
    row, dim = loops.new("v", rows), loops.new("d", width)
    return Row(loops, [[row, dim], places], [[*places, dim]], reduce="sum", linear=[[0]])


@entry("embedding_dense_backward")
def embedding_backward(operation):
    if operation.args["scale_grad_by_freq"]:
        return None
    loops, indices, (rows, width) = Loops(), operation.shape(1), operation.out()
    places = over(loops, indices, "b")
    row, dim = loops.new("v", rows), loops.new("d", width)
    return Row(loops, [[*places, dim], places], [[row, dim]], reduce="sum", linear=[[0]])


def picked(operation):
    """Where one dimension is looked up by one array: that dimension, and the place of the array among operands."""
    if operation.name == "index_select":
        return operation.dim(len(operation.shape())), operation.place("index")
    found = [(dim, index) for dim, index in enumerate(operation.args["indices"]) if index is not None]
    if len(found) != 1 or found[0][1].meta["val"].dtype == torch.bool:
        return None
    return found[0][0], 1


@entry("index", "_unsafe_index", "index_select")
def index(operation):
    found = picked(operation)
    if found is None:
        return None
    (at, place), loops, sizes = found, Loops(), operation.shape(0)
    dims = [loops.new("v" if dim == at else "d", size) for dim, size in enumerate(sizes)]
    places = over(loops, operation.shape(place), "b")
    # Of `index_select` a single number is a row.
    shown = places if len(places) or operation.name != "index_select" else [None]
    return Row(loops, [dims, places], [[*dims[:at], *shown, *dims[at + 1:]]], reduce="sum", linear=[[0]])


@entry("index_put", "_unsafe_index_put")
def index_put(operation):
    found = picked(operation)
    if found is None or not operation.args.get("accumulate") or len(operation.operands) != 3:
        return None
    (at, _), loops, sizes, where = found, Loops(), operation.shape(0), operation.shape(1)
    if operation.shape(2) != (*sizes[:at], *where, *sizes[at + 1:]):
        return None
    dims = [loops.new("v" if dim == at else "d", size) for dim, size in enumerate(sizes)]
    places = over(loops, where, "b")
    return Row(loops, [dims, places, [*dims[:at], *places, *dims[at + 1:]]], [dims], reduce="sum", linear=[[0, 2]], accumulates=[0])


@entry("gather")
def gather(operation):
    loops, sizes, chosen = Loops(), operation.shape(0), operation.shape(1)
    at = operation.dim(len(sizes))
    dims = [loops.new("v" if dim == at else "d", size) if dim == at or size == chosen[dim] else None
            for dim, size in enumerate(sizes)]
    out = [loops.new("b", chosen[dim]) if dim == at else loop for dim, loop in enumerate(dims)]
    return Row(loops, [dims, out], [out], reduce="sum", linear=[[0]])


@entry("scatter")
def scatter(operation):
    """What is written over what was there, by whoever has the place."""
    loops, sizes, chosen = Loops(), operation.shape(0), operation.shape(1)
    if len(operation.operands) != 2 or operation.args.get("reduce") is not None:
        return None
    at = operation.dim(len(sizes))
    dims = [loops.new("v" if dim == at else "d", size) if dim == at or size == chosen[dim] else None
            for dim, size in enumerate(sizes)]
    return Row(loops, [dims, [None if dim == at else loop for dim, loop in enumerate(dims)]], [dims])


@entry("scatter_add")
def scatter_add(operation):
    loops, sizes, chosen = Loops(), operation.shape(0), operation.shape(1)
    if operation.shape(2) != chosen:
        return None
    at = operation.dim(len(sizes))
    dims = [loops.new("v" if dim == at else "d", size) if dim == at or size == chosen[dim] else None
            for dim, size in enumerate(sizes)]
    more = [loops.new("b", chosen[dim]) if dim == at else loop for dim, loop in enumerate(dims)]
    return Row(loops, [dims, more, more], [dims], reduce="sum", linear=[[0, 2]], accumulates=[0])


def same(node):
    """The node whose value this one has, where it changes nothing that a plan is made of."""
    if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
        return None
    name = node.target._schema.name.split("::")[-1]
    if name in ("alias", "detach", "clone", "lift_fresh", "lift_fresh_copy", "contiguous"):
        return node.args[0]
    if name in ("expand", "view", "_unsafe_view", "reshape", "slice", "_to_copy", "permute"):
        before, after = node.args[0].meta["val"], node.meta["val"]
        moved = name == "permute" and list(node.args[1]) != list(range(before.ndim))
        return node.args[0] if before.shape == after.shape and before.dtype == after.dtype and not moved else None
    return None


def is_part(node):
    """Whether it is one of several results of another node."""
    return node.op == "call_function" and node.target is operator.getitem
