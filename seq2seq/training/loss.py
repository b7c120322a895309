"""Cross-entropy with label smoothing (Szegedy et al. 2016, section 7), averaged over target pieces."""

from torch import Tensor
from torch.nn import functional


def smoothed_cross_entropy(logits: Tensor, target: Tensor, *, smoothing: float, ignore: int) -> tuple[Tensor, Tensor]:
    """logits (B,T,V), target (B,T) with `ignore` at padding -> the loss to minimise and the plain negative
    log-likelihood (no gradient), both in nats per piece, scalars in float32."""
    # Padding is left out before the softmax, which costs more than the copy.
    kept = target.flatten() != ignore
    rows, wanted = logits.flatten(0, 1)[kept].float(), target.flatten()[kept]
    log_probs = functional.log_softmax(rows, dim=-1)
    likelihood = -log_probs.gather(1, wanted.unsqueeze(1)).mean()
    if smoothing == 0:
        return likelihood, likelihood.detach()
    return (1 - smoothing) * likelihood - smoothing * log_probs.mean(), likelihood.detach()
