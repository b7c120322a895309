"""Training updates of untrained models on random tokens, to measure their speed and memory.

Legend: B sentences, L tokens in each.
"""

import torch
from torch import Tensor

from seq2seq.config import ModelConfig
from seq2seq.models import Seq2Seq, VocabularySizes, build
from seq2seq.models.device import autocast, has_bfloat16_units
from seq2seq.text.tokenizer import EOS, PAD
from seq2seq.training.loss import smoothed_cross_entropy

_CPU = torch.device("cpu")
_FIRST_TOKEN = EOS + 1
"""The special tokens come first."""


def random_model(config: ModelConfig, vocab_size: int, seed: int) -> Seq2Seq:
    """Builds a model with initial weights."""
    torch.manual_seed(seed)
    return build(config, VocabularySizes(source=vocab_size, target=vocab_size))


def random_batch(length: int, sentences: int, vocab_size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns a source and a target (B,L) without padding."""
    generator = torch.Generator().manual_seed(seed)
    shape = (sentences, length)
    source = torch.randint(_FIRST_TOKEN, vocab_size, shape, generator=generator)
    target = torch.randint(_FIRST_TOKEN, vocab_size, shape, generator=generator)
    return source, target


def compute_loss(model: Seq2Seq, source: Tensor, target: Tensor) -> Tensor:
    """Returns the loss of a batch, as in training."""
    precision = "bfloat16" if has_bfloat16_units(_CPU) else "float32"
    with autocast(_CPU, precision):
        logits = model(source, torch.ones_like(source, dtype=torch.bool), target).logits
    return smoothed_cross_entropy(logits, target, smoothing=0.1, ignore=PAD)[0]


def run_update(model: Seq2Seq, source: Tensor, target: Tensor) -> None:
    """Computes the loss and its gradients, and drops them."""
    compute_loss(model, source, target).backward()
    model.zero_grad(set_to_none=True)
