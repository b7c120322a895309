"""ONNX Runtime as an engine, compared with the same model in NumPy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines_layout import layout_of
from tiny_graphs import VOCABULARY, TinyModel, write_graphs

from seq2seq.decoding.engine import Booleans, Integers
from seq2seq.decoding.engines.onnx import OnnxEngine, load_engine
from seq2seq.decoding.engines.onnx_batch import BatchDecoding
from seq2seq.decoding.engines.onnx_decoder import Decoder, Tensors, as_value
from seq2seq.decoding.engines.onnx_sentence import SentenceDecoding
from seq2seq.errors import UserError

SOURCE = np.array([[5, 6, 7, 3], [8, 3, 0, 0], [9, 10, 3, 0]])
MASK = SOURCE != 0
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> OnnxEngine:
    return load_engine(*write_graphs(tmp_path_factory.mktemp("graphs")), threads=1)


def start(engine: OnnxEngine, **options: Any) -> BatchDecoding:
    defaults = {"never": [], "candidates": None, "keep_attention": False, "beam": 2}
    decoding = engine.start(SOURCE, MASK, **(defaults | options))
    assert isinstance(decoding, BatchDecoding)
    return decoding


def all_tokens(decoding, tokens, row_counts):  # type: ignore[no-untyped-def]
    """Returns the log-probabilities (N,V) that a step finds, and its attention."""
    rows = len(tokens)
    next_tokens, attention = decoding.step(np.array(tokens))
    found = np.full((rows, VOCABULARY), -np.inf)
    count = VOCABULARY * max(row_counts)
    best = next_tokens.best(np.zeros(rows, np.float32), count)
    for log_probs, row_numbers, columns in zip(*best, strict=True):
        exists = log_probs > -np.inf
        found[row_numbers[exists], columns[exists]] = log_probs[exists]
    return found, attention


def test_steps_with_rows_that_move_and_sentences_that_leave(engine: OnnxEngine) -> None:
    twin = TinyModel(SOURCE, MASK)
    decoding = start(engine, keep_attention=True)

    def check(tokens: list[int], row_counts: list[int]) -> None:
        found, attention = all_tokens(decoding, tokens, row_counts)
        expected, expected_attention = twin.step(np.array(tokens))
        assert np.abs(found - expected).max() < TOLERANCE
        assert np.abs(attention - expected_attention).max() < TOLERANCE

    check([2, 2, 2], [1, 1, 1])
    decoding.select(np.array([0, 0, 1, 2, 2, 2]), None, layout_of([2, 1, 3]))
    twin.states = twin.states[[0, 0, 1, 2, 2, 2]]
    twin.sentences = np.array([0, 0, 1, 2, 2, 2])
    check([4, 5, 6, 7, 8, 9], [2, 1, 3])
    # Sentence 1 has ended, and the rows of sentence 2 change their order.
    decoding.select(np.array([1, 5, 3]), np.array([0, 2]), layout_of([1, 2]))
    twin.states = twin.states[[1, 5, 3]]
    twin.sentences = np.array([0, 2, 2])
    check([10, 11, 4], [1, 2])
    check([5, 5, 5], [1, 2])


def test_tokens_that_never_come(engine: OnnxEngine) -> None:
    decoding = start(engine, never=[0, 2, 7], beam=1)
    found, attention = all_tokens(decoding, [2, 2, 2], [1, 1, 1])
    expected, _ = TinyModel(SOURCE, MASK).step(np.array([2, 2, 2]))
    assert np.isneginf(found[:, [0, 2, 7]]).all()
    others = [column for column in range(VOCABULARY) if column not in (0, 2, 7)]
    assert np.abs(found[:, others] - expected[:, others]).max() < TOLERANCE
    assert attention is None


def test_candidates_share_the_probability_among_them(engine: OnnxEngine) -> None:
    candidates = np.array([[3, 5, 6], [3, 8, 0], [3, 4, 0]])
    decoding = start(engine, never=[0], candidates=candidates)
    decoding.step(np.array([2, 2, 2]))
    decoding.select(np.array([0, 0, 2]), np.array([0, 2]), layout_of([2, 1]))
    next_tokens, _ = decoding.step(np.array([5, 6, 4]))
    best = next_tokens.best(np.zeros(3, np.float32), 6)
    twin = TinyModel(SOURCE, MASK)
    twin.step(np.array([2, 2, 2]))
    twin.states = twin.states[[0, 0, 2]]
    twin.sentences = np.array([0, 0, 2])
    log_probs, _ = twin.step(np.array([5, 6, 4]))
    for row, tokens in enumerate([[3, 5, 6], [3, 5, 6], [3, 4]]):
        chosen = log_probs[row, tokens]
        expected = chosen - np.log(np.exp(chosen).sum())
        sentence = int(row == 2)
        of_row = (best[1][sentence] == row) & (best[0][sentence] > -np.inf)
        found = dict(zip(best[2][sentence][of_row], best[0][sentence][of_row], strict=True))
        assert [found[column] for column in range(len(tokens))] == pytest.approx(
            expected, abs=TOLERANCE
        )
        assert len(found) == len(tokens)


@pytest.mark.parametrize("keep_attention", [False, True])
def test_one_sentence_on_tensors_that_stay_is_decoded_as_in_a_batch(
    engine: OnnxEngine, keep_attention: bool
) -> None:
    """The slow twin hands over every tensor in every step."""
    source, mask = SOURCE[:1], MASK[:1]
    options: dict[str, Any] = {"never": [0, 7], "candidates": None, "beam": 3}
    fast = engine.start(source, mask, keep_attention=keep_attention, **options)
    slow = BatchDecoding(
        Decoder(engine.decoder),
        encode(engine, source, mask),
        keep_attention=keep_attention,
        **options,
    )
    assert isinstance(fast, SentenceDecoding)
    rng = np.random.default_rng(8)
    rows = 1
    for number in range(30):
        tokens = rng.integers(1, VOCABULARY, rows)
        results = [decoding.step(tokens.copy()) for decoding in (fast, slow)]
        scores = rng.normal(size=rows).astype(np.float32)
        bests = []
        for next_tokens, _ in results:
            next_tokens.exclude([0], [int(tokens[0])])
            bests.append(next_tokens.best(scores, 6))
        np.testing.assert_allclose(bests[0][0], bests[1][0], atol=TOLERANCE)
        np.testing.assert_array_equal(bests[0][1:], bests[1][1:])
        attention = [weights for _, weights in results]
        if keep_attention:
            assert attention[0] is not None
            assert attention[0].shape == (rows, source.shape[1])
            np.testing.assert_allclose(attention[0], attention[1], atol=TOLERANCE)
        else:
            assert attention == [None, None]
        if number % 4 == 3:
            continue  # all rows go on
        parents = rng.integers(0, rows, rng.integers(1, 4))
        rows = len(parents)
        for decoding in (fast, slow):
            decoding.select(parents, None, layout_of([rows]))


def test_attention_of_a_step_stays_when_the_next_one_is_computed(engine: OnnxEngine) -> None:
    decoding = engine.start(
        SOURCE[:1], MASK[:1], never=[], candidates=None, keep_attention=True, beam=1
    )
    _, first = decoding.step(np.array([2]))
    assert first is not None
    before = first.copy()
    decoding.step(np.array([9]))
    np.testing.assert_array_equal(first, before)


def test_several_sentences_many_rows_and_growing_states_are_decoded_as_batches(
    engine: OnnxEngine,
) -> None:
    decoder = Decoder(engine.decoder)
    assert SentenceDecoding.fits(decoder, sentences=1, beam=8)
    assert not SentenceDecoding.fits(decoder, sentences=2, beam=1)
    assert not SentenceDecoding.fits(decoder, sentences=1, beam=9)
    decoder.shapes["next_state.0"] = ["N", 4, "T"]
    assert not SentenceDecoding.fits(decoder, sentences=1, beam=1)


def encode(engine: OnnxEngine, source: Integers, mask: Booleans) -> Tensors:
    names = [output.name for output in engine.encoder.get_outputs()]
    inputs = {"source": as_value(source), "source_mask": as_value(mask)}
    return dict(zip(names, engine.encoder.run_with_ort_values(names, inputs), strict=True))


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    encoder, decoder = write_graphs(tmp_path)
    decoder.write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"decoder\.onnx is damaged"):
        load_engine(encoder, decoder, threads=1)
    decoder.unlink()
    with pytest.raises(UserError, match=r"decoder\.onnx is missing"):
        load_engine(encoder, decoder, threads=1)
