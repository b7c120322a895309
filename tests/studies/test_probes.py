"""The small tasks, and gradients that are compared with slopes and with the equations."""

from typing import Any

import pytest
import torch
from tiny_models import TINY
from torch import Tensor
from torch.nn import functional

from seq2seq.config import FAMILY_CONFIGS
from seq2seq.models.recurrent import DecoderState
from seq2seq.studies import probes


def probe(family: str, **changes: Any) -> Any:
    config = FAMILY_CONFIGS[family].model_validate(TINY[family] | changes)
    return probes.probe_model(config, seed=2)


def test_recall_asks_for_the_first_symbol() -> None:
    batch = probes.make_batch("recall", 4, 50, torch.Generator().manual_seed(0))
    assert batch.inputs.shape == (50, 6)
    assert torch.equal(batch.answers, batch.inputs[:, :1])
    assert (batch.inputs[:, -1] == probes.CUE).all()
    # Noise is never a symbol.
    assert (batch.inputs[:, 1:-1] >= 3 + probes.SYMBOLS).all()


def test_copy_asks_for_all_symbols() -> None:
    batch = probes.make_batch("copy", 3, 50, torch.Generator().manual_seed(0))
    assert batch.inputs.shape == (50, 2 * probes.COPIED + 3)
    assert torch.equal(batch.answers, batch.inputs[:, : probes.COPIED])
    assert (batch.inputs[:, probes.COPIED : probes.COPIED + 3] == probes.BLANK).all()
    assert (batch.inputs[:, -probes.COPIED] == probes.CUE).all()
    assert len(batch.answers.unique()) == probes.SYMBOLS


@pytest.mark.parametrize("family", sorted(FAMILY_CONFIGS))
def test_input_gradients_are_slopes(family: str) -> None:
    """Compares them with the effect of a small change of the embedding, unit by unit."""
    model = probe(family).double().eval()
    norms = probes.input_gradients(model, [1, 3], sequences=1, seed=4)
    inputs, answers = probes.random_sequences(4, 1, 4)
    embedding = model.get_submodule("target_embedding")
    size = embedding.weight.shape[1]

    @torch.no_grad()
    def loss(position: int, unit: int, change: float) -> float:
        def shift(module: Any, arguments: Any, embedded: Tensor) -> Tensor:
            embedded = embedded.clone()
            # With tied embeddings, the source passes here too.
            if embedded.shape[1] == inputs.shape[1]:
                embedded[0, position, unit] += change
            return embedded

        handle = embedding.register_forward_hook(shift)
        logits = probes.task_logits(model, inputs)[:, -1]
        handle.remove()
        return float(functional.cross_entropy(logits, answers))

    for distance in (1, 3):
        position = 3 - distance
        slopes = [
            (loss(position, unit, 1e-5) - loss(position, unit, -1e-5)) / 2e-5
            for unit in range(size)
        ]
        assert torch.tensor(slopes).norm().item() == pytest.approx(norms[distance], rel=1e-4)


def test_state_gradients_of_the_vanilla_rnn_follow_its_equation() -> None:
    """dL/dh_t = U^T diag(1 - h_{t+1}^2) dL/dh_{t+1}: a state acts only through the next one."""
    model = probe("rnn", decoder_layers=1).double().eval()
    norms = probes.state_gradients(model, [1, 2, 3], sequences=1, seed=4)
    inputs, answers = probes.random_sequences(4, 1, 4)
    source = torch.zeros(1, 1, dtype=torch.int64)
    memory = model.encode(source, torch.ones_like(source, dtype=torch.bool))
    state = model.start(memory)
    hidden = []
    for token in inputs.unbind(1):
        step, state = model.step(memory, state, token)
        assert isinstance(state, DecoderState)
        hidden.append(state.layers[0].hidden)
    loss = functional.cross_entropy(step.logits, answers)
    (gradient,) = torch.autograd.grad(loss, hidden[-1])
    recurrent_weights = model.layers[0].cells.weight_hh_l0.detach()
    for distance in (1, 2, 3):
        gradient = (gradient * (1 - hidden[-distance].detach() ** 2)) @ recurrent_weights
        assert float(gradient.norm()) == pytest.approx(norms[distance], rel=1e-8)


def test_only_a_state_of_constant_size_has_gradients() -> None:
    assert probes.state_gradients(probe("transformer"), [1, 2], sequences=1, seed=1) == {}
    assert probes.state_gradients(probe("mamba"), [1, 2], sequences=1, seed=1).keys() == {1, 2}


def test_an_untrained_model_guesses() -> None:
    generator = torch.Generator().manual_seed(1)
    assert probes.measure_accuracy(probe("lstm"), "recall", 3, generator) < 0.5


def test_learning_ends_when_the_task_is_solved() -> None:
    outcome = probes.learn(
        probe("lstm"), "recall", 3, updates=400, sequences=32, learning_rate=0.01, seed=1
    )
    assert outcome.accuracy >= 0.98
    assert outcome.solved_at == outcome.updates <= 400


def test_learning_ends_with_its_budget() -> None:
    outcome = probes.learn(
        probe("lstm"), "copy", 40, updates=3, sequences=4, learning_rate=0.01, seed=1
    )
    assert outcome.solved_at is None
    assert outcome.updates == 3
