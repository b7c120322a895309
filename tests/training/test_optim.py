"""Learning rates by hand, which parameters are decayed, and the running mean against the slow formula."""

from typing import Any

import pytest
import torch
from torch import nn

from seq2seq.training.optim import Ema, OptimizerConfig, learning_rate, make_optimizer


def rate(step: int, progress: float, **fields: Any) -> float:
    config = OptimizerConfig(**{"learning_rate": 0.01, "warmup_steps": 4, "final_share": 0.2, **fields})
    return learning_rate(config, step, progress)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "inverse_sqrt", "constant"])
def test_warm_up_rises_evenly(schedule: str) -> None:
    assert [rate(step, 0.0, schedule=schedule) for step in range(4)] == pytest.approx([0.0025, 0.005, 0.0075, 0.01])
    assert rate(0, 0.0, schedule=schedule, warmup_steps=0) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("schedule", "points"),
    [
        # progress -> share of the highest rate, from 1 to final_share 0.2
        ("cosine", {0.0: 1.0, 0.5: 0.6, 1 / 3: 0.8, 1.0: 0.2, 1.7: 0.2, -0.1: 1.0}),
        ("linear", {0.0: 1.0, 0.25: 0.8, 0.5: 0.6, 1.0: 0.2, 1.7: 0.2, -0.1: 1.0}),
        ("constant", {0.0: 1.0, 0.5: 1.0, 1.0: 1.0}),
    ],
)
def test_decay_over_the_budget(schedule: str, points: dict[float, float]) -> None:
    for progress, share in points.items():
        assert rate(100, progress, schedule=schedule) == pytest.approx(0.01 * share)


def test_warm_up_and_decay_multiply() -> None:
    assert rate(1, 0.5, schedule="linear") == pytest.approx(0.01 * 0.5 * 0.6)
    assert rate(100, 1.0, final_share=0.0) == pytest.approx(0.0)


def test_inverse_square_root_of_the_step() -> None:
    for step, share in ((3, 1.0), (15, 0.5), (63, 0.25), (6399, 0.025)):
        assert rate(step, 0.9, schedule="inverse_sqrt") == pytest.approx(0.01 * share)
    assert rate(8, 0.0, schedule="inverse_sqrt", warmup_steps=0) == pytest.approx(0.01 / 3)


def test_vectors_are_not_decayed() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    model[1].bias.requires_grad_(False)
    optimizer = make_optimizer(OptimizerConfig(weight_decay=0.5, betas=(0.7, 0.9)), model)
    decayed, spared = optimizer.param_groups
    assert [p.shape for p in decayed["params"]] == [(3, 2)]
    assert len(spared["params"]) == 2
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.5, 0.0)
    assert decayed["betas"] == (0.7, 0.9)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    before = [p.detach().clone() for p in model.parameters()]
    optimizer.step()
    factor = 1 - 0.5 * OptimizerConfig().learning_rate
    assert torch.allclose(model[0].weight, before[0] * factor, rtol=1e-6)
    assert torch.equal(model[0].bias, before[1])


def test_running_mean_equals_the_slow_formula() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    ema = Ema(model, 0.5)
    slow = {name: p.detach().double() for name, p in model.named_parameters()}
    for step in range(30):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        ema.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))  # 1/10, 2/11, … until 9/18 = 0.5
        for name, parameter in model.named_parameters():
            slow[name] = decay * slow[name] + (1 - decay) * parameter.detach().double()
            assert torch.allclose(ema.weights[name].double(), slow[name], atol=1e-5)
    own = {name: p.detach().clone() for name, p in model.named_parameters()}
    ema.swap(model)
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.double(), slow[name], atol=1e-5)
        assert torch.equal(ema.weights[name], own[name])
    ema.swap(model)
    assert all(torch.equal(parameter, own[name]) for name, parameter in model.named_parameters())
    assert all(torch.allclose(mean.double(), slow[name], atol=1e-5) for name, mean in ema.weights.items())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"warmup_steps": -1}, "must be at least 0"),
        ({"clip_norm": -1.0}, "must be at least 0"),
        ({"final_share": 1.5}, "final_share must be between 0 and 1"),
    ],
)
def test_config_says_what_is_wrong(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OptimizerConfig(**fields)
