"""Cross-entropy with label smoothing (Szegedy et al. 2016, section 7), averaged over target pieces."""

from typing import Any

import torch
from torch import Tensor


def smoothed_cross_entropy(logits: Tensor, target: Tensor, *, smoothing: float, ignore: int) -> tuple[Tensor, Tensor]:
    """logits (B,T,V), target (B,T) with `ignore` at padding -> the loss to minimise and the plain negative
    log-likelihood (no gradient), both in nats per piece, scalars in float32."""
    loss, likelihood = _SmoothedCrossEntropy.apply(logits.flatten(0, 1), target.flatten(), smoothing, ignore)
    return loss, likelihood


class _SmoothedCrossEntropy(torch.autograd.Function):
    """Value and gradient in one go: of the (N,V) tensors only the gradient is kept, in the logits' own format.

    With p = softmax(x) and the smoothed target q = (1 - s) onehot + s / V, the loss of a place is
    logsumexp(x) - (1 - s) x[target] - s mean(x), and its gradient p - q.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, smoothing: float, ignore: int) -> tuple[Tensor, Tensor]:
        """logits (N,V), target (N,)."""
        kept = target != ignore
        count = kept.sum().clamp(min=1)
        values = logits.float()  # (N,V); float32 whatever the products were made in
        if values is logits:
            values = values.clone()
        picked = values.gather(1, target.unsqueeze(1)).squeeze(1)
        mean = values.mean(dim=1)
        normaliser = torch.logsumexp(values, dim=1)
        likelihood = ((normaliser - picked) * kept).sum() / count
        loss = ((normaliser - (1 - smoothing) * picked - smoothing * mean) * kept).sum() / count
        if ctx.needs_input_grad[0]:
            # In place from here: values become the gradient.
            values.sub_(normaliser.unsqueeze(1)).exp_()
            if smoothing:
                values.sub_(smoothing / logits.shape[1])
            values.scatter_add_(1, target.unsqueeze(1), values.new_full((len(target), 1), smoothing - 1))
            values.mul_((kept / count).unsqueeze(1))
            ctx.save_for_backward(values.to(logits.dtype))
        ctx.mark_non_differentiable(likelihood)
        return loss, likelihood

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient * gradients[0].to(gradient.dtype), None, None, None
