"""The two losses of training, averaged over target tokens.

Cross-entropy with label smoothing (Szegedy et al. 2016, section 7), and cross-entropy of the
attention with a word alignment (Chen et al. 2016, section 3).

Legend: B sentences, T target tokens, S source tokens, V vocabulary size, N = B * T.
"""

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

# The loss works on this many logits at a time. With a small model, passes over all (N,V) logits go
# through main memory and take a quarter of an update. When a chunk (1.6 MB in float32) stays in the
# CPU's cache, they take a tenth.
_CHUNK_ELEMENTS = 400_000


def smoothed_cross_entropy(
    logits: Tensor, target: Tensor, *, smoothing: float, ignore: int
) -> tuple[Tensor, Tensor]:
    """Returns the loss to minimize and the plain negative log-likelihood, which has no gradient.

    Both are float32 scalars in nats per target token.

    When a gradient is needed, it overwrites the logits. They are the largest tensor of an update,
    and a second one of that size costs memory and time. Do not read the logits afterwards.

    Args:
        logits: (B,T,V).
        target: (B,T) token ids.
        smoothing: share of the probability that is spread evenly over the vocabulary.
        ignore: the id of padding in `target`.
    """
    # (B,T,V) -> (N,V), (B,T) -> (N)
    loss, likelihood = _SmoothedCrossEntropy.apply(
        logits.flatten(0, 1), target.flatten(), smoothing, ignore
    )
    return loss, likelihood


def alignment_cross_entropy(
    weights: Tensor, alignment: Tensor, target: Tensor, *, ignore: int
) -> Tensor:
    """Returns the cross-entropy of attention weights with an alignment, in nats per target token.

    Args:
        weights: (B,T,S) attention weights.
        alignment: (B,T,S) probabilities. A row may sum to less than 1; the rest adds no loss.
        target: (B,T) token ids.
        ignore: the id of padding in `target`.
    """
    # The clamp keeps the gradient of a tiny weight from drowning all others.
    log_weights = weights.float().clamp(min=1e-6).log()
    return -(alignment * log_weights).sum() / (target != ignore).sum().clamp(min=1)


class _SmoothedCrossEntropy(torch.autograd.Function):
    """Computes loss and gradient in one pass. The gradient replaces the logits in memory.

    With p = softmax(x) and the smoothed target q = (1 - s) onehot(target) + s / V, the loss of a
    position is logsumexp(x) - (1 - s) x[target] - s mean(x), and its gradient is p - q.
    """

    @staticmethod
    def forward(
        ctx: BackwardCFunction, logits: Tensor, target: Tensor, smoothing: float, ignore: int
    ) -> tuple[Tensor, Tensor]:
        """Takes logits (N,V) and target (N)."""
        counted = target != ignore
        weights = counted / counted.sum().clamp(min=1)  # (N) share of each position in the mean
        gradient = None
        if ctx.needs_input_grad[0]:
            # A view that autograd does not track. The output projection does not read the logits in
            # its backward pass, so overwriting them is safe.
            gradient = logits.detach()
        sums = torch.zeros(2, device=logits.device)  # loss, likelihood
        # A GPU works on all rows at once.
        rows = len(target) if logits.is_cuda else max(1, _CHUNK_ELEMENTS // logits.shape[1])
        for start in range(0, len(target), rows):
            chunk = slice(start, start + rows)
            values = logits[chunk].float()  # (n,V)
            if values.data_ptr() == logits[chunk].data_ptr():
                values = values.clone()  # float32 logits are not copied by float()
            weight = weights[chunk]  # (n)
            ids = target[chunk].unsqueeze(1)  # (n,1)
            target_logit = values.gather(1, ids).squeeze(1)  # (n)
            mean = values.mean(dim=1)  # (n)
            normalizer = torch.logsumexp(values, dim=1)  # (n)
            loss = normalizer - (1 - smoothing) * target_logit - smoothing * mean
            likelihood = normalizer - target_logit
            sums += torch.stack([(loss * weight).sum(), (likelihood * weight).sum()])
            if gradient is not None:
                # In place from here: `values` becomes p, then (p - q) * weight.
                values.sub_(normalizer.unsqueeze(1)).exp_()
                if smoothing:
                    values.sub_(smoothing / logits.shape[1])
                values.scatter_add_(1, ids, values.new_full((len(ids), 1), smoothing - 1))
                gradient[chunk] = values.mul_(weight.unsqueeze(1))
        if gradient is not None:
            ctx.save_for_backward(gradient)
        loss, likelihood = sums.unbind()
        ctx.mark_non_differentiable(likelihood)
        return loss, likelihood

    @staticmethod
    def backward(
        ctx: BackwardCFunction, *output_gradients: Tensor
    ) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        scale = output_gradients[0]
        # `loss.backward()` passes 1, which saves a pass over the gradient. On a GPU the pass is
        # cheap, and reading the scale would wait for all pending work.
        if not gradient.is_cuda and float(scale) == 1:
            return gradient, None, None, None
        return gradient * scale.to(gradient.dtype), None, None, None
