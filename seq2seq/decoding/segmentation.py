"""Divides sentences that are longer than those of training."""

import itertools
import re
from collections.abc import Iterable, Sequence

from seq2seq.text.layer import SourceText, TextLayer
from seq2seq.text.repetition import repetition_starts
from seq2seq.text.sentences import Sentence
from seq2seq.text.spans import Span

# The end of a sentence. Scripts with full-width punctuation put no space after it.
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*(?=\S)")
_FULL_WIDTH_MARKS = ("。", "！", "？")


class Segmenter:
    """Divides texts into parts of fewer than `max_tokens` source tokens."""

    def __init__(self, layer: TextLayer, max_tokens: int) -> None:
        self._layer = layer
        self._max_tokens = max_tokens

    def whole_spans(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """Joins sentences where the boundary between them is within what must not change."""
        if len(sentences) < 2:
            return list(sentences)
        text = "".join(sentence.text + sentence.space for sentence in sentences)
        spans = [span for span in self._layer.spans(text, unknown=False) if _is_apart(text, span)]
        inside = _positions_inside(spans)
        joined: list[Sentence] = []
        start = 0
        for sentence in sentences:
            whole = sentence
            if start in inside:
                before = joined.pop()
                whole = Sentence(before.text + before.space + sentence.text, sentence.space)
            joined.append(whole)
            start += len(sentence.text) + len(sentence.space)
        return joined

    def divide(self, text: str) -> list[SourceText]:
        """Divides a text between its repetitions or sentences, else at spaces, else anywhere.

        What must not change stays whole. No string is prepared twice. An ordinary text, which fits
        as a whole, is prepared once.
        """
        divided: list[SourceText] = []
        for part in self._repetitions(text):
            divided.extend(self._divide(self._layer.prepare(part)))
        return divided

    def _repetitions(self, text: str) -> list[str]:
        """Divides a text that is the same words again and again. Others stay whole."""
        starts = repetition_starts(text)
        if len(starts) > 1 and _positions_inside(self._layer.spans(text)).isdisjoint(starts):
            return [text[i:j].strip() for i, j in itertools.pairwise([*starts, len(text)])]
        return [text]

    def _divide(self, whole: SourceText) -> list[SourceText]:
        text = whole.original
        if len(whole.tokens) < self._max_tokens or len(text) == 1:
            return [whole]
        spans = self._layer.spans(text)
        inside = _positions_inside(spans)
        sentences = _split(text, inside)
        parts = self._group_sentences(sentences) if len(sentences) > 1 else []
        if len(parts) < 2:
            parts = [self._layer.prepare(half) for half in _halves(text, inside)]
        if len(parts) == 1:
            return parts
        divided: list[SourceText] = []
        for part in parts:
            divided.extend(self._divide(part))
        return divided

    def _group_sentences(self, sentences: list[str]) -> list[SourceText]:
        """Joins neighboring sentences up to half of the limit.

        Only half, because long inputs are rare in training, and models are worse at them.
        """
        groups: list[list[SourceText]] = []
        size = 0
        for sentence in sentences:
            prepared = self._layer.prepare(sentence)
            # Alone, a sentence without letters has no tokens. In a group, it has.
            length = len(prepared.tokens) or len(prepared.slotted.text)
            if groups and size + length < self._max_tokens // 2:
                groups[-1].append(prepared)
                size += length
            else:
                groups.append([prepared])
                size = length
        return [self._join_group(group) for group in groups]

    def _join_group(self, group: list[SourceText]) -> SourceText:
        if len(group) == 1:
            return group[0]
        # The tokens of the sentences one after the other may differ from those of the whole.
        return self._layer.prepare(join_texts(sentence.original for sentence in group))


def _positions_inside(spans: Sequence[Span]) -> set[int]:
    """Returns the positions at which a text must not be divided."""
    return {i for span in spans for i in range(span.start + 1, span.end)}


def _is_apart(text: str, span: Span) -> bool:
    """Tells whether a span touches no word. "Geht`s? Hab`s." has no code."""
    around = text[max(0, span.start - 1) : span.start] + text[span.end : span.end + 1]
    return not any(character.isalnum() for character in around)


def _split(text: str, inside: set[int]) -> list[str]:
    """Divides a text after its sentences, but not at the positions `inside` of a span."""
    sentences = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if match.start() in inside or match.end() in inside:
            continue
        sentences.append(text[start : match.start()])
        start = match.end()
    sentences.append(text[start:])
    return [sentence for sentence in sentences if sentence]


def _halves(text: str, inside: set[int]) -> list[str]:
    """Divides a text in two at the middle space, or in the middle if it has no space.

    It is not divided at the positions `inside` of a span. A text that is one span stays whole.
    """
    spaces = [i for i, character in enumerate(text) if character == " " and i not in inside]
    if spaces:
        middle = spaces[len(spaces) // 2]
        halves = [text[:middle], text[middle + 1 :]]
    else:
        cuts = [i for i in range(1, len(text)) if i not in inside]
        if not cuts:
            return [text]
        middle = min(cuts, key=lambda i: abs(i - len(text) // 2))
        halves = [text[:middle], text[middle:]]
    return [half for half in halves if half]


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
