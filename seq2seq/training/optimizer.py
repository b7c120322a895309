"""AdamW, its learning rate, and the moving average of the weights."""

import math

import torch
from torch import nn

from seq2seq.config.training import OptimizerConfig


def learning_rate(config: OptimizerConfig, step: int, budget_used: float) -> float:
    """Returns the learning rate of one update.

    Args:
        config: warmup and schedule.
        step: number of the update, from 0.
        budget_used: share of the training budget that is used, 0 to 1.
    """
    warmup = 1.0
    if config.warmup_steps:
        warmup = min(1.0, (step + 1) / config.warmup_steps)
    progress = min(max(budget_used, 0.0), 1.0)
    decay = 1.0
    if config.schedule == "cosine":
        half_wave = (1 - config.min_lr_ratio) * (1 + math.cos(math.pi * progress)) / 2  # to 0
        decay = config.min_lr_ratio + half_wave
    elif config.schedule == "linear":
        decay = config.min_lr_ratio + (1 - config.min_lr_ratio) * (1 - progress)
    elif config.schedule == "inverse_sqrt":
        decay = min(1.0, math.sqrt(max(config.warmup_steps, 1) / (step + 1)))
    return config.learning_rate * warmup * decay


def make_optimizer(config: OptimizerConfig, model: nn.Module) -> torch.optim.AdamW:
    """Returns AdamW over all trainable parameters. Vectors (biases, norms) get no weight decay."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in parameters if parameter.dim() > 1]
    vectors = [parameter for parameter in parameters if parameter.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=config.betas, eps=1e-8, fused=True
    )


class ExponentialMovingAverage:
    """Exponential moving average of the weights (Polyak & Juditsky 1992).

    torch.optim.swa_utils.AveragedModel is not used. It keeps a second model instead of swapping
    weights, and its first update copies the weights, while this average starts at the initial ones.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.reset(model)

    def reset(self, model: nn.Module) -> None:
        """Starts the average at the model's current weights."""
        self.weights = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Adds the model's weights after update number `step`, from 0.

        The decay grows from 1/10 to `self.decay`. Otherwise the average would hold on to the random
        initial weights.
        """
        decay = min(self.decay, (1 + step) / (10 + step))
        averages = []
        current = []
        for name, parameter in model.named_parameters():
            averages.append(self.weights[name])
            current.append(parameter.detach())
        torch._foreach_lerp_(averages, current, 1 - decay)

    @torch.no_grad()
    def swap(self, model: nn.Module) -> None:
        """Exchanges the model's weights and the average. A second call exchanges them back."""
        for name, parameter in model.named_parameters():
            average = self.weights[name].clone()
            self.weights[name].copy_(parameter)
            parameter.copy_(average)
