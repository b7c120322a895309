"""Learning rates by hand, weight decay, and the moving average by its formula."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seq2seq.config.training import OptimizerConfig
from seq2seq.training.optimizer import ExponentialMovingAverage, learning_rate, make_optimizer


def rate(step: int, budget_used: float, **settings: Any) -> float:
    defaults = {"learning_rate": 0.01, "warmup_steps": 4, "min_lr_ratio": 0.2}
    return learning_rate(OptimizerConfig(**(defaults | settings)), step, budget_used)


def small_model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))


def copy_parameters(model: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "inverse_sqrt", "constant"])
def test_the_rate_rises_evenly_during_warmup(schedule: str) -> None:
    rates = [rate(step, 0.0, schedule=schedule) for step in range(4)]
    assert rates == pytest.approx([0.0025, 0.005, 0.0075, 0.01])
    assert rate(0, 0.0, schedule=schedule, warmup_steps=0) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("schedule", "ratios"),
    [
        # share of the budget -> share of the highest rate, from 1 to min_lr_ratio 0.2
        ("cosine", {0.0: 1.0, 0.5: 0.6, 1 / 3: 0.8, 1.0: 0.2, 1.7: 0.2, -0.1: 1.0}),
        ("linear", {0.0: 1.0, 0.25: 0.8, 0.5: 0.6, 1.0: 0.2, 1.7: 0.2, -0.1: 1.0}),
        ("constant", {0.0: 1.0, 0.5: 1.0, 1.0: 1.0}),
    ],
)
def test_the_rate_falls_over_the_budget(schedule: str, ratios: dict[float, float]) -> None:
    for budget_used, ratio in ratios.items():
        assert rate(100, budget_used, schedule=schedule) == pytest.approx(0.01 * ratio)


def test_the_rate_can_fall_to_zero() -> None:
    assert rate(100, 1.0, min_lr_ratio=0.0) == pytest.approx(0.0)


def test_warmup_and_decay_multiply() -> None:
    assert rate(1, 0.5, schedule="linear") == pytest.approx(0.01 * 0.5 * 0.6)


@pytest.mark.parametrize(("step", "ratio"), [(3, 1.0), (15, 0.5), (63, 0.25), (6399, 0.025)])
def test_inverse_square_root_of_the_step(step: int, ratio: float) -> None:
    assert rate(step, 0.9, schedule="inverse_sqrt") == pytest.approx(0.01 * ratio)


def test_inverse_square_root_without_warmup() -> None:
    settings = {"schedule": "inverse_sqrt", "warmup_steps": 0}
    assert rate(8, 0.0, **settings) == pytest.approx(0.01 / 3)


def test_only_matrices_decay() -> None:
    model = small_model()
    config = OptimizerConfig(weight_decay=0.5)
    optimizer = make_optimizer(config, model)
    before = copy_parameters(model)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    factor = 1 - 0.5 * config.learning_rate
    after = copy_parameters(model)
    assert torch.allclose(after[0], before[0] * factor, rtol=1e-6)
    assert all(torch.equal(after[i], before[i]) for i in (1, 2, 3))


def test_frozen_parameters_are_left_out() -> None:
    model = small_model()
    model[1].bias.requires_grad_(False)
    matrices, vectors = make_optimizer(OptimizerConfig(betas=(0.7, 0.9)), model).param_groups
    assert [p.shape for p in matrices["params"]] == [(3, 2)]
    assert len(vectors["params"]) == 2
    assert matrices["betas"] == (0.7, 0.9)


def train_with_average(steps: int) -> tuple[nn.Module, ExponentialMovingAverage, list[Tensor]]:
    """Returns a model, its average, and the average by the formula in float64."""
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    ema = ExponentialMovingAverage(model, 0.5)
    expected = [parameter.double() for parameter in copy_parameters(model)]
    for step in range(steps):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        ema.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))  # 1/10, 2/11, … up to 9/18 = 0.5
        current = copy_parameters(model)
        for i, value in enumerate(current):
            expected[i] = decay * expected[i] + (1 - decay) * value.double()
    return model, ema, expected


@pytest.mark.parametrize("steps", [1, 5, 30])
def test_moving_average_equals_its_formula(steps: int) -> None:
    _, ema, expected = train_with_average(steps)
    for average, value in zip(ema.weights.values(), expected, strict=True):
        assert torch.allclose(average.double(), value, atol=1e-5)


def test_swapping_twice_changes_nothing() -> None:
    model, ema, _ = train_with_average(3)
    own = copy_parameters(model)
    averages = [average.clone() for average in ema.weights.values()]
    ema.swap(model)
    assert all(map(torch.equal, copy_parameters(model), averages))
    assert all(map(torch.equal, ema.weights.values(), own))
    ema.swap(model)
    assert all(map(torch.equal, copy_parameters(model), own))
    assert all(map(torch.equal, ema.weights.values(), averages))


def test_resetting_starts_again_at_the_current_weights() -> None:
    model, ema, _ = train_with_average(3)
    ema.reset(model)
    assert all(map(torch.equal, ema.weights.values(), copy_parameters(model)))
