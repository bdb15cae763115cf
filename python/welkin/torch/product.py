"""Products of arrays that keep their dimensions apart.

ATen makes each product one of two or three dimensions, and joins dimensions for that: examples with words, and examples with the
heads of attention. What is joined cannot be split apart again between devices. So products are an operation of their own while
a module is traced, as general as JAX's: batch dimensions, dimensions that are summed over, and the rest of both sides.
"""

import math

import torch

DOT = "welkin::dot"


def rest(count, *used):
    return [dim for dim in range(count) if not any(dim in dims for dims in used)]


SCHEMA = "(Tensor left, Tensor right, int[] left_sum, int[] right_sum, int[] left_batch, int[] right_batch) -> Tensor"


@torch.library.custom_op(DOT, mutates_args=(), schema=SCHEMA)
def _dot(left, right, left_sum, right_sum, left_batch, right_batch):
    left_free, right_free = rest(left.ndim, left_sum, left_batch), rest(right.ndim, right_sum, right_batch)
    shape = _shape(left, right, left_sum, right_sum, left_batch, right_batch)
    size = lambda array, dims: math.prod(array.shape[dim] for dim in dims)
    a = left.permute(*left_batch, *left_free, *left_sum)
    b = right.permute(*right_batch, *right_sum, *right_free)
    batch, summed = size(left, left_batch), size(left, left_sum)
    a = a.reshape(batch, size(left, left_free), summed)
    b = b.reshape(batch, summed, size(right, right_free))
    made = torch.bmm(a, b) if left_batch else torch.mm(a[0], b[0])
    return made.reshape(shape)


def _shape(left, right, left_sum, right_sum, left_batch, right_batch):
    of = lambda array, dims: [array.shape[dim] for dim in dims]
    return [*of(left, left_batch), *of(left, rest(left.ndim, left_sum, left_batch)),
            *of(right, rest(right.ndim, right_sum, right_batch))]


@_dot.register_fake
def _(left, right, left_sum, right_sum, left_batch, right_batch):
    return left.new_empty(_shape(left, right, left_sum, right_sum, left_batch, right_batch))


def _keep(ctx, inputs, output):
    ctx.save_for_backward(inputs[0], inputs[1])
    ctx.dims = inputs[2:]


def _backward(ctx, gradient):
    left, right = ctx.saved_tensors
    left_sum, right_sum, left_batch, right_batch = ctx.dims
    batch, left_free = len(left_batch), len(rest(left.ndim, left_sum, left_batch))
    heads, of_left = list(range(batch)), list(range(batch, batch + left_free))
    of_right = list(range(batch + left_free, gradient.ndim))
    grads = [None] * 6
    if ctx.needs_input_grad[0]:
        made = dot(gradient, right, of_right, rest(right.ndim, right_sum, right_batch), heads, right_batch)
        grads[0] = _back(made, left.ndim, left_batch, left_sum, right_sum)
    if ctx.needs_input_grad[1]:
        made = dot(gradient, left, of_left, rest(left.ndim, left_sum, left_batch), heads, left_batch)
        grads[1] = _back(made, right.ndim, right_batch, right_sum, left_sum)
    return tuple(grads)


def _back(made, count, batch, summed, other_summed):
    """From batch, rest, and what the other side summed over in its order, to the order of dimensions of this side."""
    free = rest(count, batch, summed)
    at = {dim: place for place, dim in enumerate([*batch, *free])}
    for dim, other in zip(summed, other_summed):
        at[dim] = len(batch) + len(free) + sorted(other_summed).index(other)
    return made.permute([at[dim] for dim in range(count)])


_dot.register_autograd(_backward, setup_context=_keep)


def dot(left, right, left_sum, right_sum, left_batch=(), right_batch=()):
    positive = lambda array, dims: [dim % array.ndim for dim in dims]
    return torch.ops.welkin.dot(left, right, positive(left, left_sum), positive(right, right_sum),
                                positive(left, left_batch), positive(right, right_batch))


def linear(x, weight, bias=None):
    made = dot(x, weight, [-1], [1])
    return made if bias is None else made + bias


def matmul(left, right):
    """Nothing where it is no product of matrices."""
    if left.ndim < 2 or right.ndim < 2:
        return None
    if right.ndim == 2:
        return dot(left, right, [-1], [0])
    shape = torch.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left, right = (array.expand(*shape, *array.shape[-2:]) for array in (left, right))
    batch = list(range(len(shape)))
    return dot(left, right, [-1], [-2], batch, batch)


def einsum(equation, operands):
    """Nothing where it is more than one product."""
    sides = equation.replace(" ", "").split("->")
    if len(sides) != 2 or len(operands) != 2 or "." in equation:
        return None
    (left, right), out = sides[0].split(","), sides[1]
    if any(len(set(word)) != len(word) for word in (left, right, out)) or not set(out) <= {*left, *right}:
        return None
    a, b = operands
    a, left = _summed(a, left, {*right, *out})
    b, right = _summed(b, right, {*left, *out})
    if any(a.shape[left.index(c)] != b.shape[right.index(c)] for c in left if c in right):
        return None
    batch = [c for c in left if c in right and c in out]
    inner = [c for c in left if c in right and c not in out]
    at = lambda word, letters: [word.index(c) for c in letters]
    made = dot(a, b, at(left, inner), at(right, inner), at(left, batch), at(right, batch))
    order = batch + [c for c in left if c not in right] + [c for c in right if c not in left]
    return made.permute([order.index(c) for c in out])


def _summed(array, word, wanted):
    alone = [place for place, c in enumerate(word) if c not in wanted]
    return (array.sum(alone) if alone else array), "".join(c for c in word if c in wanted)


def attention(query, key, value, mask=None, dropout=0.0, causal=False, scale=None, grouped=False):
    """Attention as products and what is between them; nothing where heads are not those of keys one to one."""
    if grouped and query.shape[-3] != key.shape[-3]:
        times = query.shape[-3] // key.shape[-3]
        key, value = (array.repeat_interleave(times, -3) for array in (key, value))
    if query.shape[:-2] != key.shape[:-2] or query.shape[:-2] != value.shape[:-2] or dropout:
        return None
    batch = list(range(query.ndim - 2))
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = dot(query, key, [-1], [-1], batch, batch) * scale
    if causal:
        rows, columns = (torch.arange(size, device=query.device) for size in scores.shape[-2:])
        scores = torch.where(rows[:, None] >= columns[None, :], scores, -math.inf)
    if mask is not None:
        scores = torch.where(mask, scores, -math.inf) if mask.dtype == torch.bool else scores + mask
    return dot(torch.softmax(scores, -1), value, [-1], [-2], batch, batch)
