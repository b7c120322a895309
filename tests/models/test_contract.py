"""What each family promises (seq2seq/models/base.py), checked for each of its variants.

To add a family, add a line to VARIANTS. The second half of this file breaks a model on purpose, one
bug for each promise, and checks that the promise notices.

Legend: B sentences, N rows, S source tokens, T target tokens, V vocabulary, C candidates.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
import torch
from fakes import search_with_torch
from torch import Tensor

from seq2seq.config.model import FAMILY_CONFIGS
from seq2seq.decoding.engines.torch_layout import TensorLayout
from seq2seq.models import FAMILIES, Decoded, Rows, Seq2Seq, Step, VocabularySizes, build
from seq2seq.models.layers.attention import Attention, AttentionMemory
from seq2seq.models.lstm import LSTMLayer, LSTMState
from seq2seq.models.recurrent import DecoderState, Encoder, RecurrentSeq2Seq
from seq2seq.settings import SearchSettings

PAD, UNK, BOS, EOS = range(4)
FIRST_WORD = 4
VOCABULARY = 11
WORDS = VOCABULARY - FIRST_WORD

TINY = {"embedding_size": 6, "hidden_size": 8, "dropout": 0.1, "word_dropout": 0.05}
TYING = ("all", "target", "none")


def _recurrent_variants() -> Iterator[dict[str, Any]]:
    """Yields each attention with and without input feeding, with 1 and 3 layers, tying in turn."""
    kinds = ("dot", "general", "additive", "none")
    switches = itertools.product(kinds, (False, True), (1, 3))
    for number, (attention, input_feeding, layers) in enumerate(switches):
        yield {
            **TINY,
            "attention": attention,
            "input_feeding": input_feeding,
            "encoder_layers": layers,
            "decoder_layers": layers,
            "tie_embeddings": TYING[number % 3],
        }
    # The other switches.
    no_residual = {"residual": False, "tie_embeddings": "target"}
    no_layer_norm = {"layer_norm": False, "tie_embeddings": "none"}
    yield {**TINY, "encoder_layers": 1, "decoder_layers": 3, **no_residual}
    yield {**TINY, "encoder_layers": 3, "decoder_layers": 1, **no_layer_norm}
    yield {**TINY, "embedding_size": 8, "input_feeding": True, "layer_norm": False}


def _transformer_variants() -> Iterator[dict[str, Any]]:
    for tying, (heads, layers) in zip(TYING, [(1, 1), (2, 1), (4, 3)], strict=True):
        yield {
            "size": 8,
            "feed_forward_size": 12,
            "heads": heads,
            "encoder_layers": layers,
            "decoder_layers": layers,
            "dropout": 0.1,
            "tie_embeddings": tying,
        }


def _mamba_variants() -> Iterator[dict[str, Any]]:
    sizes = [(4, 64, 1), (16, 2, 2), (2, 3, 1)]
    for tying, (head_size, chunk, layers) in zip(TYING, sizes, strict=True):
        yield {
            "size": 8,
            "head_size": head_size,
            "state_size": 3,
            "chunk": chunk,
            "attention_heads": 2,
            "encoder_layers": layers,
            "decoder_layers": layers,
            "dropout": 0.1,
            "tie_embeddings": tying,
        }


RECURRENT = list(_recurrent_variants())
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "lstm": RECURRENT,
    "rnn": RECURRENT,
    "gru": RECURRENT,
    "transformer": list(_transformer_variants()),
    "mamba": list(_mamba_variants()),
    "mingru": RECURRENT,
    "xlstm": RECURRENT,
}


@dataclass(frozen=True)
class Variant:
    """One family with one set of options. `number` is its index in VARIANTS."""

    family: str
    number: int

    @property
    def options(self) -> dict[str, Any]:
        return VARIANTS[self.family][self.number]

    def __str__(self) -> str:
        changes = {key: value for key, value in self.options.items() if key not in TINY}
        return "-".join([self.family, *(f"{key}={value}" for key, value in changes.items())])


ALL_VARIANTS = [
    Variant(family, number)
    for family, variants in VARIANTS.items()
    for number in range(len(variants))
]


def build_variant(variant: Variant, vocabulary: int = VOCABULARY) -> Seq2Seq:
    """Builds a model in eval mode whose parameters are neither 0 nor 1, so that each has an effect.

    In double precision, differences that are larger than rounding errors are bugs.
    """
    options = variant.options
    is_joint = options.get("tie_embeddings", "all") == "all"
    sizes = VocabularySizes(source=vocabulary if is_joint else vocabulary + 2, target=vocabulary)
    torch.manual_seed(3)
    model = build(FAMILY_CONFIGS[variant.family](family=variant.family, **options), sizes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model.double().eval()


shared_variant = functools.cache(build_variant)
"""`build_variant` for tests that do not change the model."""


def example_batch() -> tuple[Tensor, Tensor, Tensor]:
    """Returns a source (4,7) of different lengths, its mask, and target_in (4,5)."""
    random = torch.Generator().manual_seed(1)
    lengths = torch.tensor([7, 3, 1, 5])
    mask = torch.arange(7) < lengths.unsqueeze(1)
    source = torch.randint(FIRST_WORD, VOCABULARY, (4, 7), generator=random)
    target_in = torch.randint(FIRST_WORD, VOCABULARY, (4, 5), generator=random)
    return source.masked_fill(~mask, PAD), mask, target_in


def different_tokens(tokens: Tensor) -> Tensor:
    """tokens (N) -> another word for each row, so that the hypotheses of a sentence differ."""
    return (tokens + torch.arange(len(tokens))) % WORDS + FIRST_WORD


def assert_close(actual: Tensor | None, expected: Tensor | None) -> None:
    assert (actual is None) == (expected is None)
    if actual is None or expected is None:
        return
    assert actual.shape == expected.shape
    # Attention weights are float32 even in a double precision model.
    difference = float((actual - expected).abs().max())
    assert torch.allclose(actual, expected, atol=5e-6, rtol=1e-5), difference


def assert_all_close(actual: object, expected: object) -> None:
    """Compares all tensors of two steps, states, or tuples of these."""
    for left, right in zip(tensors_of(actual), tensors_of(expected), strict=True):
        assert_close(left, right)


def tensors_of(value: object) -> Iterator[Tensor]:
    """Yields the tensors of Rows or of a tuple, in a fixed order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Rows):
        for field in fields(value):
            yield from tensors_of(getattr(value, field.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from tensors_of(part)


# -- The promises ----------------------------------------------------------------------------------


def decode_equals_the_unrolled_step(model: Seq2Seq) -> None:
    source, mask, target_in = example_batch()
    memory = model.encode(source, mask)
    at_once = model.decode(memory, target_in)
    unrolled = Seq2Seq.decode(model, memory, target_in)
    assert at_once.logits.shape == (4, 5, VOCABULARY)
    assert_close(at_once.logits, unrolled.logits)
    assert_close(at_once.attention, unrolled.attention)


def row_is_independent_of_its_batch(model: Seq2Seq) -> None:
    source, mask, target_in = example_batch()
    batch = model(source, mask, target_in)
    for row, length in enumerate(mask.sum(1).tolist()):
        only_row = slice(row, row + 1)
        alone = model(source[only_row, :length], mask[only_row, :length], target_in[only_row])
        assert_close(alone.logits[0], batch.logits[row])
        if batch.attention is not None:
            assert_close(alone.attention[0], batch.attention[row, :, :length])


def row_is_independent_of_padding(model: Seq2Seq) -> None:
    source, mask, target_in = example_batch()
    batch = model(source, mask, target_in)
    # Row 0 gets five columns of padding that hold a word. The other rows become other sentences.
    wide_source = torch.cat([source, torch.full((4, 5), FIRST_WORD + 3)], dim=1)
    wide_source[1:] = torch.where(torch.arange(12) < 9, FIRST_WORD, PAD)
    wide_mask = torch.cat([mask, torch.zeros(4, 5, dtype=torch.bool)], dim=1)
    wide_mask[1:] = wide_source[1:] != PAD
    assert_close(model(wide_source, wide_mask, target_in).logits[0], batch.logits[0])


def attention_is_zero_at_padding_and_sums_to_one(model: Seq2Seq) -> None:
    source, mask, target_in = example_batch()
    weights = model(source, mask, target_in).attention
    assert (weights is not None) == model.has_attention
    if weights is not None:
        assert float(weights.masked_select(~mask.unsqueeze(1)).abs().max()) == 0
        assert_close(weights.sum(-1), torch.ones(4, 5))


def future_targets_do_not_leak(model: Seq2Seq) -> None:
    source, mask, target_in = example_batch()
    before = model(source, mask, target_in).logits
    for position in range(1, 5):
        changed = target_in.clone()
        changed[:, position:] = (changed[:, position:] - 3) % WORDS + FIRST_WORD
        after = model(source, mask, changed).logits
        assert_close(after[:, :position], before[:, :position])
        # The change does have an effect on later positions.
        assert not torch.allclose(after[:, position:], before[:, position:])


def select_moves_every_tensor(model: Seq2Seq) -> None:
    source, mask, target_in = example_batch()
    memory = model.encode(source, mask)
    state = model.start(memory)
    for token in target_in[:, :2].unbind(1):
        _, state = model.step(memory, state, token)
    rows = torch.tensor([2, 0, 0, 3, 1, 3])
    for original in (memory, state):
        selected = original.select(rows)
        assert type(selected) is type(original)
        tensors = list(tensors_of(original))
        assert tensors
        for before, after in zip(tensors, tensors_of(selected), strict=True):
            assert before.shape[0] == 4
            assert torch.equal(after, before[rows])
    step, next_state = model.step(memory, state, target_in[:, 2])
    selected_step = model.step(memory.select(rows), state.select(rows), target_in[rows, 2])
    assert_all_close(selected_step, (step.select(rows), next_state.select(rows)))


def rows_share_the_memory_of_their_sentence(model: Seq2Seq) -> None:
    sentences = torch.arange(4).repeat_interleave(3)
    check_rows_against_copies(model, sentences, TensorLayout(4, 3))


def sentences_may_have_different_numbers_of_rows(model: Seq2Seq) -> None:
    sentences = torch.tensor([0, 0, 0, 1, 3, 3])  # sentence 2 has no row
    layout = TensorLayout(4, 3, slots=torch.tensor([0, 1, 2, 3, 9, 10]))
    check_rows_against_copies(model, sentences, layout)


def check_rows_against_copies(model: Seq2Seq, sentences: Tensor, layout: TensorLayout) -> None:
    """Checks that rows with a layout get the same steps as rows that each have a memory.

    Args:
        model: the model.
        sentences: (N,), the sentence of each row.
        layout: the same for the memory.
    """
    source, mask, target_in = example_batch()
    memory = model.encode(source, mask)
    shared = memory.with_layout(layout)
    copies = memory.select(sentences)
    state = model.start(memory).select(sentences)
    expected_state = model.start(memory).select(sentences)
    for token in target_in[:, :3].unbind(1):
        tokens = different_tokens(token[sentences])
        step, state = model.step(shared, state, tokens)
        expected_step, expected_state = model.step(copies, expected_state, tokens)
        assert_all_close((step, state), (expected_step, expected_state))


def selected_memory_has_no_layout(model: Seq2Seq) -> None:
    source, mask, _ = example_batch()
    memory = model.encode(source, mask).with_layout(TensorLayout(4, 3))
    assert memory.layout is not None
    assert memory.select(torch.tensor([1])).layout is None


CANDIDATES = torch.tensor([[3, 5, 10, 0], [3, 4, 6, 7], [3, 10, 9, 8], [3, 3, 5, 0]])
FEW_CANDIDATES = CANDIDATES[:, :2]  # fewer in all sentences together than the vocabulary has


def candidates_get_the_same_logits(model: Seq2Seq) -> None:
    check_candidates(model, torch.arange(4).repeat_interleave(2), TensorLayout(4, 2))


def candidates_get_the_same_logits_with_different_numbers_of_rows(model: Seq2Seq) -> None:
    layout = TensorLayout(4, 3, slots=torch.tensor([0, 1, 2, 3, 9, 10]))
    check_candidates(model, torch.tensor([0, 0, 0, 1, 3, 3]), layout)


def check_candidates(model: Seq2Seq, sentences: Tensor, layout: TensorLayout) -> None:
    source, mask, target_in = example_batch()
    encoded = model.encode(source, mask)
    memory = encoded.with_layout(layout)
    state = model.start(encoded).select(sentences)
    for token in target_in[:, :2].unbind(1):
        tokens = different_tokens(token[sentences])
        full, next_state = model.step(memory, state, tokens)
        for candidates in (CANDIDATES, FEW_CANDIDATES):
            limited, _ = model.with_candidates(candidates).step(memory, state, tokens)
            assert_close(limited.logits, full.logits.gather(1, candidates[sentences]))
            assert_close(limited.attention, full.attention)
        state = next_state
    # The model itself is not limited.
    step, _ = model.step(encoded, model.start(encoded), target_in[:, 0])
    assert step.logits.shape == (4, VOCABULARY)


def calls_change_none_of_their_arguments(model: Seq2Seq) -> None:
    source, mask, target_in = example_batch()
    memory = model.encode(source, mask)
    state = model.start(memory)
    parameters = tuple(parameter.detach() for parameter in model.parameters())
    arguments = (memory, state, source, mask, target_in, parameters)
    copies = [tensor.clone() for tensor in tensors_of(arguments)]
    _, next_state = model.step(memory, state, target_in[:, 0])
    model.step(memory, next_state, target_in[:, 1])
    model.decode(memory, target_in)
    model.encode(source.flip(0), mask.flip(0))
    for tensor, copy in zip(tensors_of(arguments), copies, strict=True):
        assert torch.equal(tensor, copy)


def modules_keep_nothing_between_calls(model: Seq2Seq) -> None:
    source, mask, target_in = example_batch()
    memory = model.encode(source, mask)
    state = model.start(memory)
    first_step = model.step(memory, state, target_in[:, 0])
    first_decoded = model.decode(memory, target_in)
    model.step(memory, first_step[1], target_in[:, 1])
    model.encode(source.flip(0), mask.flip(0))
    second_step = model.step(memory, state, target_in[:, 0])
    for first, second in zip(tensors_of(first_step), tensors_of(second_step), strict=True):
        assert torch.equal(first, second)
    assert torch.equal(model.decode(memory, target_in).logits, first_decoded.logits)


def every_parameter_gets_a_gradient(model: Seq2Seq) -> None:
    source, mask, target_in = example_batch()
    torch.manual_seed(0)
    logits = model.train()(source, mask, target_in).logits
    target_out = target_in.roll(-1, 1)
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), target_out.flatten()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0, name


def attention_has_a_gradient(model: Seq2Seq) -> None:
    """Guided alignment trains the attention directly."""
    weights = model(*example_batch()).attention
    if weights is not None:
        weights[..., 0].sum().backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        assert any(gradient is not None and bool(gradient.any()) for gradient in gradients)


def wide_beam_equals_brute_force(model: Seq2Seq) -> None:
    """Two words and at most 10 positions give 1,023 translations. The beam has room for all."""
    alpha = 0.7
    source = torch.tensor([[4, 5, 5, EOS]])
    config = SearchSettings(
        beam=1024, nbest=1024, max_length_ratio=0.01, no_repeat_ngram_size=0, length_penalty=alpha
    )
    hypotheses = search_with_torch(model, source, source != PAD, config, forbidden=[PAD, UNK])[0]
    expected: dict[tuple[int, ...], float] = {}
    memory = model.encode(source, source != PAD)
    for length in range(10):
        words = list(itertools.product((4, 5), repeat=length))
        texts = torch.tensor(words, dtype=torch.int64).view(2**length, length)
        copies = memory.select(torch.zeros(len(texts), dtype=torch.int64))
        target_in = torch.cat([torch.full((len(texts), 1), BOS), texts], dim=1)
        target_out = torch.cat([texts, torch.full((len(texts), 1), EOS)], dim=1)
        log_probs = model.decode(copies, target_in).logits.log_softmax(-1)
        sums = log_probs.gather(2, target_out.unsqueeze(-1)).sum((1, 2))
        scores = sums / ((5 + length + 1) / 6) ** alpha
        expected.update(zip(words, scores.tolist(), strict=True))
    assert len(hypotheses) == len(expected) == 1023
    assert {tuple(h.tokens): h.score for h in hypotheses} == pytest.approx(expected, abs=1e-4)
    assert hypotheses[0].score == pytest.approx(max(expected.values()), abs=1e-4)


Promise = Callable[[Seq2Seq], None]

PROMISES: list[Promise] = [
    decode_equals_the_unrolled_step,
    row_is_independent_of_its_batch,
    row_is_independent_of_padding,
    attention_is_zero_at_padding_and_sums_to_one,
    future_targets_do_not_leak,
    select_moves_every_tensor,
    rows_share_the_memory_of_their_sentence,
    sentences_may_have_different_numbers_of_rows,
    selected_memory_has_no_layout,
    candidates_get_the_same_logits,
    candidates_get_the_same_logits_with_different_numbers_of_rows,
    calls_change_none_of_their_arguments,
    modules_keep_nothing_between_calls,
]
PROMISES_WITH_GRADIENTS: list[Promise] = [every_parameter_gets_a_gradient, attention_has_a_gradient]


def test_every_family_has_variants() -> None:
    assert set(VARIANTS) == set(FAMILIES) == set(FAMILY_CONFIGS)


@torch.no_grad()
@pytest.mark.parametrize("variant", ALL_VARIANTS, ids=str)
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_promise(promise: Promise, variant: Variant) -> None:
    promise(shared_variant(variant))


@pytest.mark.parametrize("variant", ALL_VARIANTS, ids=str)
@pytest.mark.parametrize("promise", PROMISES_WITH_GRADIENTS, ids=lambda promise: promise.__name__)
def test_promise_with_gradients(promise: Promise, variant: Variant) -> None:
    promise(build_variant(variant))


@torch.no_grad()
@pytest.mark.parametrize("variant", ALL_VARIANTS, ids=str)
def test_wide_beam_equals_brute_force(variant: Variant) -> None:
    wide_beam_equals_brute_force(build_variant(variant, vocabulary=6))


# -- The bugs that the promises should catch -------------------------------------------------------

BROKEN = Variant("lstm", len(RECURRENT) - 2)
"""The variant that the bugs are planted in: it has attention and no input feeding."""


@torch.no_grad()
def assert_broken(promise: Promise, vocabulary: int = VOCABULARY) -> None:
    with pytest.raises(AssertionError):
        promise(build_variant(BROKEN, vocabulary))


def test_rows_reject_lists() -> None:
    state = DecoderState([torch.zeros(2, 3)], None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Rows cannot hold a list"):
        state.select(torch.tensor([0]))


def test_decode_that_ignores_the_initial_state_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward_from_zeros(
        self: LSTMLayer, inputs: Tensor, state: LSTMState | None = None
    ) -> Tensor:
        return self.cells(inputs)[0]

    monkeypatch.setattr(LSTMLayer, "forward", forward_from_zeros)
    assert_broken(decode_equals_the_unrolled_step)


def test_attention_of_another_step_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = RecurrentSeq2Seq.decode

    def decode_shifted(
        self: RecurrentSeq2Seq, memory: AttentionMemory, target_in: Tensor
    ) -> Decoded:
        decoded = decode(self, memory, target_in)
        assert decoded.attention is not None
        return replace(decoded, attention=decoded.attention.roll(1, dims=1))

    monkeypatch.setattr(RecurrentSeq2Seq, "decode", decode_shifted)
    assert_broken(decode_equals_the_unrolled_step)


@pytest.mark.parametrize(
    "promise", [row_is_independent_of_its_batch, row_is_independent_of_padding]
)
def test_encoder_that_reads_padding_is_caught(
    promise: Promise, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Encoder.forward

    def forward_without_mask(
        self: Encoder, embedded: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        return forward(self, embedded, torch.ones_like(mask))

    monkeypatch.setattr(Encoder, "forward", forward_without_mask)
    assert_broken(promise)


@pytest.mark.parametrize(
    "promise", [row_is_independent_of_its_batch, attention_is_zero_at_padding_and_sums_to_one]
)
def test_attention_that_sees_padding_is_caught(
    promise: Promise, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_memory = Attention.build_memory

    def build_memory_without_mask(
        self: Attention, values: Tensor, mask: Tensor, summary: Tensor
    ) -> AttentionMemory:
        return build_memory(self, values, torch.ones_like(mask), summary)

    monkeypatch.setattr(Attention, "build_memory", build_memory_without_mask)
    assert_broken(promise)


def test_decoder_that_sees_the_next_token_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = RecurrentSeq2Seq.decode

    def decode_with_future(
        self: RecurrentSeq2Seq, memory: AttentionMemory, target_in: Tensor
    ) -> Decoded:
        return decode(self, memory, (target_in + target_in.roll(-1, 1)) // 2)

    monkeypatch.setattr(RecurrentSeq2Seq, "decode", decode_with_future)
    assert_broken(future_targets_do_not_leak)


def select_hidden_only(self: LSTMState, rows: Tensor) -> LSTMState:
    """A wrong `select` that leaves the cells where they were."""
    return LSTMState(self.hidden[rows], self.cell[torch.arange(len(rows)) % len(self.cell)])


def test_cell_that_is_not_selected_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LSTMState, "select", select_hidden_only)
    assert_broken(select_moves_every_tensor)


def test_cell_that_is_not_selected_is_caught_by_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LSTMState, "select", select_hidden_only)
    assert_broken(wide_beam_equals_brute_force, vocabulary=6)


@pytest.mark.parametrize(
    "promise",
    [
        rows_share_the_memory_of_their_sentence,
        sentences_may_have_different_numbers_of_rows,
        candidates_get_the_same_logits,
        candidates_get_the_same_logits_with_different_numbers_of_rows,
    ],
)
def test_rows_that_read_another_sentence_are_caught(
    promise: Promise, monkeypatch: pytest.MonkeyPatch
) -> None:
    ungroup = TensorLayout.ungroup

    def ungroup_next_sentence(self: TensorLayout, grouped: Tensor) -> Tensor:
        return ungroup(self, grouped.roll(1, dims=0))

    monkeypatch.setattr(TensorLayout, "ungroup", ungroup_next_sentence)
    assert_broken(promise)


def test_step_that_writes_into_its_state_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    step = LSTMLayer.step

    def step_in_place(
        self: LSTMLayer, inputs: Tensor, state: LSTMState
    ) -> tuple[Tensor, LSTMState]:
        hidden, after = step(self, inputs, state)
        state.hidden.copy_(after.hidden)
        state.cell.copy_(after.cell)
        return hidden, state

    monkeypatch.setattr(LSTMLayer, "step", step_in_place)
    assert_broken(calls_change_none_of_their_arguments)


def test_module_that_counts_its_calls_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    step = RecurrentSeq2Seq.step
    calls = itertools.count()

    def counting_step(
        self: RecurrentSeq2Seq, memory: AttentionMemory, state: DecoderState, token: Tensor
    ) -> tuple[Step, DecoderState]:
        result, after = step(self, memory, state, token)
        return replace(result, logits=result.logits + next(calls)), after

    monkeypatch.setattr(RecurrentSeq2Seq, "step", counting_step)
    assert_broken(modules_keep_nothing_between_calls)


def test_missing_gradient_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    build_memory = Attention.build_memory

    def build_memory_without_summary(
        self: Attention, values: Tensor, mask: Tensor, summary: Tensor
    ) -> AttentionMemory:
        return build_memory(self, values, mask, summary.detach() * 0)

    monkeypatch.setattr(Attention, "build_memory", build_memory_without_summary)
    with pytest.raises(AssertionError, match="bridges"):
        every_parameter_gets_a_gradient(build_variant(BROKEN))
