"""What every family promises (seq2seq/models/base.py), checked for each of its variants.

A new family joins with one line in VARIANTS. The second half plants, for each promise, the bug that breaks it.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq.decoding.search import SearchConfig, beam_search
from seq2seq.models import FAMILIES, Askers, Decoded, Rows, Seq2Seq, Step, Vocabulary, build
from seq2seq.models.attention import Attention
from seq2seq.models.lstm import LSTMLayer, LSTMState
from seq2seq.models.recurrent import DecoderState, Encoder, RecurrentSeq2Seq

PAD, UNK, BOS, EOS = range(4)
TINY = {"embedding_size": 6, "hidden_size": 8, "dropout": 0.1, "word_dropout": 0.05}
TIES = ("all", "target", "none")

# Every attention with and without input feeding, with 1 and 3 layers, the kinds of tying in turn; then the other switches.
RECURRENT: list[dict[str, Any]] = [
    {
        **TINY,
        "attention": attention,
        "input_feeding": feeding,
        "encoder_layers": layers,
        "decoder_layers": layers,
        "tie_embeddings": TIES[number % 3],
    }
    for number, (attention, feeding, layers) in enumerate(
        itertools.product(("dot", "general", "additive", "none"), (False, True), (1, 3))
    )
] + [
    {**TINY, "encoder_layers": 1, "decoder_layers": 3, "tie_embeddings": "target", "residual": False},
    {**TINY, "encoder_layers": 3, "decoder_layers": 1, "tie_embeddings": "none", "layer_norm": False},
    {**TINY, "embedding_size": 8, "hidden_size": 8, "input_feeding": True, "layer_norm": False},
]
TRANSFORMER: list[dict[str, Any]] = [
    {
        "size": 8,
        "feed_forward_size": 12,
        "heads": heads,
        "encoder_layers": layers,
        "decoder_layers": layers,
        "dropout": 0.1,
        "tie_embeddings": TIES[number],
    }
    for number, (heads, layers) in enumerate([(1, 1), (2, 1), (4, 3)])
]
MAMBA: list[dict[str, Any]] = [
    {
        "size": 8,
        "head_size": head,
        "state_size": 3,
        "chunk": chunk,
        "attention_heads": 2,
        "encoder_layers": layers,
        "decoder_layers": layers,
        "dropout": 0.1,
        "tie_embeddings": TIES[number],
    }
    for number, (head, chunk, layers) in enumerate([(4, 64, 1), (16, 2, 2), (2, 3, 1)])
]
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "lstm": RECURRENT,
    "rnn": RECURRENT,
    "gru": RECURRENT,
    "transformer": TRANSFORMER,
    "mamba": MAMBA,
    "mingru": RECURRENT,
    "xlstm": RECURRENT,
}
CASES = [(family, options) for family, variants in VARIANTS.items() for options in variants]


def name_of(case: tuple[str, dict[str, Any]]) -> str:
    family, options = case
    return "-".join([family, *(f"{key}={value}" for key, value in options.items() if key not in TINY)])


def build_model(case: tuple[str, dict[str, Any]], pieces: int = 11) -> Seq2Seq[Any, Any]:
    """A model in eval mode; no parameter is 0 or 1, so that none can be forgotten without being missed."""
    family, options = case
    joint = options.get("tie_embeddings", "all") == "all"
    torch.manual_seed(3)
    config = FAMILIES[family][0](family=family, **options)
    model = build(config, Vocabulary(source=pieces if joint else pieces + 2, target=pieces))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model.double().eval()  # so that a difference is a difference, and not the order of a sum


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """source (4,7) of different lengths, its mask, target_in (4,5)."""
    random = torch.Generator().manual_seed(1)
    lengths = torch.tensor([7, 3, 1, 5])
    mask = torch.arange(7) < lengths.unsqueeze(1)
    source = torch.randint(4, 11, (4, 7), generator=random).masked_fill(~mask, PAD)
    return source, mask, torch.randint(4, 11, (4, 5), generator=random)


def assert_same(found: Tensor | None, wanted: Tensor | None) -> None:
    assert (found is None) == (wanted is None)
    if found is not None and wanted is not None:
        assert found.shape == wanted.shape
        # Attention weights are float32 whatever the rest is.
        assert torch.allclose(found, wanted, atol=5e-6, rtol=1e-5), float((found - wanted).abs().max())


def tensors_of(value: Any) -> Iterator[Tensor]:
    """Every tensor in Rows, in a fixed order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Rows):
        for field in fields(value):
            yield from tensors_of(getattr(value, field.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from tensors_of(part)


# -- the promises ------------------------------------------------------------------------------------------------------


def decode_equals_the_unrolled_step(model: Seq2Seq[Any, Any]) -> None:
    source, mask, target_in = inputs()
    memory = model.encode(source, mask)
    fast, slow = model.decode(memory, target_in), Seq2Seq.decode(model, memory, target_in)
    assert fast.logits.shape[:2] == (4, 5)
    assert_same(fast.logits, slow.logits)
    assert_same(fast.attention, slow.attention)


def a_row_depends_on_itself_alone(model: Seq2Seq[Any, Any]) -> None:
    source, mask, target_in = inputs()
    together = model(source, mask, target_in)
    if together.attention is not None:
        assert float(together.attention.masked_select(~mask.unsqueeze(1)).abs().max()) == 0
        assert_same(together.attention.sum(-1), torch.ones(4, 5))
    for row, length in enumerate(mask.sum(1).tolist()):
        alone = model(source[row : row + 1, :length], mask[row : row + 1, :length], target_in[row : row + 1])
        assert_same(alone.logits[0], together.logits[row])
        if together.attention is not None and alone.attention is not None:
            assert_same(alone.attention[0], together.attention[row, :, :length])
    # Five more columns of padding, whatever stands in them, and other neighbours.
    wide = torch.cat([source, torch.full((4, 5), 7)], dim=1)
    wide[1:] = torch.where(torch.arange(12) < 9, 4, PAD)
    wide_mask = torch.cat([mask, torch.zeros(4, 5, dtype=torch.bool)], dim=1)
    wide_mask[1:] = wide[1:] != PAD
    assert_same(model(wide, wide_mask, target_in).logits[0], together.logits[0])


def future_targets_do_not_leak(model: Seq2Seq[Any, Any]) -> None:
    source, mask, target_in = inputs()
    before = model(source, mask, target_in)
    for place in range(1, 5):
        changed = target_in.clone()
        changed[:, place:] = (changed[:, place:] - 3) % 7 + 4
        after = model(source, mask, changed)
        assert_same(after.logits[:, :place], before.logits[:, :place])
        assert not torch.allclose(after.logits[:, place:], before.logits[:, place:])  # the past does count


def select_moves_every_tensor(model: Seq2Seq[Any, Any]) -> None:
    source, mask, target_in = inputs()
    memory = model.encode(source, mask)
    state = model.start(memory)
    for token in target_in[:, :2].unbind(1):
        _, state = model.step(memory, state, token)
    rows = torch.tensor([2, 0, 0, 3, 1, 3])
    for held in (memory, state):
        chosen = held.select(rows)
        assert type(chosen) is type(held)
        before, after = list(tensors_of(held)), list(tensors_of(chosen))
        assert before
        assert len(after) == len(before)
        for old, new in zip(before, after, strict=True):
            assert old.shape[0] == 4
            assert torch.equal(new, old[rows])
    wanted, wanted_state = model.step(memory, state, target_in[:, 2])
    found, found_state = model.step(memory.select(rows), state.select(rows), target_in[rows, 2])
    wanted, wanted_state = wanted.select(rows), wanted_state.select(rows)
    for new, old in zip(tensors_of((found, found_state)), tensors_of((wanted, wanted_state)), strict=True):
        assert_same(new, old)


def rows_share_the_memory_of_their_sentence(model: Seq2Seq[Any, Any]) -> None:
    source, mask, target_in = inputs()
    memory = model.encode(source, mask)
    each = torch.arange(4).repeat_interleave(3)
    state, own = model.start(memory).select(each), memory.select(each)
    other = model.start(memory).select(each)
    for token in target_in[:, :3].unbind(1):
        said = (token[each] + torch.arange(12)) % 7 + 4  # every hypothesis says something else
        found, state = model.step(memory, state, said)
        wanted, other = model.step(own, other, said)
        for new, old in zip(tensors_of((found, state)), tensors_of((wanted, other)), strict=True):
            assert_same(new, old)


def sentences_may_have_different_numbers_of_rows(model: Seq2Seq[Any, Any]) -> None:
    source, mask, target_in = inputs()
    memory = model.encode(source, mask)
    each, slots = torch.tensor([0, 0, 0, 1, 3, 3]), torch.tensor([0, 1, 2, 3, 9, 10])  # of sentence 2 there is none
    asked, own = memory.asked_by(Askers(4, 3, slots)), memory.select(each)
    pieces = torch.tensor([[3, 5, 10, 0], [3, 4, 6, 7], [3, 10, 9, 8], [3, 3, 5, 0]])
    state, other = model.start(memory).select(each), model.start(memory).select(each)
    for token in target_in[:, :3].unbind(1):
        said = (token[each] + torch.arange(6)) % 7 + 4
        for few in (pieces, pieces[:, :2]):  # more in all than the vocabulary has, and fewer
            some, _ = model.restricted(few).step(asked, state, said)
            assert_same(some.logits, model.step(asked, state, said)[0].logits.gather(1, few[each]))
        found, state = model.step(asked, state, said)
        wanted, other = model.step(own, other, said)
        for new, old in zip(tensors_of((found, state)), tensors_of((wanted, other)), strict=True):
            assert_same(new, old)
    assert asked.select(torch.tensor([1])).askers is None  # others ask what is left


def a_restricted_model_predicts_the_same_of_its_pieces(model: Seq2Seq[Any, Any]) -> None:
    source, mask, target_in = inputs()
    pieces = torch.tensor([[3, 5, 10, 0], [3, 4, 6, 7], [3, 10, 9, 8], [3, 3, 5, 0]])
    each = torch.arange(4).repeat_interleave(2)
    memory = model.encode(source, mask)
    state, narrow = model.start(memory).select(each), model.restricted(pieces)
    for token in target_in[:, :2].unbind(1):
        found, _ = narrow.step(memory, state, token[each])
        wanted, state = model.step(memory, state, token[each])
        assert_same(found.logits, wanted.logits.gather(1, pieces[each]))
        assert_same(found.attention, wanted.attention)
    assert model.step(memory, model.start(memory), target_in[:, 0])[0].logits.shape == (4, 11)  # itself as before


def calls_change_none_of_their_arguments(model: Seq2Seq[Any, Any]) -> None:
    source, mask, target_in = inputs()
    memory = model.encode(source, mask)
    state = model.start(memory)
    held = (memory, state, source, mask, target_in, tuple(p.detach() for p in model.parameters()))
    copies = [tensor.clone() for tensor in tensors_of(held)]
    first, first_state = model.step(memory, state, target_in[:, 0])
    model.step(memory, first_state, target_in[:, 1])
    whole = model.decode(memory, target_in)
    model.encode(source.flip(0), mask.flip(0))
    for tensor, copy in zip(tensors_of(held), copies, strict=True):
        assert torch.equal(tensor, copy)
    # Modules keep nothing between calls: the same arguments give the same again.
    again, again_state = model.step(memory, state, target_in[:, 0])
    for new, old in zip(tensors_of((again, again_state)), tensors_of((first, first_state)), strict=True):
        assert torch.equal(new, old)
    assert torch.equal(model.decode(memory, target_in).logits, whole.logits)


def every_parameter_gets_a_gradient(model: Seq2Seq[Any, Any]) -> None:
    source, mask, target_in = inputs()
    torch.manual_seed(0)
    logits = model.train()(source, mask, target_in).logits
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), target_in.roll(-1, 1).flatten()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0, name


def a_wide_beam_equals_brute_force(model: Seq2Seq[Any, Any]) -> None:
    """With two pieces and at most 10 places there are 1,023 translations: the beam has room for all."""
    source = torch.tensor([[4, 5, 5, EOS]])
    config = SearchConfig(beam=1024, nbest=1024, max_length=0.01, no_repeat_ngram=0, length_penalty=0.7)
    found = beam_search(model, source, source != PAD, config, bos=BOS, eos=EOS, forbidden=[PAD, UNK])[0]
    wanted = {}
    memory = model.encode(source, source != PAD)
    for length in range(10):
        texts = torch.tensor(list(itertools.product((4, 5), repeat=length)), dtype=torch.int64).view(2**length, length)
        rows = memory.select(torch.zeros(len(texts), dtype=torch.int64))
        target_in = torch.cat([torch.full((len(texts), 1), BOS), texts], dim=1)
        target_out = torch.cat([texts, torch.full((len(texts), 1), EOS)], dim=1)
        log_probs = model.decode(rows, target_in).logits.log_softmax(-1).gather(2, target_out.unsqueeze(-1))
        scores = log_probs.sum((1, 2)) / ((5 + length + 1) / 6) ** 0.7
        wanted |= dict(zip(map(tuple, texts.tolist()), scores.tolist(), strict=True))
    assert {tuple(h.tokens): h.score for h in found} == pytest.approx(wanted, abs=1e-4)
    assert len(found) == 1023
    assert found[0].score == pytest.approx(max(wanted.values()), abs=1e-4)


def the_attention_can_be_guided(model: Seq2Seq[Any, Any]) -> None:
    attention = model(*inputs()).attention
    assert (attention is not None) == model.attends
    if attention is not None:
        attention[..., 0].sum().backward()
        assert any(p.grad is not None and float(p.grad.abs().max()) > 0 for p in model.parameters())


PROMISES: list[Callable[[Seq2Seq[Any, Any]], None]] = [
    decode_equals_the_unrolled_step,
    a_row_depends_on_itself_alone,
    future_targets_do_not_leak,
    select_moves_every_tensor,
    rows_share_the_memory_of_their_sentence,
    sentences_may_have_different_numbers_of_rows,
    a_restricted_model_predicts_the_same_of_its_pieces,
    calls_change_none_of_their_arguments,
    every_parameter_gets_a_gradient,
    the_attention_can_be_guided,
    a_wide_beam_equals_brute_force,
]


def keep(promise: Callable[[Seq2Seq[Any, Any]], None], case: tuple[str, dict[str, Any]]) -> None:
    brute = promise is a_wide_beam_equals_brute_force
    model = build_model(case, pieces=6 if brute else 11)
    if promise in (every_parameter_gets_a_gradient, the_attention_can_be_guided):
        promise(model)
    else:
        with torch.no_grad():
            promise(model)


def test_every_family_has_variants() -> None:
    assert set(VARIANTS) == set(FAMILIES)


@pytest.mark.parametrize("case", CASES, ids=name_of)
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_contract(promise: Callable[[Seq2Seq[Any, Any]], None], case: tuple[str, dict[str, Any]]) -> None:
    keep(promise, case)


# -- the bugs that the promises are to catch ---------------------------------------------------------------------------

PLAIN = ("lstm", {**TINY, "tie_embeddings": "none"})


def test_rows_refuse_what_cannot_follow_its_row() -> None:
    with pytest.raises(TypeError, match="may not hold a list"):
        DecoderState([torch.zeros(2, 3)], None).select(torch.tensor([0]))  # type: ignore[arg-type]


def test_a_decode_that_forgets_a_layer_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(self: LSTMLayer, inputs: Tensor, state: Rows | None = None) -> Tensor:
        return self.cells(inputs)[0]  # starts from zeros instead of from the bridge

    monkeypatch.setattr(LSTMLayer, "forward", forget)
    with pytest.raises(AssertionError):
        keep(decode_equals_the_unrolled_step, PLAIN)


def test_attention_of_another_step_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = RecurrentSeq2Seq.decode

    def shifted(self: RecurrentSeq2Seq, memory: Any, target_in: Tensor) -> Decoded:
        decoded = whole(self, memory, target_in)
        assert decoded.attention is not None
        return replace(decoded, attention=decoded.attention.roll(1, dims=1))

    monkeypatch.setattr(RecurrentSeq2Seq, "decode", shifted)
    with pytest.raises(AssertionError):
        keep(decode_equals_the_unrolled_step, PLAIN)


def test_an_encoder_that_reads_padding_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    encode = Encoder.forward
    monkeypatch.setattr(Encoder, "forward", lambda self, values, mask: encode(self, values, torch.ones_like(mask)))
    with pytest.raises(AssertionError):
        keep(a_row_depends_on_itself_alone, PLAIN)


def test_an_attention_that_sees_padding_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    remember = Attention.remember
    monkeypatch.setattr(
        Attention, "remember", lambda self, values, mask, last: remember(self, values, torch.ones_like(mask), last)
    )
    with pytest.raises(AssertionError):
        keep(a_row_depends_on_itself_alone, PLAIN)


def test_a_look_at_the_next_piece_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = RecurrentSeq2Seq.decode
    monkeypatch.setattr(
        RecurrentSeq2Seq, "decode", lambda self, memory, target: whole(self, memory, (target + target.roll(-1, 1)) // 2)
    )
    with pytest.raises(AssertionError):
        keep(future_targets_do_not_leak, PLAIN)


def test_a_cell_that_stays_behind_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def select(self: LSTMState, rows: Tensor) -> LSTMState:
        return LSTMState(self.hidden[rows], self.cell[torch.arange(len(rows)) % len(self.cell)])

    monkeypatch.setattr(LSTMState, "select", select)
    with pytest.raises(AssertionError):
        keep(select_moves_every_tensor, PLAIN)
    with pytest.raises(AssertionError):
        keep(a_wide_beam_equals_brute_force, PLAIN)


def test_a_step_that_writes_into_its_state_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    step = LSTMLayer.step

    def careless(self: LSTMLayer, inputs: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        hidden, after = step(self, inputs, state)
        return hidden, LSTMState(state.hidden.copy_(after.hidden), state.cell.copy_(after.cell))

    monkeypatch.setattr(LSTMLayer, "step", careless)
    with pytest.raises(AssertionError):
        keep(calls_change_none_of_their_arguments, PLAIN)


def test_a_module_that_remembers_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    step, calls = RecurrentSeq2Seq.step, itertools.count()

    def counting(self: RecurrentSeq2Seq, memory: Any, state: Any, token: Tensor) -> tuple[Step, Any]:
        found, after = step(self, memory, state, token)
        return replace(found, logits=found.logits + next(calls)), after

    monkeypatch.setattr(RecurrentSeq2Seq, "step", counting)
    with pytest.raises(AssertionError):
        keep(calls_change_none_of_their_arguments, PLAIN)


def test_a_cut_gradient_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    remember = Attention.remember
    monkeypatch.setattr(
        Attention, "remember", lambda self, values, mask, last: remember(self, values, mask, last.detach() * 0)
    )
    with pytest.raises(AssertionError, match="bridges"):
        keep(every_parameter_gets_a_gradient, PLAIN)
