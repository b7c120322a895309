"""The short causal convolution in front of state spaces (Mamba) and of the mLSTM.

Legend: B sentences, L positions, U units, W width.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def causal_convolution(values: Tensor, taps: Tensor) -> Tensor:
    """Convolves each unit separately. Each position sees itself and the W - 1 before it.

    y_t = sum over k < W of taps[W - 1 - k] * values_{t - k}

    Args:
        values: (B,L,U).
        taps: (W,U), in the same dtype.

    Returns:
        (B,L,U).
    """
    if torch.onnx.is_in_onnx_export():
        return _convolve_padded(values, taps)
    convolved: Tensor = _CausalConvolution.apply(values, taps)
    return convolved


def _convolve_padded(values: Tensor, taps: Tensor) -> Tensor:
    """Computes the same for any L. ONNX has no operators that write into a tensor."""
    width = len(taps)
    padded = functional.pad(values.transpose(1, 2), (width - 1, 0))  # (B,U,W-1+L)
    kernels = taps.t().unsqueeze(1)  # (U,1,W)
    return functional.conv1d(padded, kernels, groups=len(kernels)).transpose(1, 2)


class _CausalConvolution(torch.autograd.Function):
    """Adds each tap in place. Plain autograd would keep a padded copy of the values for each."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, taps: Tensor) -> Tensor:
        ctx.save_for_backward(values, taps)
        convolved = values * taps[-1]
        for offset in range(1, min(len(taps), values.shape[1])):
            convolved[:, offset:].addcmul_(values[:, :-offset], taps[-1 - offset])
        return convolved

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        values, taps = ctx.saved_tensors
        gradient = gradients[0]
        values_gradient = gradient * taps[-1]
        tap_gradients = [(gradient * values).sum((0, 1))]  # the last tap first
        for offset in range(1, len(taps)):
            if offset < values.shape[1]:
                values_gradient[:, :-offset].addcmul_(gradient[:, offset:], taps[-1 - offset])
                tap_gradients.append((gradient[:, offset:] * values[:, :-offset]).sum((0, 1)))
            else:
                tap_gradients.append(torch.zeros_like(taps[0]))
        tap_gradients.reverse()
        return values_gradient, torch.stack(tap_gradients)
