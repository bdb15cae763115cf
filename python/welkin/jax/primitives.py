"""One entry for each primitive of JAX: the loops it runs, what it adds up over, and in what it is linear.

An entry takes `(graph, eqn, ins, outs, at)`, where `ins` has a value's number or None for a number written into the program.
What has no entry becomes an operation that is not known: it is planned as replicated, and named in the report.
"""

import math

from ..parallel.graph import Loops, entries, same_order

TABLE, entry = entries()


def shape_of(atom):
    return tuple(atom.aval.shape)


# What is linear in all operands together, and what in each of them alone.
TOGETHER = {"add", "sub", "add_any"}
SINGLE = {"neg", "copy", "real", "imag", "conj", "copy_p", "reduce_precision", "convert_element_type"}
POINTWISE = """
    abs acos acosh add add_any and asin asinh atan atan2 atanh cbrt ceil clamp conj convert_element_type copy copy_p cos cosh
    digamma div eq erf erf_inv erfc exp exp2 expm1 floor ge gt igamma igammac imag integer_pow is_finite le lgamma log log1p
    logistic lt max min mul ne neg nextafter not or population_count pow real reduce_precision rem round rsqrt select_n
    shift_left shift_right_arithmetic shift_right_logical sign sin sinh sqrt square stop_gradient sub tan tanh threefry2x32 xor
    le_to lt_to
""".split()

# What XLA does again where it is read (its `InstructionFusion::IsExpensive`, but division), and what is written as such.
AGAIN = set("""
    abs add add_any and ceil clamp conj convert_element_type copy copy_p eq floor ge gt imag integer_pow is_finite le le_to lt lt_to max
    min mul ne neg not or real reduce_precision select_n sign square stop_gradient sub xor
""".split())


@entry(*POINTWISE)
def pointwise(graph, eqn, ins, outs, at):
    shape = shape_of(eqn.outvars[0])
    loops = Loops()
    dims = [loops.new("d", size) for size in shape]
    used = [(place, value) for place, value in enumerate(ins) if value is not None]
    # An operand is a single number, or as long as the result in each dimension in which it is not repeated.
    loops_of = lambda sizes: [dims[place] if size == shape[place] else None for place, size in enumerate(sizes)]
    pairs = [(value, loops_of(shape_of(eqn.invars[place]))) for place, value in used]
    at_of = {place: index for index, (place, _) in enumerate(used)}
    graph.op(eqn.primitive.name, pairs, [(out, dims) for out in outs], loops, linear=linearity(eqn, at_of), at=at,
             again=eqn.primitive.name in AGAIN)


def linearity(eqn, at_of):
    """Groups of operands that may be partial sums together."""
    name = eqn.primitive.name
    if name == "convert_element_type" and not all(kind_of(atom) == "f" for atom in (eqn.invars[0], eqn.outvars[0])):
        return []
    if name in TOGETHER:
        return [[0, 1]] if len(at_of) == 2 else []
    if name in SINGLE:
        return [[0]] if at_of else []
    if name == "mul":
        return [[index] for index in at_of.values()]
    if name == "div":
        return [[at_of[0]]] if 0 in at_of else []
    if name == "select_n" and all(place in at_of for place in (1, 2)) and len(eqn.invars) == 3:
        return [[at_of[1], at_of[2]]]
    return []


def kind_of(atom):
    return "f" if "float" in str(atom.aval.dtype) else "i"


@entry("reduce_sum", "reduce_max", "reduce_min", "reduce_and", "reduce_or", "reduce_prod", "argmax", "argmin")
def reduction(graph, eqn, ins, outs, at):
    name = eqn.primitive.name
    loops = Loops()
    axes = set(eqn.params["axes"])
    dims = [None if name.startswith("arg") and place in axes else loops.new("r" if place in axes else "d", size)
            for place, size in enumerate(shape_of(eqn.invars[0]))]
    kept = [loop for place, loop in enumerate(dims) if place not in axes]
    reduce = {"reduce_sum": "sum", "argmax": None, "argmin": None}.get(name, "other")
    graph.op(name, [(ins[0], dims)], [(out, kept) for out in outs], loops, reduce=reduce,
             linear=[[0]] if name == "reduce_sum" else [], at=at)


@entry("dot_general")
def dot(graph, eqn, ins, outs, at):
    (left_sum, right_sum), (left_batch, right_batch) = eqn.params["dimension_numbers"]
    left, right = shape_of(eqn.invars[0]), shape_of(eqn.invars[1])
    loops = Loops()
    left_dims, right_dims, out_dims = [None] * len(left), [None] * len(right), []
    for a, b in zip(left_batch, right_batch):
        left_dims[a] = right_dims[b] = loops.new("b", left[a])
        out_dims.append(left_dims[a])
    for a, b in zip(left_sum, right_sum):
        left_dims[a] = right_dims[b] = loops.new("k", left[a])
    for place, size in enumerate(left):
        if place not in left_batch and place not in left_sum:
            left_dims[place] = loops.new("m", size)
            out_dims.append(left_dims[place])
    for place, size in enumerate(right):
        if place not in right_batch and place not in right_sum:
            right_dims[place] = loops.new("n", size)
            out_dims.append(right_dims[place])
    work = 2 * math.prod(shape_of(eqn.outvars[0])) * math.prod(left[a] for a in left_sum)
    graph.op("dot_general", [(ins[0], left_dims), (ins[1], right_dims)], [(outs[0], out_dims)], loops, reduce="sum",
             linear=[[0], [1]], flops=work, at=at)


@entry("conv_general_dilated")
def convolution(graph, eqn, ins, outs, at):
    numbers = eqn.params["dimension_numbers"]
    groups, batches = eqn.params["feature_group_count"], eqn.params["batch_group_count"]
    left, right, out = shape_of(eqn.invars[0]), shape_of(eqn.invars[1]), shape_of(eqn.outvars[0])
    loops = Loops()
    left_dims, right_dims, out_dims = [None] * len(left), [None] * len(right), [None] * len(out)
    # Windows reach over the borders of a block, so places in a picture stay whole.
    if batches == 1:
        left_dims[numbers.lhs_spec[0]] = out_dims[numbers.out_spec[0]] = loops.new("b", left[numbers.lhs_spec[0]])
    if groups == 1 and batches == 1:
        right_dims[numbers.rhs_spec[0]] = out_dims[numbers.out_spec[1]] = loops.new("n", right[numbers.rhs_spec[0]])
        left_dims[numbers.lhs_spec[1]] = right_dims[numbers.rhs_spec[1]] = loops.new("k", left[numbers.lhs_spec[1]])
    taps = math.prod(right[place] for place in numbers.rhs_spec[2:]) * right[numbers.rhs_spec[1]]
    graph.op("conv_general_dilated", [(ins[0], left_dims), (ins[1], right_dims)], [(outs[0], out_dims)], loops,
             reduce="sum", linear=[[0], [1]], flops=2 * math.prod(out) * taps / batches, at=at)


@entry("transpose")
def transpose(graph, eqn, ins, outs, at):
    loops = Loops()
    dims = [loops.new("d", size) for size in shape_of(eqn.invars[0])]
    graph.op("transpose", [(ins[0], dims)], [(outs[0], [dims[place] for place in eqn.params["permutation"]])], loops,
             linear=[[0]], at=at, again=True)


@entry("reshape", "squeeze", "expand_dims")
def reshape(graph, eqn, ins, outs, at):
    loops = Loops()
    shape = shape_of(eqn.invars[0])
    # A reshape can go through the dimensions in another order than theirs.
    order = eqn.params["dimensions"] if eqn.primitive.name == "reshape" else None
    order = range(len(shape)) if order is None else order
    ordered, after = same_order([shape[place] for place in order], shape_of(eqn.outvars[0]), loops)
    before = [None] * len(shape)
    for place, loop in zip(order, ordered):
        before[place] = loop
    graph.op("reshape", [(ins[0], before)], [(outs[0], after)], loops, linear=[[0]], at=at, again=True)


@entry("broadcast_in_dim")
def broadcast(graph, eqn, ins, outs, at):
    loops = Loops()
    shape = shape_of(eqn.outvars[0])
    dims = [loops.new("d", size) for size in shape]
    if ins[0] is None:
        return graph.op("broadcast_in_dim", [], [(outs[0], dims)], loops, at=at, again=True)
    before = shape_of(eqn.invars[0])
    places = eqn.params["broadcast_dimensions"]
    operand = [dims[place] if before[at_] == shape[place] else None for at_, place in enumerate(places)]
    graph.op("broadcast_in_dim", [(ins[0], operand)], [(outs[0], dims)], loops, linear=[[0]], at=at, again=True)


@entry("iota", "rng_uniform", "empty", "full")
def made(graph, eqn, ins, outs, at):
    loops = Loops()
    dims = [loops.new("d", size) for size in shape_of(eqn.outvars[0])]
    again = eqn.primitive.name != "rng_uniform"
    graph.op(eqn.primitive.name, [], [(outs[0], dims)], loops, at=at, again=again)


@entry("slice", "dynamic_slice", "pad", "rev", "dynamic_update_slice", "split", "concatenate")
def blocks(graph, eqn, ins, outs, at):
    """What moves along some dimensions, which are then whole, and leaves the others alone."""
    arrays = [place for place, atom in enumerate(eqn.invars) if len(shape_of(atom)) == len(shape_of(eqn.outvars[0])) > 0]
    arrays = [place for place in arrays if ins[place] is not None]
    shapes = [shape_of(eqn.invars[place]) for place in arrays] + [shape_of(atom) for atom in eqn.outvars]
    turned = set(eqn.params.get("dimensions", ())) if eqn.primitive.name == "rev" else set()
    if eqn.primitive.name == "concatenate":
        turned = {eqn.params["dimension"]}
    if eqn.primitive.name == "pad":
        # As much can be cut off at one end as is added at the other.
        turned = {place for place, config in enumerate(eqn.params["padding_config"]) if tuple(config) != (0, 0, 0)}
    loops = Loops()
    dims = [loops.new("d", sizes[0]) if len(set(sizes)) == 1 and place not in turned else None
            for place, sizes in enumerate(zip(*shapes))]
    pairs = [(value, dims if place in arrays else [None] * len(shape_of(eqn.invars[place])))
             for place, value in enumerate(ins) if value is not None]
    together = [index for index, place in enumerate(p for p, v in enumerate(ins) if v is not None) if place in arrays]
    if eqn.primitive.name == "pad" and not (ins[1] is None and getattr(eqn.invars[1], "val", None) == 0):
        # What is added would be added by each device.
        together = []
    graph.op(eqn.primitive.name, pairs, [(out, dims) for out in outs], loops, linear=[together] if together else [], at=at)


@entry("cumsum", "cumlogsumexp", "cummax", "cummin", "cumprod", "sort", "top_k")
def along(graph, eqn, ins, outs, at):
    """What needs one dimension whole and works on each of the others alone."""
    axis = eqn.params.get("axis", eqn.params.get("dimension", -1))
    loops = Loops()
    shape = shape_of(eqn.invars[0])
    dims = [None if place == axis % len(shape) else loops.new("d", size) for place, size in enumerate(shape)]
    graph.op(eqn.primitive.name, [(value, dims) for value in ins if value is not None], [(out, dims) for out in outs],
             loops, linear=[[0]] if eqn.primitive.name == "cumsum" else [], at=at)


def looked_up(operand, indices, numbers, offset_dims, collapsed, operand_batch, index_batch, slices, updates):
    """The loops that `gather` and `scatter` share: those of slices, of the places looked up, and of rows chosen by index."""
    loops = Loops()
    operand_dims, index_dims, update_dims = [None] * len(operand), [None] * len(indices), [None] * len(updates)
    whole = [place for place in range(len(operand)) if place not in collapsed and place not in operand_batch]
    for place, offset in zip(whole, offset_dims):
        if slices[place] == operand[place]:
            operand_dims[place] = update_dims[offset] = loops.new("d", operand[place])
    others = [place for place in range(len(updates)) if place not in offset_dims]
    for place, index in zip(others, range(len(indices) - 1)):
        index_dims[index] = update_dims[place] = loops.new("b", indices[index])
    for place, index in zip(operand_batch, index_batch):
        operand_dims[place] = index_dims[index]
    if len(numbers) == 1 and numbers[0] in collapsed:
        operand_dims[numbers[0]] = loops.new("v", operand[numbers[0]])
    return loops, operand_dims, index_dims, update_dims


@entry("gather")
def gather(graph, eqn, ins, outs, at):
    numbers = eqn.params["dimension_numbers"]
    loops, operand, index, out = looked_up(
        shape_of(eqn.invars[0]), shape_of(eqn.invars[1]), numbers.start_index_map, numbers.offset_dims,
        numbers.collapsed_slice_dims, numbers.operand_batching_dims, numbers.start_indices_batching_dims,
        eqn.params["slice_sizes"], shape_of(eqn.outvars[0]))
    # Rows that lie elsewhere are read as zero, and added up. A number in the place of what is no row would be, too.
    pairs = [pair for pair in ((ins[0], operand), (ins[1], index)) if pair[0] is not None]
    filling = eqn.params["fill_value"]
    adds_up = filling is None or filling == 0 or filling != filling
    graph.op("gather", pairs, [(outs[0], out)], loops, reduce="sum", linear=[[0]] if adds_up else [], at=at)


@entry("scatter-add", "scatter_add")
def scatter(graph, eqn, ins, outs, at):
    numbers = eqn.params["dimension_numbers"]
    shape = shape_of(eqn.invars[0])
    slices = list(shape)
    for place in (*numbers.inserted_window_dims, *numbers.operand_batching_dims):
        slices[place] = 1
    updates = shape_of(eqn.invars[2])
    windows = [place for place in range(len(shape))
               if place not in numbers.inserted_window_dims and place not in numbers.operand_batching_dims]
    for place, window in zip(windows, numbers.update_window_dims):
        slices[place] = updates[window]
    loops, operand, index, update = looked_up(
        shape, shape_of(eqn.invars[1]), numbers.scatter_dims_to_operand_dims, numbers.update_window_dims,
        numbers.inserted_window_dims, numbers.operand_batching_dims, numbers.scatter_indices_batching_dims, slices, updates)
    if any(value is None for value in ins[1:]):
        return unknown(graph, eqn, ins, outs, at)
    pairs = ([] if ins[0] is None else [(ins[0], operand)]) + [(ins[1], index), (ins[2], update)]
    together = [0, 2] if ins[0] is not None else [1]
    graph.op("scatter-add", pairs, [(outs[0], operand)], loops, reduce="sum", linear=[together],
             accumulates=[0] if ins[0] is not None else [], at=at)


def unknown(graph, eqn, ins, outs, at):
    pairs = [(value, [None] * len(shape_of(eqn.invars[place]))) for place, value in enumerate(ins) if value is not None]
    graph.op(eqn.primitive.name, pairs, [(out, [None] * len(shape_of(eqn.outvars[place]))) for place, out in enumerate(outs)],
             Loops(), at=at, known=False)
