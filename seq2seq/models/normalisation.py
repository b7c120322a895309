"""Norms over the units of a place.

Legend: D units.
"""

import torch
from torch import Tensor, nn


class LayerNorm(nn.LayerNorm):
    """Layer normalisation (Ba et al. 2016, equation 4), given in the format of the products that it goes into: under
    autocast it is computed in float32, and each of several products would convert it for itself."""

    def forward(self, values: Tensor) -> Tensor:
        """values (...,D) -> (...,D)."""
        normed, device = super().forward(values), values.device.type
        return normed.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else normed


def rms_norm(values: Tensor, weight: Tensor) -> Tensor:
    """values (...,D) over the root of their mean square, times weight (D) (Zhang & Sennrich 2019, equation 4).

    The library's takes twice the time on a CPU, and in bfloat16 adds 0.008 to the mean square by default.
    """
    norm = torch.linalg.vector_norm(
        values, dim=-1, keepdim=True, dtype=torch.promote_types(values.dtype, torch.float32)
    )
    scale = (norm.square() / values.shape[-1] + 1e-6).rsqrt()
    return values * scale.to(values.dtype) * weight.to(values.dtype)
