"""Sampled segmentations: their probabilities, the same in every process, symbols whole."""

import functools
import hashlib
import math
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import sentencepiece
from fakes import word_pairs
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.text import subword_sampling
from seq2seq.text.subword_model import SubwordModel, read_subword_model
from seq2seq.text.subword_sampling import BPEDropout, SubwordSampler, UnigramSampler
from seq2seq.text.tokenizer import COPY, RESERVED, Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer

Kind = Literal["unigram", "bpe"]
Segmentation = tuple[str, ...]
Probabilities = dict[Segmentation, float]

KINDS: tuple[Kind, ...] = ("unigram", "bpe")
every_kind = pytest.mark.parametrize("kind", KINDS)
NUM_SAMPLES = 20_000
SPACE = "\u2581"


def make_model(kind: Kind, scores: dict[str, float]) -> SubwordModel:
    ids = {token: number for number, token in enumerate(scores)}
    return SubwordModel(kind, scores=scores, ids=ids, bytes=list(range(100, 356)))


UNIGRAM = make_model(
    "unigram",
    {SPACE: -3.0, "a": -2.5, "b": -2.0, f"{SPACE}a": -2.2, "ab": -3.1, "ba": -4.0, "abab": -5.5},
)
# A merge with a higher score comes first. "ab" and "ba" compete for letters.
BPE = make_model(
    "bpe",
    {
        "ab": 0.0,
        "ba": -1.0,
        f"{SPACE}ab": -2.0,
        "abab": -3.0,
        "bab": -4.0,
        SPACE: -5.0,
        "a": -6.0,
        "b": -7.0,
    },
)


def observed(sampler: SubwordSampler, word: str, seed: int = 1) -> Counter[Segmentation]:
    """Samples segmentations, and counts them."""
    names = {token_id: token for token, token_id in sampler._model.ids.items()}
    rng = random.Random(seed)
    samples = (sampler.sample(word, rng) for _ in range(NUM_SAMPLES))
    return Counter(tuple(names[token] for token in ids) for ids in samples)


def assert_frequencies(counts: Counter[Segmentation], expected: Probabilities) -> None:
    """Fails if a frequency is more than 4.5 standard deviations away from its probability."""
    assert set(counts) <= set(expected)
    assert math.isclose(sum(expected.values()), 1)
    for segmentation, probability in expected.items():
        deviation = math.sqrt(NUM_SAMPLES * probability * (1 - probability))
        difference = abs(counts[segmentation] - NUM_SAMPLES * probability)
        assert difference <= 4.5 * deviation + 1e-6, segmentation


# -- Probabilities ---------------------------------------------------------------------------------


def all_segmentations(word: str, tokens: set[str]) -> Iterator[Segmentation]:
    if not word:
        yield ()
    for end in range(1, len(word) + 1):
        if word[:end] in tokens:
            for rest in all_segmentations(word[end:], tokens):
                yield (word[:end], *rest)


@pytest.mark.parametrize("alpha", [0.05, 0.5, 1.0])
def test_unigram_probabilities_are_those_of_all_segmentations(alpha: float) -> None:
    word = f"{SPACE}ababa"
    weights = {}
    for segmentation in all_segmentations(word, set(UNIGRAM.ids)):
        score = sum(UNIGRAM.scores[token] for token in segmentation)
        weights[segmentation] = math.exp(alpha * score)
    total = sum(weights.values())
    expected = {segmentation: weight / total for segmentation, weight in weights.items()}
    assert len(expected) > 10
    assert_frequencies(observed(UnigramSampler(UNIGRAM, alpha), word), expected)


def bpe_outcomes(word: str, alpha: float) -> Probabilities:
    """Follows every decision to skip or not to skip a merge."""
    outcomes: Probabilities = defaultdict(float)

    def follow(
        tokens: Segmentation, skipped: frozenset[tuple[int, int, int]], probability: float
    ) -> None:
        starts = [len("".join(tokens[:i])) for i in range(len(tokens) + 1)]
        merges = []
        for i in range(len(tokens) - 1):
            span = (starts[i], starts[i + 1], starts[i + 2])
            score = BPE.scores.get(tokens[i] + tokens[i + 1])
            if score is not None and span not in skipped:
                merges.append((-score, i, span))
        if not merges:
            outcomes[tokens] += probability
            return
        _, i, span = min(merges)
        follow(tokens, skipped | {span}, probability * alpha)
        merged = (*tokens[:i], tokens[i] + tokens[i + 1], *tokens[i + 2 :])
        follow(merged, skipped, probability * (1 - alpha))

    follow(tuple(word), frozenset(), 1.0)
    return outcomes


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9])
def test_bpe_probabilities_are_those_of_all_decisions(alpha: float) -> None:
    word = f"{SPACE}ababab"
    expected = bpe_outcomes(word, alpha)
    assert len(expected) > 10
    assert_frequencies(observed(BPEDropout(BPE, alpha), word), expected)


@functools.cache
def trained(kind: Kind, byte_fallback: bool = True, symbols: tuple[str, ...] = ()) -> Tokenizer:
    pairs = word_pairs(200)
    size = 340 if byte_fallback else 70
    config = TokenizerConfig(
        kind=kind, vocab_size=size, byte_fallback=byte_fallback, user_symbols=symbols
    )
    return train_tokenizer(config, pairs.source, pairs.target)


@every_kind
def test_frequencies_are_those_of_sentencepiece(kind: Kind) -> None:
    tokenizer = trained(kind)
    processor = tokenizer._processor("source")
    ours = Counter(map(tuple, tokenizer.sample(["hund katze"] * 4000, "source", alpha=0.3, seed=1)))
    theirs = Counter(
        tuple(processor.encode("hund katze", enable_sampling=True, alpha=0.3, nbest_size=-1))
        for _ in range(4000)
    )
    # The library's numbers are other ones in each process, so the tolerance is wide.
    for segmentation in ours.keys() | theirs.keys():
        mean = (ours[segmentation] + theirs[segmentation]) / 2
        assert abs(ours[segmentation] - theirs[segmentation]) <= 7 * math.sqrt(2 * mean) + 10


def test_words_are_sampled_independently() -> None:
    sampler = UnigramSampler(UNIGRAM, 0.5)
    words = 2 * [f"{SPACE}ab"]
    single = observed(sampler, words[0])
    expected: Probabilities = {}
    for first, first_count in single.items():
        for second, second_count in single.items():
            expected[first + second] = first_count * second_count / NUM_SAMPLES**2
    # `expected` is itself an estimate.
    for segmentation, count in observed(sampler, "".join(words), seed=2).items():
        assert abs(count / NUM_SAMPLES - expected[segmentation]) < 0.02


# -- The ends of the scale -------------------------------------------------------------------------

SENTENCES = [*word_pairs(60, seed=9).source, "Hund! 日本 xyz 日", "", " ", "  a\n"]


@every_kind
@pytest.mark.parametrize("byte_fallback", [True, False])
def test_without_randomness_the_best_segmentation_remains(kind: Kind, byte_fallback: bool) -> None:
    tokenizer = trained(kind, byte_fallback)
    alpha = 1000.0 if kind == "unigram" else 0.0
    sampled = tokenizer.sample(SENTENCES, "source", alpha=alpha, seed=1)
    assert sampled == tokenizer.encode(SENTENCES, "source")


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.sampled_from("hundkatze .\n日é")), alpha=st.floats(0.01, 0.99))
def test_without_skipped_merges_bpe_gives_the_best_segmentation(text: str, alpha: float) -> None:
    tokenizer = trained("bpe")
    assert tokenizer.sample([text], "source", alpha=0, seed=1) == tokenizer.encode([text], "source")
    (ids,) = tokenizer.sample([text], "source", alpha=alpha, seed=1)
    assert tokenizer.decode([ids]) == [text]


@every_kind
def test_a_very_long_word_is_sampled(kind: Kind) -> None:
    tokenizer = trained(kind)
    text = "hundkatze" * 1000
    (ids,) = tokenizer.sample([text], "source", alpha=0.3, seed=1)
    assert tokenizer.decode([ids]) == [text]


# -- The same in every process ---------------------------------------------------------------------

SAMPLE_AND_PRINT_A_HASH = """
import hashlib, sys
from pathlib import Path
from seq2seq.text.tokenizer import Tokenizer
texts = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
tokenizer = Tokenizer.load(Path(sys.argv[1]))
rows = tokenizer.sample(texts, "source", alpha=0.3, seed=7)
assert not {"numpy", "torch"} & sys.modules.keys()
print(hashlib.sha256(repr(rows).encode()).hexdigest())
"""


@every_kind
def test_other_processes_sample_the_same(kind: Kind, tmp_path: Path) -> None:
    tokenizer = trained(kind)
    tokenizer.save(tmp_path)
    texts = word_pairs(50).source
    (tmp_path / "texts").write_text("\n".join(texts), encoding="utf-8")
    rows = tokenizer.sample(texts, "source", alpha=0.3, seed=7)
    for hash_seed in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", SAMPLE_AND_PRINT_A_HASH, tmp_path, tmp_path / "texts"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
        )
        assert result.stdout.strip() == hashlib.sha256(repr(rows).encode()).hexdigest()


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (UnigramSampler(UNIGRAM, 0.5), "_a b a b _ ba, _a b ab _ b a, _ a b ab _ ba"),
        (BPEDropout(BPE, 0.3), "_ ab ab _ b a, _ abab _ b a, _ ab a b _ b a"),
    ],
    ids=KINDS,
)
def test_the_draws_for_a_seed_do_not_change(sampler: SubwordSampler, expected: str) -> None:
    # Another result here means that a training which is resumed after an update goes another way.
    rng = random.Random(42)
    names = {token_id: token for token, token_id in sampler._model.ids.items()}
    rows = [sampler.sample(f"{SPACE}abab{SPACE}ba", rng) for _ in range(3)]
    shown = ", ".join(" ".join(names[token] for token in row) for row in rows)
    assert shown.replace(SPACE, "_") == expected


@every_kind
def test_what_was_sampled_before_makes_no_difference(kind: Kind) -> None:
    texts = word_pairs(20).source
    used = trained(kind)
    used.sample(word_pairs(50, seed=3).target, "target", alpha=0.3, seed=1)
    used.sample(texts, "source", alpha=0.7, seed=5)
    new = Tokenizer(used._models)
    assert used.sample(texts, "source", alpha=0.3, seed=5) == new.sample(
        texts, "source", alpha=0.3, seed=5
    )


@every_kind
def test_words_that_are_not_remembered_are_sampled_the_same(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = word_pairs(20).source
    remembered = trained(kind).sample(texts, "source", alpha=0.3, seed=5)
    monkeypatch.setattr(subword_sampling, "_MAX_REMEMBERED_LENGTH", 0)
    assert trained(kind).sample(texts, "source", alpha=0.3, seed=5) == remembered


# -- Symbols and unknown characters ----------------------------------------------------------------

# The first one begins like the second one, and consists of letters that other tokens have.
SYMBOLS = ("hund", "hundkatze", "<2en>", "@@")


@every_kind
def test_user_symbols_are_never_split(kind: Kind) -> None:
    tokenizer = trained(kind, symbols=SYMBOLS)
    text = f"a hund zhundkatze<2en>@@@@{COPY}{COPY} hund hundkatz"
    for seed in range(50):
        (ids,) = tokenizer.sample([text], "source", alpha=0.01, seed=seed)
        tokens = tokenizer.tokens(ids, "source")
        found = [token for token in tokens if token in (*SYMBOLS, COPY)]
        assert found == ["hund", "hundkatze", "<2en>", "@@", "@@", COPY, COPY, "hund", "hund"]
        assert tokenizer.decode([ids]) == [text]


def test_sentencepiece_would_split_user_symbols() -> None:
    # Otherwise the test before this one shows little.
    tokenizer = trained("unigram", symbols=SYMBOLS)
    processor = tokenizer._processor("source")
    sampled = [
        processor.encode("hundkatze", enable_sampling=True, alpha=0.01, nbest_size=-1)
        for _ in range(200)
    ]
    symbol = processor.piece_to_id("hundkatze")
    assert any(symbol not in row for row in sampled)


@every_kind
@settings(max_examples=50, deadline=None)
@given(
    text=st.lists(st.sampled_from([*SYMBOLS, COPY, " ", "h", "katze", "日", "@", "\n"])).map(
        "".join
    )
)
def test_decoding_restores_texts_with_symbols(kind: Kind, text: str) -> None:
    tokenizer = trained(kind, symbols=SYMBOLS)
    sampled = tokenizer.sample([text], "source", alpha=0.2, seed=1)
    assert tokenizer.decode(sampled) == [text]


@every_kind
def test_unknown_characters_are_spelled_in_bytes(kind: Kind) -> None:
    tokenizer = trained(kind)
    for seed in range(10):
        (ids,) = tokenizer.sample(["é"], "source", alpha=0.3, seed=seed)
        assert tokenizer.tokens(ids, "source") == [SPACE, "<0xC3>", "<0xA9>"]


@every_kind
def test_unknown_characters_in_a_row_are_one_token_without_byte_fallback(kind: Kind) -> None:
    tokenizer = trained(kind, byte_fallback=False)
    (ids,) = tokenizer.sample(["日本 日"], "source", alpha=0.3, seed=1)
    assert tokenizer.tokens(ids, "source") == [SPACE, "<unk>", SPACE, "<unk>"]


# -- Model files -----------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("byte_fallback", [True, False])
def test_a_model_file_is_read_as_the_library_reads_it(kind: Kind, byte_fallback: bool) -> None:
    tokenizer = trained(kind, byte_fallback, SYMBOLS)
    model = read_subword_model(tokenizer._models["joint"])
    processor = tokenizer._processor("source")
    assert model.kind == kind
    assert model.unknown == processor.unk_id()
    assert model.symbols.keys() == {*RESERVED, *SYMBOLS}
    bytes_ = [i for i in range(processor.get_piece_size()) if processor.is_byte(i)]
    assert model.bytes == bytes_
    assert [processor.id_to_piece(i) for i in bytes_[65:67]] == ["<0x41>", "<0x42>"][: len(bytes_)]
    for token, token_id in (model.ids | model.symbols).items():
        assert processor.id_to_piece(token_id) == token
    for token, score in model.scores.items():
        assert score == processor.get_score(model.ids[token])
    specials = 4  # <pad>, <unk>, <s>, </s>
    counted = len(model.ids) + len(model.symbols) + len(model.bytes) + specials
    assert counted == processor.get_piece_size()


def test_a_model_of_another_kind_is_an_error(tmp_path: Path) -> None:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(word_pairs(50).source),
        model_prefix=str(tmp_path / "char"),
        model_type="char",
        vocab_size=20,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    with pytest.raises(ValueError, match=r"neither unigram nor BPE \(type 4\)"):
        read_subword_model((tmp_path / "char.model").read_bytes())
