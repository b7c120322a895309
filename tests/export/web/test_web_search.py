"""The page's beam search finds what the search in Python finds.

Both search with the same model: the log-probabilities of the next token are made from a number that
stands for the source and all tokens so far. They are exact in float32.

Legend
    B  sentences
    N  rows
    S  source tokens
    V  vocabulary
"""

import random
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from node import NEEDS_NODE, run_node

from seq2seq.decoding.beam_layout import BeamLayout
from seq2seq.decoding.engine import Booleans, Floats, Integers
from seq2seq.decoding.engines.top_tokens import TopTokens
from seq2seq.decoding.search import beam_search
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import BOS, EOS, PAD, UNK

pytestmark = NEEDS_NODE

MODULUS = 1_000_003
SLOTS = (4, 5, 6)
Case = dict[str, Any]


class NumberEngine:
    """The twin of search_cases.mjs."""

    workers = 1

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary

    def start(
        self, source: Integers, source_mask: Booleans, *, never: Sequence[int], **_: Any
    ) -> "NumberDecoding":
        states = []
        for row, mask in zip(source, source_mask, strict=True):
            state = 1
            for token in row[mask].tolist():
                state = (state * 733 + token * 17 + 11) % MODULUS
            states.append(state)
        return NumberDecoding(np.array(states), source.shape[1], self.vocabulary, never)

    def translating(self) -> AbstractContextManager[None]:
        return nullcontext()

    def use_one_thread(self) -> None:
        """Does nothing."""


class NumberDecoding:
    """states (N,)"""

    def __init__(
        self, states: Integers, source_tokens: int, vocabulary: int, never: Sequence[int]
    ) -> None:
        self.states = states
        self.source_tokens = source_tokens
        self.vocabulary = vocabulary
        self.is_never = np.isin(np.arange(vocabulary), never)
        self.layout = BeamLayout(np.ones(len(states), dtype=np.int64))

    def step(self, tokens: Integers) -> tuple[TopTokens, Floats | None]:
        self.states = (self.states * 733 + tokens * 17 + 11) % MODULUS
        factors = np.arange(self.vocabulary) + 7
        numbers = self.states[:, None] * factors % MODULUS % 65536
        log_probs = (-numbers / 8192).astype(np.float32)
        places = np.arange(self.source_tokens)
        attention = ((self.states[:, None] + places) % 128 / 128).astype(np.float32)
        return TopTokens(log_probs, self.layout, is_never=self.is_never), attention

    def select(self, rows: Integers, sentences: Integers | None, layout: BeamLayout) -> None:
        self.states = self.states[rows]
        self.layout = layout


def random_case(rng: random.Random) -> Case:
    """One to five sentences, some with slots and some with forbidden tokens of their own."""
    vocabulary = rng.choice([9, 14, 40])
    beam = rng.randint(1, 5)
    settings = SearchSettings(
        beam=beam,
        length_penalty=rng.choice([0.0, 0.6, 1.0]),
        max_length_ratio=rng.choice([0.1, 1.0, 2.0]),
        no_repeat_ngram_size=rng.choice([0, 2, 3]),
        prune=rng.choice([0.0, 1.5, 4.0]),
    )
    sources = []
    for _ in range(rng.randint(1, 5)):
        length = rng.randint(1, 8)
        sources.append(
            {
                "tokens": [*(rng.randint(4, vocabulary - 1) for _ in range(length)), EOS],
                "slots": rng.choices(SLOTS, k=rng.choice([0, 0, 1, 3, 14])),
                "forbidden": rng.choice([[], [7], [7, 8]]),
            }
        )
    return {
        "vocabulary": vocabulary,
        "settings": asdict(settings),
        "sources": sources,
        "never": [PAD, UNK, *SLOTS],
    }


def search_in_python(case: Case) -> list[dict[str, Any] | None]:
    rows = [source["tokens"] for source in case["sources"]]
    padded = np.full((len(rows), max(map(len, rows))), PAD, dtype=np.int64)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    found = beam_search(
        NumberEngine(case["vocabulary"]),
        padded,
        padded != PAD,
        SearchSettings(**case["settings"]),
        bos=BOS,
        eos=EOS,
        forbidden=[PAD, UNK],
        forbidden_of=[tuple(source["forbidden"]) for source in case["sources"]],
        keep_attention=True,
        slots=[source["slots"] for source in case["sources"]],
        all_slots=SLOTS,
    )
    results: list[dict[str, Any] | None] = []
    for hypotheses in found:
        if not hypotheses:
            results.append(None)
            continue
        best = hypotheses[0]
        assert best.attention is not None
        results.append(
            {
                "tokens": best.tokens,
                "score": best.score,
                "attention": best.attention.tolist(),
            }
        )
    return results


def test_it_finds_the_same_translations() -> None:
    rng = random.Random(3)
    cases = [random_case(rng) for _ in range(400)]
    found = run_node("search_cases.mjs", content=cases)
    for case, results in zip(cases, found, strict=True):
        for result, expected in zip(results, search_in_python(case), strict=True):
            if result is not None and expected is not None:
                # The two languages compute powers a little differently.
                assert result.pop("score") == pytest.approx(expected.pop("score"), abs=1e-12)
            assert result == expected, case
