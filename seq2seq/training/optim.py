"""The optimiser and its learning rate: warm-up in steps, then a decay over the share of the budget that is used."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import ConfigDict
from torch import nn


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW (Loshchilov & Hutter 2019) and its schedule."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    learning_rate: float = 1e-3
    """The highest, reached after warm-up."""
    warmup_steps: int = 400
    """Updates in which the learning rate rises from 0."""
    schedule: Literal["cosine", "linear", "inverse_sqrt", "constant"] = "cosine"
    """How it falls after warm-up. `cosine` and `linear` reach `final_share` when the budget is used up."""
    final_share: float = 0.02
    """Share of the highest learning rate that is left at the end of `cosine` and `linear`."""
    betas: tuple[float, float] = (0.9, 0.98)
    """Decay of the running means of gradient and squared gradient."""
    weight_decay: float = 0.01
    """Decoupled weight decay, for matrices only."""
    clip_norm: float = 1.0
    """Gradients are scaled down to this norm; 0 leaves them."""

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate <= 1:
            raise ValueError("learning_rate must be above 0 and at most 1")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError("betas must be at least 0 and below 1")
        if self.warmup_steps < 0 or self.clip_norm < 0 or self.weight_decay < 0:
            raise ValueError("warmup_steps, clip_norm and weight_decay must be at least 0")
        if not 0 <= self.final_share <= 1:
            raise ValueError("final_share must be between 0 and 1")


def learning_rate(config: OptimizerConfig, step: int, progress: float) -> float:
    """The rate of update number `step` (from 0), with `progress` (0 to 1) of the budget used."""
    warmup = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    progress = min(max(progress, 0.0), 1.0)
    decay = 1.0
    if config.schedule == "cosine":
        decay = config.final_share + (1 - config.final_share) * (1 + math.cos(math.pi * progress)) / 2
    elif config.schedule == "linear":
        decay = config.final_share + (1 - config.final_share) * (1 - progress)
    elif config.schedule == "inverse_sqrt":
        decay = min(1.0, math.sqrt(max(config.warmup_steps, 1) / (step + 1)))
    return config.learning_rate * warmup * decay


def make_optimizer(config: OptimizerConfig, model: nn.Module) -> torch.optim.AdamW:
    """AdamW over all parameters; vectors (biases, norms) are not decayed."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, eps=1e-8, fused=True)


class Ema:
    """Exponential moving average of the weights (Polyak & Juditsky 1992), which is what gets validated and kept."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """After update number `step` (from 0); the mean is short at first, or it would keep the random start."""
        decay = min(self.decay, (1 + step) / (10 + step))
        names = dict(model.named_parameters())
        torch._foreach_lerp_([self.weights[n] for n in names], [p.detach() for p in names.values()], 1 - decay)

    @torch.no_grad()
    def swap(self, model: nn.Module) -> None:
        """Exchanges the model's weights and the mean; a second call exchanges them back."""
        for name, parameter in model.named_parameters():
            mean = self.weights[name].clone()
            self.weights[name].copy_(parameter)
            parameter.copy_(mean)
