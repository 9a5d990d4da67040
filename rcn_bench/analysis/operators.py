"""What torch's basic operators multiply and add: which ones sum products, and how many, and which sum none.

An operator that stands in neither is not known, and whoever counts must say so: a product that is taken for free would
be missing from a table without a sign.
"""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils import flop_counter
from torch.utils._pytree import tree_leaves

Formula = Callable[..., int]
aten = torch.ops.aten


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> int:
    """Every query with every key, and those weights with the values; a mask does not lower it."""
    return 2 * (query.numel() // query.shape[-1]) * key.shape[-2] * (query.shape[-1] + value.shape[-1])


def _recurrent_layer(x: Tensor, w_xh: Tensor, w_hh: Tensor, *_: Any, **__: Any) -> int:
    """One direction of a layer: x (T, N, C), and its weights with a row for every unit of every gate."""
    return 2 * x.shape[0] * x.shape[1] * (w_xh.numel() + w_hh.numel())


# FLOPs of products that torch has no formula for; where it gets one, that takes the place of ours.
_OURS: dict[Any, Formula] = {
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten.mkldnn_rnn_layer: _recurrent_layer,
    aten.mv: lambda matrix, *_, **__: 2 * matrix.numel(),
    aten.addmv: lambda _, matrix, *__, **___: 2 * matrix.numel(),
    aten.dot: lambda vector, *_, **__: 2 * vector.numel(),
    aten.vdot: lambda vector, *_, **__: 2 * vector.numel(),
    aten.addbmm: lambda _, left, right, **__: 2 * left.numel() * right.shape[-1],
}

# What sums no products, or is left out by convention, and has no tag of torch's that says so. In place or not.
_FREE = re.compile(
    "|".join(
        (
            # pooling, normalisation, interpolation
            r"_?(adaptive_|fractional_)?(avg|max)_pool[123]d(_with_indices)?",
            r"_?(native_|cudnn_|miopen_)?(batch|layer|group)_norm(_legit|_legit_no_training)?|_fused_rms_norm",
            r"_weight_norm_interface|norm|linalg_vector_norm|renorm",
            r"_?upsample_\w+|grid_sampler_[23]d|affine_grid_generator",
            # activations without the tag of element-wise operators
            r"_?(log_|safe_)?softmax|_?prelu(_kernel)?|hardswish|glu|log_sigmoid_forward|rrelu_with_noise|addr",
            # reductions, sorting, searching
            r"sum|nansum|mean|prod|(std|var)(_mean)?|logsumexp|logcumsumexp|cum(sum|prod)|_cum(max|min)_helper",
            r"all|any|a?max|a?min|aminmax|arg(max|min|sort)|(nan)?median|mode|kthvalue|topk|sort|count_nonzero",
            r"isin|equal|nonzero|bucketize|searchsorted|_unique2?",
            # new values, copies
            r"(native_)?dropout|bernoulli|normal|uniform|random|exponential",
            r"((rand|randn|randint|ones|zeros|full|empty)_like)|new_(empty|full|ones|zeros)(_strided)?|fill|zero",
            r"copy|_to_copy|lift_fresh(_copy)?|set|resize|_local_scalar_dense",
            # moving, cutting and joining
            r"cat|stack|repeat(_interleave)?|roll|flip|rot90|tril|triu|_unsafe_view|_reshape_copy|im2col|col2im",
            r"unsafe_(split|chunk)(_with_sizes)?|(constant_)?pad(_nd)?|(reflection|replication)_pad[123]d",
            r"pixel_(un)?shuffle|channel_shuffle|_pack_padded_sequence|embedding|gather|take|masked_select",
            r"_?(unsafe_)?index(_put|_put_impl|_add|_copy|_fill|_select|_reduce)?",
            r"(masked_)?scatter(_add|_reduce)?|(slice|select)_scatter",
        )
    )
)


def formulas() -> dict[Any, Formula]:
    """FLOPs by operator, two a multiply-accumulate, as functions of its arguments and its result ``out_val``.

    They are torch's, those that were registered with it, such as the recurrent scan's, and a few of ours.
    """
    return {**_OURS, **flop_counter.flop_registry}


def is_free(operator: OpOverload, arguments: Any) -> bool:
    """Whether an operator sums no products, as far as is known, or makes something from no tensor."""
    return sums_no_products(operator) or not any(isinstance(leaf, Tensor) for leaf in tree_leaves(arguments))


def sums_no_products(operator: OpOverload) -> bool:
    """Whether an operator is known to sum none: element-wise, a view, or one named here."""
    if torch.Tag.pointwise in operator.tags or torch.Tag.inplace_view in operator.tags or operator.is_view:
        return True
    namespace, name = operator_name(operator).split("::")
    return namespace == "aten" and _FREE.fullmatch(name.removesuffix("_")) is not None


def operator_name(operator: OpOverload) -> str:
    """Without the overload, such as aten::mm."""
    return operator.name().split(".")[0]
