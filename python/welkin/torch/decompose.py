"""What ATen does in one operation, in operations that go over elements, add them up or multiply matrices: these can be split."""

import torch
from torch._decomp import core_aten_decompositions, get_decompositions

from . import product

aten = torch.ops.aten


def table():
    """Decompositions, for tracing below autograd."""
    core = core_aten_decompositions()
    core = dict(core.materialize() if hasattr(core, "materialize") else core)
    # A table of its own says of it which rows are whose.
    for overload in ("default", "out"):
        core.pop(getattr(aten.embedding_dense_backward, overload, None), None)
    more = ["_safe_softmax", "_fused_rms_norm", "_fused_rms_norm_backward"]
    core.update(get_decompositions([getattr(aten, name) for name in more if hasattr(aten, name)]))
    core.update({
        aten._softmax.default: softmax, aten._log_softmax.default: log_softmax, aten.mean.default: mean, aten.mean.dim: mean,
        aten.var.correction: lambda *args, **more: var_mean(*args, **more)[0], aten.var_mean.correction: var_mean,
        aten.native_layer_norm.default: layer_norm, aten.native_group_norm.default: group_norm, aten.addmm.default: addmm,
    })
    return core


def softmax(x, dim, half_to_float=False):
    x = x.float() if half_to_float else x
    powers = torch.exp(x - torch.amax(x, dim, keepdim=True))
    return powers / powers.sum(dim, keepdim=True)


def log_softmax(x, dim, half_to_float=False):
    x = x.float() if half_to_float else x
    x = x - torch.amax(x, dim, keepdim=True)
    return x - torch.log(torch.exp(x).sum(dim, keepdim=True))


def _dims(x, dim):
    dim = [dim] if isinstance(dim, int) else dim
    return list(range(x.ndim)) if not dim else [each % x.ndim for each in dim]


def _count(x, dims):
    count = 1
    for dim in dims:
        count *= x.shape[dim]
    return count


def mean(x, dim=None, keepdim=False, *, dtype=None):
    x = x if dtype is None else x.to(dtype)
    dims = _dims(x, dim)
    return x.sum(dims, keepdim=keepdim) / _count(x, dims) if dims else x


def var_mean(x, dim=None, *, correction=None, keepdim=False):
    dims = _dims(x, dim)
    count = _count(x, dims)
    middle = x.sum(dims, keepdim=True) / count
    apart = x - middle
    spread = (apart * apart).sum(dims, keepdim=keepdim) / max(0, count - (1 if correction is None else correction))
    return spread, middle if keepdim else middle.reshape(spread.shape)


def layer_norm(x, shape, weight, bias, eps):
    dims = list(range(x.ndim - len(shape), x.ndim))
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    spread, middle = var_mean(wide, dims, correction=0, keepdim=True)
    scale = torch.rsqrt(spread + eps)
    made = (wide - middle) * scale
    made = made if weight is None else made * weight
    made = made if bias is None else made + bias
    return made.to(x.dtype), middle, scale


def group_norm(x, weight, bias, examples, channels, places, groups, eps):
    rows = x.reshape(examples, groups, -1)
    spread, middle = var_mean(rows, [2], correction=0, keepdim=True)
    scale = torch.rsqrt(spread + eps)
    made = ((rows - middle) * scale).reshape(x.shape)
    made = made if weight is None else made * _channels(weight, x)
    made = made if bias is None else made + _channels(bias, x)
    return made, middle.squeeze(-1), scale.squeeze(-1)


def _channels(of_channels, x):
    """One number for each channel, for all places in pictures."""
    return of_channels.reshape(-1, *[1] * (x.ndim - 2))


def addmm(bias, left, right, *, beta=1, alpha=1):
    made = torch.mm(left, right)
    made = made if alpha == 1 else made * alpha
    return made + (bias if beta == 1 else bias * beta)


class Products(torch.fx.Interpreter):
    """Runs an exported graph with products as `product` has them: what is traced of it has them so, forward and backward."""

    def call_function(self, target, args, kwargs):
        rule = RULES.get(target)
        made = None if rule is None else rule(*args, **kwargs)
        return super().call_function(target, args, kwargs) if made is None else made


def _scaled(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None, enable_gqa=False):
    return product.attention(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)


def _addmm(bias, left, right, *, beta=1, alpha=1):
    return product.matmul(left, right) + bias if beta == alpha == 1 else None


def _einsum(equation, operands, *, path=None):
    return product.einsum(equation, operands)


def _biased(operation):
    """A convolution and then what is added: its gradient is another sum than those of the rest."""
    def run(x, weight, bias=None, *rest, **more):
        return None if bias is None else operation(x, weight, None, *rest, **more) + _channels(bias, weight)

    return run


def batch_norm(x, weight, bias, mean, spread, training, momentum, eps):
    """The result, what it was made with, and statistics as they are afterwards."""
    dims = [dim for dim in range(x.ndim) if dim != 1]
    now_mean, now_spread = _channels(mean, x), _channels(spread, x)
    if training:
        now_spread, now_mean = var_mean(x, dims, correction=0, keepdim=True)
        count = _count(x, dims)
        with torch.no_grad():
            mean = mean * (1 - momentum) + now_mean.reshape(-1) * momentum
            spread = spread * (1 - momentum) + now_spread.reshape(-1) * (momentum * count / max(1, count - 1))
    scale = torch.rsqrt(now_spread + eps)
    made = (x - now_mean) * scale
    made = made if weight is None else made * _channels(weight, x)
    made = made if bias is None else made + _channels(bias, x)
    return made, now_mean.reshape(-1), scale.reshape(-1), mean, spread


def _updated(x, weight, bias, mean, spread, momentum, eps):
    made, now_mean, scale, mean, spread = batch_norm(x, weight, bias, mean, spread, True, momentum, eps)
    return made, now_mean, scale, x.new_empty(0, dtype=torch.uint8), mean, spread


def _evaluated(x, weight, bias, mean, spread, momentum, eps):
    return batch_norm(x, weight, bias, mean, spread, False, momentum, eps)[:3]


# By their names, since versions have them under others.
NORMS = {"_native_batch_norm_legit_functional": batch_norm, "_batch_norm_with_update_functional": _updated,
         "_native_batch_norm_legit_no_training": _evaluated, "_batch_norm_no_update": _evaluated}

RULES = {
    # What was made here can lie in memory otherwise than what the export saw.
    aten.view.default: lambda x, size: x.reshape(size),
    **{getattr(aten, name).default: rule for name, rule in NORMS.items() if hasattr(aten, name)},
    aten.linear.default: product.linear, aten.matmul.default: product.matmul, aten.mm.default: product.matmul,
    aten.bmm.default: product.matmul, aten.addmm.default: _addmm, aten.einsum.default: _einsum,
    aten.scaled_dot_product_attention.default: _scaled, **{
        operation: _biased(operation) for operation in
        (aten.conv1d.default, aten.conv2d.default, aten.conv3d.default, aten.convolution.default)},
}
