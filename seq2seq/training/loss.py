"""What training minimises, averaged over target pieces: cross-entropy with label smoothing (Szegedy et al. 2016, section 7),
and that of the attention with an alignment (Chen et al. 2016, section 3)."""

from typing import Any

import torch
from torch import Tensor


def smoothed_cross_entropy(logits: Tensor, target: Tensor, *, smoothing: float, ignore: int) -> tuple[Tensor, Tensor]:
    """logits (B,T,V), target (B,T) with `ignore` at padding -> the loss to minimise and the plain negative
    log-likelihood (no gradient), both in nats per piece, scalars in float32.

    Where a gradient is asked for, it is written over the logits, which nobody can read afterwards: of all tensors of an
    update they are the largest, and a second one costs memory and time."""
    loss, likelihood = _SmoothedCrossEntropy.apply(logits.flatten(0, 1), target.flatten(), smoothing, ignore)
    return loss, likelihood


def alignment_cross_entropy(weights: Tensor, alignment: Tensor, target: Tensor, *, ignore: int) -> Tensor:
    """weights (B,T,S) that the attention gives to the source, alignment (B,T,S) with rows that sum to 1 or less, target (B,T)
    with `ignore` at padding -> a scalar in nats per piece. What a row lacks to 1 says nothing of that row's weights."""
    # No probability is so small that its gradient would drown the others'.
    logs = weights.float().clamp(min=1e-6).log()
    return -(alignment * logs).sum() / (target != ignore).sum().clamp(min=1)


# Elements of logits that are worked on at once. An update of a small model spends a quarter of its time on passes over
# its (N,V) logits when each pass goes through main memory, a tenth when the part stays in the cache (1.6 MB in float32).
_AT_ONCE = 400_000


class _SmoothedCrossEntropy(torch.autograd.Function):
    """Value and gradient in one go; the one (N,V) tensor there is holds first the logits, then their gradient.

    With p = softmax(x) and the smoothed target q = (1 - s) onehot + s / V, the loss of a place is
    logsumexp(x) - (1 - s) x[target] - s mean(x), and its gradient p - q.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, smoothing: float, ignore: int) -> tuple[Tensor, Tensor]:
        """logits (N,V), target (N,)."""
        kept = target != ignore
        weights = kept / kept.sum().clamp(min=1)  # (N) the share of each place in the mean
        # A view that autograd does not watch: the projection that made the logits does not read them in its backward pass.
        gradient = logits.detach() if ctx.needs_input_grad[0] else None
        sums = torch.zeros(2, device=logits.device)  # loss and likelihood
        rows = len(target) if logits.is_cuda else max(1, _AT_ONCE // logits.shape[1])
        for start in range(0, len(target), rows):
            part = slice(start, start + rows)
            values, weight, places = logits[part].float(), weights[part], target[part].unsqueeze(1)
            if values.data_ptr() == logits[part].data_ptr():
                values = values.clone()  # they were float32 already
            picked, mean = values.gather(1, places).squeeze(1), values.mean(dim=1)
            normaliser = torch.logsumexp(values, dim=1)
            loss = normaliser - (1 - smoothing) * picked - smoothing * mean
            sums += torch.stack([(loss * weight).sum(), ((normaliser - picked) * weight).sum()])
            if gradient is not None:
                # In place from here: values become the gradient.
                values.sub_(normaliser.unsqueeze(1)).exp_()
                if smoothing:
                    values.sub_(smoothing / logits.shape[1])
                values.scatter_add_(1, places, values.new_full((len(places), 1), smoothing - 1))
                gradient[part] = values.mul_(weight.unsqueeze(1))
        if gradient is not None:
            ctx.save_for_backward(gradient)
        loss, likelihood = sums.unbind()
        ctx.mark_non_differentiable(likelihood)
        return loss, likelihood

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        # `loss.backward()` asks with 1: one more pass saved. (To look would stop a GPU, which hardly feels the pass.)
        if not gradient.is_cuda and float(gradients[0]) == 1:
            return gradient, None, None, None
        return gradient * gradients[0].to(gradient.dtype), None, None, None
