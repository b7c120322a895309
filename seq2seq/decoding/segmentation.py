"""Divides sentences that are longer than those of training."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from seq2seq.text.tokenizer import Tokenizer

# The end of a sentence. Scripts with full-width punctuation put no space after it.
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*(?=\S)")
_FULL_WIDTH_MARKS = ("。", "！", "？")


@dataclass(frozen=True)
class EncodedText:
    """A text and its source tokens, without </s>."""

    text: str
    tokens: list[int]


class Segmenter:
    """Divides texts into parts of fewer than `max_tokens` source tokens."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens

    def divide(self, text: str) -> list[EncodedText]:
        """Divides a text between sentences, else at spaces, else anywhere.

        No string is tokenized twice. An ordinary text, which fits as a whole, is tokenized once.
        """
        return self._divide(self._encode(text))

    def _divide(self, whole: EncodedText) -> list[EncodedText]:
        if len(whole.tokens) < self._max_tokens or len(whole.text) == 1:
            return [whole]
        sentences = _SENTENCE_END.split(whole.text)
        if len(sentences) > 1:
            parts = self._group_sentences(sentences)
        else:
            parts = [self._encode(half) for half in _halves(whole.text)]
        divided: list[EncodedText] = []
        for part in parts:
            divided.extend(self._divide(part))
        return divided

    def _group_sentences(self, sentences: list[str]) -> list[EncodedText]:
        """Joins neighboring sentences up to half of the limit.

        Only half, because long inputs are rare in training, and models are worse at them.
        """
        groups: list[list[EncodedText]] = []
        size = 0
        for sentence in sentences:
            encoded = self._encode(sentence)
            length = len(encoded.tokens)
            if groups and size + length < self._max_tokens // 2:
                groups[-1].append(encoded)
                size += length
            else:
                groups.append([encoded])
                size = length
        return [self._join_group(group) for group in groups]

    def _join_group(self, group: list[EncodedText]) -> EncodedText:
        if len(group) == 1:
            return group[0]
        # The tokens of the sentences one after the other may differ from those of the whole.
        return self._encode(join_texts(sentence.text for sentence in group))

    def _encode(self, text: str) -> EncodedText:
        return EncodedText(text, self._tokenizer.encode([text], "source")[0])


def _halves(text: str) -> tuple[str, str]:
    """Divides a text in two at the middle space, or in the middle if it has no space."""
    words = text.split(" ")
    if len(words) > 1:
        middle = len(words) // 2
        return " ".join(words[:middle]), " ".join(words[middle:])
    middle = len(text) // 2
    return text[:middle], text[middle:]


def join_texts(texts: Iterable[str]) -> str:
    """Joins texts with spaces, but without a space after full-width punctuation."""
    joined = ""
    for text in texts:
        if not text:
            continue
        if joined and not joined.endswith(_FULL_WIDTH_MARKS):
            joined += " "
        joined += text
    return joined
