"""The short convolution along a sentence that state spaces and xLSTM begin with.

Legend: B sentences, L places, U units, W width.
"""

from typing import Any

import torch
from torch import Tensor


class CausalConvolution(torch.autograd.Function):
    """values (B,L,U), taps (W,U) -> y_t = sum of taps[W - 1 - k] * values_(t-k) over k < W, each unit by itself.

    Written out for autograd it would keep and pad a copy for each tap; here every pass adds in place.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, taps: Tensor) -> Tensor:
        ctx.save_for_backward(values, taps)
        result = values * taps[-1]
        for back in range(1, min(len(taps), values.shape[1])):
            result[:, back:].addcmul_(values[:, :-back], taps[-1 - back])
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        values, taps = ctx.saved_tensors
        (gradient,) = gradients
        of_values = gradient * taps[-1]
        of_taps = [(gradient * values).sum((0, 1))]
        for back in range(1, len(taps)):
            if back < values.shape[1]:
                of_values[:, :-back].addcmul_(gradient[:, back:], taps[-1 - back])
                of_taps.insert(0, (gradient[:, back:] * values[:, :-back]).sum((0, 1)))
            else:
                of_taps.insert(0, torch.zeros_like(taps[0]))
        return of_values, torch.stack(of_taps)
