"""Noise in the training text, drawn anew in each epoch.

Which pairs change, and how, depends only on the pairs, the settings, the seed and the epoch: a
resumed run sees the same changes. (OpusTrainer: Bogoychev et al. 2023.)

Legend: S source tokens, T target tokens.
"""

import random
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seq2seq.config.augment import AugmentConfig
from seq2seq.data.alignment import Aligner
from seq2seq.data.corpus import Pairs
from seq2seq.text import noise
from seq2seq.text.tokenizer import SLOTS, Tokenizer

IntArray = NDArray[np.int64]
Change = tuple[str, str]
"""The new source and the new target of a pair."""

_WORD = re.compile(r"[^\W\d_]\w*(?:[-'’]\w+)*")
_FINAL_MARKS = (".", "!", "?", "…", "。", "！", "？")
# Two words are translations of each other if this much of the alignment of one is at the other.
_ALIGNED = 0.6
_SECOND_SLOT = 0.3


class Augmenter:
    """Changes the text of some training pairs."""

    def __init__(
        self, pairs: Pairs, config: AugmentConfig, tokenizer: Tokenizer, *, language: str, seed: int
    ) -> None:
        """
        Args:
            pairs: the training pairs.
            config: the rates.
            tokenizer: the tokenizer of the run.
            language: the source language, which decides about quotes and the keyboard.
            seed: decides what is changed.
        """
        self._pairs = pairs
        self._config = config
        self._slot_words = SlotWords(tokenizer)
        self._language = language
        self._seed = seed

    @property
    def is_active(self) -> bool:
        """Whether any rate is above 0."""
        return any(self._config.model_dump().values())

    @property
    def needs_alignment(self) -> bool:
        """Whether `align_with` should be called."""
        return self._config.slots > 0

    def align_with(self, aligner: Aligner) -> None:
        """From now on, translations of words can become slots, not only equal words."""
        self._slot_words.aligner = aligner

    def changes(self, rows: IntArray, epoch: int) -> dict[int, Change]:
        """Returns the changed pairs of an epoch.

        Args:
            rows: (P,) the numbers of the pairs, in the order of the epoch.
            epoch: the number of the epoch.

        Returns:
            Position in `rows` -> the pair that stands there instead.
        """
        config = self._config
        draws = np.random.default_rng([self._seed, epoch, 2]).random((len(rows), 8))
        rates = (
            config.upper + config.title + config.lower,
            config.no_final_punctuation,
            config.typos,
            config.diacritics,
            config.quotes,
            config.dashes,
            config.join,
            config.slots,
        )
        changes = {}
        for position in np.flatnonzero((draws < rates).any(axis=1)).tolist():
            row = int(rows[position])
            rng = random.Random(f"{self._seed} {epoch} {position}")
            change = self._change(row, draws[position].tolist(), rng)
            if change != (self._pairs.source[row], self._pairs.target[row]):
                changes[position] = change
        return changes

    def _change(self, row: int, draws: list[float], rng: random.Random) -> Change:
        case, punctuation, typos, diacritics, quotes, dashes, join, slots = draws
        config = self._config
        source = self._pairs.source[row]
        target = self._pairs.target[row]
        if join < config.join:
            source, target = self._joined(row)
        if slots < config.slots:
            source, target = self._slot_words(source, target, rng)
        if punctuation < config.no_final_punctuation:
            source, target = _without_final_punctuation(source, target)
        if typos < config.typos:
            source = noise.typo(source, rng, self._language)
        if diacritics < config.diacritics:
            source = noise.without_diacritics(source, rng)
        if quotes < config.quotes:
            source = noise.change_quotes(source, rng, self._language)
        if dashes < config.dashes:
            source = noise.change_dashes(source, rng)
        return self._with_case(source, case), target

    def _with_case(self, source: str, draw: float) -> str:
        config = self._config
        if draw < config.upper:
            return noise.upper(source)
        if draw < config.upper + config.title:
            return noise.title(source)
        if draw < config.upper + config.title + config.lower:
            return noise.lower(source)
        return source

    def _joined(self, row: int) -> Change:
        """Joins a pair with the next one, if both are sentences.

        Of a corpus with groups, only pairs of one group are joined. A stored corpus has none. Its
        pairs are joined with their neighbors in the order of the corpus.
        """
        pairs = self._pairs
        source = pairs.source[row]
        target = pairs.target[row]
        following = row + 1
        if following == len(pairs):
            return source, target
        if pairs.groups is not None and pairs.groups[row] != pairs.groups[following]:
            return source, target
        next_source = pairs.source[following]
        next_target = pairs.target[following]
        both_end = source.endswith(_FINAL_MARKS) and target.endswith(_FINAL_MARKS)
        if not both_end or set(SLOTS) & set(source) & set(next_source):
            return source, target
        return _join(source, next_source), _join(target, next_target)


def _join(text: str, following: str) -> str:
    space = "" if text[-1] in "。！？" else " "
    return text + space + following


def _without_final_punctuation(source: str, target: str) -> Change:
    """Removes the final marks, if both sides have one."""
    shorter_source = noise.drop_final_punctuation(source)
    shorter_target = noise.drop_final_punctuation(target)
    unchanged = shorter_source == source or shorter_target == target
    if unchanged or not shorter_source or not shorter_target:
        return source, target
    return shorter_source, shorter_target


class SlotWords:
    """Puts slots into pairs, in the place of words or beside them.

    Few corpora have enough addresses and placeholders to learn from. A slot in the place of a word
    and its translation teaches the same.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.aligner: Aligner | None = None

    def __call__(self, source: str, target: str, rng: random.Random) -> Change:
        """Returns the pair with one or two more slots on both sides."""
        count = 2 if rng.random() < _SECOND_SLOT else 1
        for _ in range(count):
            free = [slot for slot in SLOTS if slot not in source and slot not in target]
            if not free:
                break
            source, target = self._add(source, target, rng.choice(free), rng)
        return source, target

    def _add(self, source: str, target: str, slot: str, rng: random.Random) -> Change:
        kind = rng.random()
        aligned = self._aligned_words(source, target) if kind < 0.8 else []
        if aligned:
            source_word, target_word = rng.choice(aligned)
            place: Callable[[str, tuple[int, int], str], str]
            place = _replace_word if kind < 0.6 else _insert_after
            return place(source, source_word, slot), place(target, target_word, slot)
        if kind < 0.9:
            return f"{slot} {source}", f"{slot} {target}"
        return _append(source, target, slot, before_mark=kind < 0.95)

    def _aligned_words(
        self, source: str, target: str
    ) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Returns the positions of words that are translations of each other, or the same."""
        source_words = _word_positions(source)
        target_words = _word_positions(target)
        if not source_words or not target_words:
            return []
        aligned = []
        shares = self._shares(source, target, source_words, target_words)
        best_source = shares.argmax(axis=1)
        best_target = shares.argmax(axis=0)
        for t, s in enumerate(best_source.tolist()):
            if best_target[s] == t and shares[t, s] >= _ALIGNED:
                aligned.append((source_words[s], target_words[t]))
        return aligned

    def _shares(
        self,
        source: str,
        target: str,
        source_words: list[tuple[int, int]],
        target_words: list[tuple[int, int]],
    ) -> NDArray[np.float64]:
        """Returns how much of each target word is aligned with each source word."""
        shares = np.zeros((len(target_words), len(source_words)))
        for t, (start, end) in enumerate(target_words):
            for s, (source_start, source_end) in enumerate(source_words):
                if target[start:end] == source[source_start:source_end]:
                    shares[t, s] = 1.0
        if self.aligner is None:
            return shares
        source_tokens = self._tokenizer.encode([source], "source")[0]
        target_tokens = self._tokenizer.encode([target], "target")[0]
        if not source_tokens or not target_tokens:
            return shares
        source_ids = np.array([source_tokens], dtype=np.int64)
        target_ids = np.array([target_tokens], dtype=np.int64)
        alignment = self.aligner(source_ids, target_ids)[0]  # (T,S)
        source_members = _tokens_of_words(
            source_words, self._tokenizer.offsets(source_tokens, "source")
        )
        target_members = _tokens_of_words(
            target_words, self._tokenizer.offsets(target_tokens, "target")
        )
        sums = target_members @ alignment @ source_members.T
        sums /= np.maximum(target_members.sum(axis=1, keepdims=True), 1)
        return np.maximum(shares, sums)


def _word_positions(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _WORD.finditer(text)]


def _tokens_of_words(
    words: list[tuple[int, int]], offsets: list[tuple[int, int]]
) -> NDArray[np.float64]:
    """Returns which tokens (columns) are part of which words (rows), as 0 and 1."""
    word_spans = np.array(words)
    token_spans = np.array(offsets)
    starts_before_end = token_spans[:, 0] < word_spans[:, 1:]
    ends_after_start = token_spans[:, 1] > word_spans[:, :1]
    return (starts_before_end & ends_after_start).astype(np.float64)


def _replace_word(text: str, word: tuple[int, int], slot: str) -> str:
    return text[: word[0]] + slot + text[word[1] :]


def _insert_after(text: str, word: tuple[int, int], slot: str) -> str:
    return f"{text[: word[1]]} {slot}{text[word[1] :]}"


def _append(source: str, target: str, slot: str, *, before_mark: bool) -> Change:
    both_end = source.endswith(_FINAL_MARKS) and target.endswith(_FINAL_MARKS)
    if before_mark and both_end:
        return f"{source[:-1]} {slot}{source[-1]}", f"{target[:-1]} {slot}{target[-1]}"
    return f"{source} {slot}", f"{target} {slot}"
