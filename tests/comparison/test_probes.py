"""The small tasks, and gradients against those of the equations."""

from typing import Any

import pytest
import torch
from small_models import SMALL
from torch.nn import functional

from seq2seq.comparison import probes
from seq2seq.models import FAMILIES
from seq2seq.models.recurrent import DecoderState


def model(family: str, **changes: Any) -> Any:
    return probes.probe_model(FAMILIES[family][0](**{**SMALL[family], **changes}), seed=2)


def test_the_tasks_ask_for_what_was_shown() -> None:
    random = torch.Generator().manual_seed(0)
    recall = probes.make_sequences("recall", 4, 50, random)
    assert recall.inputs.shape == (50, 6)
    assert torch.equal(recall.wanted, recall.inputs[:, :1])
    assert (recall.inputs[:, -1] == probes.CUE).all()
    assert (recall.inputs[:, 1:-1] >= 3 + probes.SYMBOLS).all()  # noise is never a symbol
    copy = probes.make_sequences("copy", 3, 50, random)
    assert copy.inputs.shape == (50, 2 * probes.COPIED + 3)
    assert torch.equal(copy.wanted, copy.inputs[:, : probes.COPIED])
    assert (copy.inputs[:, probes.COPIED : probes.COPIED + 3] == probes.BLANK).all()
    assert (copy.inputs[:, -probes.COPIED] == probes.CUE).all()
    assert len(copy.wanted.unique()) == probes.SYMBOLS


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_input_gradients_are_slopes(family: str) -> None:
    """Against a small change of the embedding, place by place."""
    built = model(family).double().eval()
    found = probes.input_gradients(built, [1, 3], sequences=1, seed=4)
    inputs, wanted = probes._random_sequences(4, 1, 4)
    embedding = built.get_submodule("target_embedding")
    size = embedding.weight.shape[1]

    @torch.no_grad()
    def loss(place: int, unit: int, change: float) -> float:
        def moved(module: Any, arguments: Any, embedded: torch.Tensor) -> torch.Tensor:
            embedded = embedded.clone()
            if embedded.shape[1] == inputs.shape[1]:  # not the source's
                embedded[0, place, unit] += change
            return embedded

        handle = embedding.register_forward_hook(moved)
        value = functional.cross_entropy(probes.logits_of(built, inputs)[:, -1], wanted)
        handle.remove()
        return float(value)

    for distance in (1, 3):
        slopes = [(loss(3 - distance, unit, 1e-5) - loss(3 - distance, unit, -1e-5)) / 2e-5 for unit in range(size)]
        assert torch.tensor(slopes).norm().item() == pytest.approx(found[distance], rel=1e-4)


def test_state_gradients_of_the_vanilla_rnn_follow_its_equation() -> None:
    """dL/dh_t = U^T diag(1 - h_{t+1}^2) dL/dh_{t+1}, since a state acts through its successor alone."""
    built = model("rnn", decoder_layers=1).double().eval()
    found = probes.state_gradients(built, [1, 2, 3], sequences=1, seed=4)
    inputs, wanted = probes._random_sequences(4, 1, 4)
    source = torch.zeros(1, 1, dtype=torch.int64)
    memory = built.encode(source, torch.ones_like(source, dtype=torch.bool))
    state, hidden = built.start(memory), []
    for token in inputs.unbind(1):
        before = state
        step, state = built.step(memory, state, token)
        assert isinstance(state, DecoderState)
        hidden.append(state.layers[0].hidden)
    del before
    (gradient,) = torch.autograd.grad(functional.cross_entropy(step.logits, wanted), hidden[-1])
    u = built.layers[0].cells.weight_hh_l0.detach()
    for distance in (1, 2, 3):
        gradient = (gradient * (1 - hidden[-distance].detach() ** 2)) @ u
        assert float(gradient.norm()) == pytest.approx(found[distance], rel=1e-8)


def test_a_state_that_grows_has_no_gradient_of_its_own() -> None:
    assert probes.state_gradients(model("transformer"), [1, 2], sequences=1, seed=1) == {}
    assert probes.state_gradients(model("mamba"), [1, 2], sequences=1, seed=1).keys() == {1, 2}


def test_a_short_delay_is_learnt_and_an_untrained_model_guesses() -> None:
    config = FAMILIES["lstm"][0](**SMALL["lstm"])
    untrained = probes.measure_accuracy(probes.probe_model(config, 1), "recall", 3, torch.Generator().manual_seed(1))
    assert untrained < 0.5
    learnt = probes.learn(
        probes.probe_model(config, 1), "recall", 3, updates=400, sequences=32, learning_rate=0.01, seed=1
    )
    assert learnt.accuracy >= 0.98
    assert learnt.solved_at == learnt.updates <= 400
    given_up = probes.learn(
        probes.probe_model(config, 1), "copy", 40, updates=3, sequences=4, learning_rate=0.01, seed=1
    )
    assert given_up.solved_at is None
    assert given_up.updates == 3
