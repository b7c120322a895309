"""Linear layers with Glorot's initialization."""

from torch import nn


def dense(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with Glorot's uniform weights (Glorot & Bengio 2010) and zero biases."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
