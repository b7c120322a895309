"""Numbered slots: symbols that stand for parts of a sentence which must not change.

The model reads and writes "Open \\ue000." instead of "Open https://example.org/a?b=1.". Which slot
of the translation is which follows from its number. (Luong et al. 2015, "Addressing the Rare Word
Problem in Neural Machine Translation", number unknown words in a similar way.)
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seq2seq.text.scripts import UNSPACED
from seq2seq.text.spans import Span
from seq2seq.text.tokenizer import RESERVED, SLOTS

_SLOT = re.compile("[" + "".join(SLOTS) + "]")
_SLOTS_AFTER_MARK = re.compile(
    rf"(?P<mark> ?(?<![.!?…])[.!?…]+) ?(?P<slots>{_SLOT.pattern}(?: ?{_SLOT.pattern})*)$"
)
_LETTER = re.compile(r"[^\W\d_]")
_MARKS = tuple(".,;:!?")
_RESERVED = re.compile("[" + "".join(RESERVED) + "]")


@dataclass(frozen=True)
class Slot:
    """A part of a text that a symbol stands for.

    Attributes:
        symbol: the character that replaces it.
        text: the part.
        start: where it starts in the text with slots.
    """

    symbol: str
    text: str
    start: int


@dataclass(frozen=True)
class SlottedText:
    """A text in which symbols stand for the parts that must not change."""

    text: str
    slots: tuple[Slot, ...] = ()

    def has_letters(self) -> bool:
        """Whether there is anything to translate besides the slots."""
        return _LETTER.search(self.text) is not None

    def set_apart(self, translation: str) -> str:
        """Corrects the white space around the slots of a translation, and final marks before them.

        The model knows little of the parts that it does not see. A slot that stands between spaces
        in the source does not touch a word or another slot in the translation, and what the model
        has put behind the final mark goes before it.

        Args:
            translation: a text with slots.
        """
        for slot in self.slots:
            before = self.text[: slot.start][-1:]
            after = self.text[slot.start + len(slot.symbol) :][:1]
            parts = translation.split(slot.symbol)
            if len(parts) != 2:  # it stands for several parts
                continue
            left, right = parts
            follows_mark = left.endswith(_MARKS) and before not in _MARKS
            if _stands_apart(before) and (_is_word(left[-1:]) or follows_mark):
                left += " "
            if _stands_apart(after) and _is_word(right[:1]):
                right = " " + right
            translation = left + slot.symbol + right
        match = _SLOTS_AFTER_MARK.search(translation)
        if match is None or self.text[-1:] in SLOTS:
            return translation
        return f"{translation[: match.start()]} {match['slots']}{match['mark']}".lstrip()

    def fill(self, translation: str, change: Callable[[str], str] = lambda text: text) -> str:
        """Replaces the slots of a translation by what they stand for.

        If two slots have the same symbol, the first one in the translation is the first one of the
        source. A symbol that the source lacks is deleted.

        Args:
            translation: a text with slots.
            change: applied to each part, as to numbers that the target language writes otherwise.
        """
        return self.fill_parts([translation], change)[0]

    def fill_parts(
        self, parts: Sequence[str], change: Callable[[str], str] = lambda text: text
    ) -> list[str]:
        """Does what `fill` does with a translation, or with the source itself, in parts."""
        unused: dict[str, list[str]] = {}
        for slot in self.slots:
            unused.setdefault(slot.symbol, []).append(slot.text)

        def filling(match: re.Match[str]) -> str:
            texts = unused.get(match[0])
            return change(texts.pop(0)) if texts else ""

        return [_SLOT.sub(filling, part) for part in parts]


def _stands_apart(neighbor: str) -> bool:
    """Whether a character beside a slot of the source separates it from words."""
    return not neighbor or neighbor.isspace() or neighbor in (*_MARKS, "…")


def _is_word(neighbor: str) -> bool:
    """Whether a character of the translation should not touch a slot: another slot, or a letter or
    digit of a script with spaces."""
    if neighbor in SLOTS:
        return True
    return neighbor.isalnum() and UNSPACED.match(neighbor) is None


def make_slots(text: str, spans: Sequence[Span], symbols: Sequence[str]) -> SlottedText:
    """Replaces spans by symbols, numbered from the start of the text.

    Args:
        text: a text.
        spans: parts of it, in order and without overlap.
        symbols: the symbols. If there are more spans, they are used again from the first one on.
    """
    if not spans:
        return SlottedText(text)
    parts: list[str] = []
    slots: list[Slot] = []
    end = 0
    length = 0
    for number, span in enumerate(spans):
        between = text[end : span.start]
        symbol = symbols[number % len(symbols)]
        length += len(between)
        slots.append(Slot(symbol, text[span.start : span.end], length))
        parts += [between, symbol]
        length += len(symbol)
        end = span.end
    parts.append(text[end:])
    return SlottedText("".join(parts), tuple(slots))


def slot_pair(
    source: str,
    target: str,
    source_spans: Sequence[Span],
    target_spans: Sequence[Span],
    *,
    first: int,
    same: Callable[[str, str], bool],
) -> tuple[str, str]:
    """Puts the spans that stand on both sides of a training pair into slots.

    A span on one side only is left as text: nothing tells the model where it belongs.

    Args:
        source: the source text.
        target: the target text.
        source_spans: the spans of the source, in order.
        target_spans: the spans of the target, in order.
        first: the number of the first slot. The others follow in the order of the source.
        same: whether a source span and a target span are the same.
    """
    free = list(target_spans)
    symbol_of_target: dict[Span, str] = {}
    matched: list[Span] = []
    for span in source_spans:
        text = source[span.start : span.end]
        for other in free:
            if same(text, target[other.start : other.end]):
                symbol_of_target[other] = SLOTS[(first + len(matched)) % len(SLOTS)]
                matched.append(span)
                free.remove(other)
                break
    if len(matched) > len(SLOTS):
        return without_reserved(source), without_reserved(target)
    source_symbols = [SLOTS[(first + number) % len(SLOTS)] for number in range(len(matched))]
    return (
        _replace(source, matched, source_symbols),
        _replace(
            target,
            [span for span in target_spans if span in symbol_of_target],
            [symbol_of_target[span] for span in target_spans if span in symbol_of_target],
        ),
    )


def _replace(text: str, spans: Sequence[Span], symbols: Sequence[str]) -> str:
    parts: list[str] = []
    end = 0
    for span, symbol in zip(spans, symbols, strict=True):
        parts += [without_reserved(text[end : span.start]), symbol]
        end = span.end
    parts.append(without_reserved(text[end:]))
    return "".join(parts)


def without_reserved(text: str) -> str:
    """Deletes the symbols that the program itself uses, for text that the model must not read as
    slots."""
    return text if text.isascii() else _RESERVED.sub("", text)
