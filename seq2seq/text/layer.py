"""From a sentence to the text that the model reads, and from its output to the translation.

    „Klicken Sie auf <b>Datei</b> und öffnen Sie https://example.org!“
    1. Take off the quotes around it.      Klicken Sie auf <b>Datei</b> und öffnen Sie https://…!
    2. Take out paired tags.               Klicken Sie auf Datei und öffnen Sie https://…!
    3. Put what must not change in slots.  Klicken Sie auf Datei und öffnen Sie □!

`finish` puts everything back into the translation, in the reverse order.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import numpy as np
import regex
from numpy.typing import NDArray

from seq2seq.settings import TextSettings
from seq2seq.text.case import CaseFolder, is_upper
from seq2seq.text.forbidden_tokens import ForbiddenTokens
from seq2seq.text.inline_pairs import InlinePair, find_inline_pairs, may_have_pairs
from seq2seq.text.long_runs import long_runs
from seq2seq.text.markup import Markup, strip_tags
from seq2seq.text.normalization import fold_spaces, fold_spaces_between
from seq2seq.text.numbers import localize_number
from seq2seq.text.repetition import symbol_runs
from seq2seq.text.scripts import UNSPACED, UNSPACED_LETTERS
from seq2seq.text.slots import Slot, SlottedText, make_slots
from seq2seq.text.source_words import WORD
from seq2seq.text.spans import Span, SpanFinder, join_touching
from seq2seq.text.tokenizer import RESERVED, Tokenizer
from seq2seq.text.wrapping import MarkConversion, Wrapped, unwrap

_PRIVATE = regex.compile(r"\p{Co}+")
_WORD = regex.compile(rf"[^\W{UNSPACED_LETTERS}]+")
_RESERVED = frozenset(RESERVED)
_SHORTEST_NAME = 3
_PLAIN_MARKS = (
    dict.fromkeys("‚‘’‛‹›", "'") | dict.fromkeys("„“”‟«»", '"') | dict.fromkeys("‐‑–—", "-")
)
_FIRST_TAG = 0xE100
"""Tags are characters of the private use area while the translation is put together."""


@dataclass(frozen=True)
class SourceText:
    """A sentence, or a part of a long one, as the model reads it.

    Attributes:
        original: the text as it was.
        slotted: what the model reads.
        wrapped: what was taken off around it.
        markup: the tags that were taken out. None if there were none.
        is_upper: whether it is in capitals. Then its translation is, too.
        tokens: the source tokens, without </s>. Empty if there is nothing to translate.
    """

    original: str
    slotted: SlottedText
    wrapped: Wrapped
    markup: Markup | None = None
    is_upper: bool = False
    tokens: tuple[int, ...] = ()

    @property
    def needs_attention(self) -> bool:
        """Whether `finish` places tags by the attention."""
        return self.markup is not None


class TextLayer:
    """Prepares sentences for a model, and finishes their translations."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        config: TextSettings,
        *,
        source_language: str,
        target_language: str,
    ) -> None:
        """
        Args:
            tokenizer: the tokenizer of the model.
            config: what is protected, and how.
            source_language: code such as "de".
            target_language: code such as "en".
        """
        self.tokenizer = tokenizer
        self._symbols = tokenizer.slots
        self._finder = SpanFinder(config.protect) if config.spans else None
        self._copies_unknown_words = config.unknown_words == "copy"
        self._conversion = MarkConversion(source_language, target_language)
        self._localizes = config.numbers == "localize"
        self._languages = (source_language, target_language)
        self._case = CaseFolder(target_language)
        self._folds_case = tokenizer.source_cases > 1
        self._forbidden = ForbiddenTokens(tokenizer, target_language)
        # Symbol -> token of the target vocabulary.
        self.slot_tokens = {
            symbol: tokenizer.token_of(symbol, "target") for symbol in self._symbols
        }

    def spans(
        self, text: str, *, unknown: bool = True, boundaries: Container[int] = ()
    ) -> list[Span]:
        """Returns the parts of a text that must not change, in order.

        Args:
            text: a text.
            unknown: whether the words that the model cannot know are among them.
            boundaries: positions where parts that touch stay two.
        """
        spans = [] if self._finder is None else self._finder.find(text, boundaries)
        return self._with_unknown(text, spans, boundaries) if unknown else spans

    # -- before translation ------------------------------------------------------------------------

    def fold_spaces(self, text: str) -> str:
        """Makes each run of white space one space, but not within what must not change."""
        folded = fold_spaces(text)
        # The usual case. No word that the model cannot know has white space.
        if folded == text or self._finder is None:
            return folded
        # Once more, because folding may join parts that stand side by side, such as numbers.
        for _ in range(2):
            spans = self.spans(text, unknown=False)
            text = fold_spaces_between(text, [(span.start, span.end) for span in spans])
        return text

    def prepare(self, text: str) -> SourceText:
        """Prepares a sentence without line feeds, or a part of one."""
        wrapped = unwrap(text, *self._languages)
        markup = self._markup(wrapped.text)
        inner = wrapped.text if markup is None else markup.text
        elements = () if markup is None else markup.elements
        boundaries = {position for element in elements for position in (element.start, element.end)}
        spans = self.spans(inner, unknown=False, boundaries=boundaries)
        inner = self._with_known_marks(inner, spans)
        spans = self._with_unknown(inner, spans, boundaries)
        slotted = make_slots(inner, spans, self._symbols)
        source = SourceText(text, slotted, wrapped, markup)
        if not slotted.has_letters():
            return source
        tokens = self.tokenizer.encode([slotted.text], "source")[0]
        upper = self._folds_case and is_upper(slotted.text)
        return replace(source, is_upper=upper, tokens=tuple(tokens))

    def _markup(self, text: str) -> Markup | None:
        """Takes out paired tags, quotes and the like. Returns None if there are none."""
        if self._finder is None:
            return None
        pairs: list[InlinePair] = []
        if may_have_pairs(text):
            ranges = [(span.start, span.end) for span in self.spans(text, unknown=False)]
            pairs = find_inline_pairs(text, ranges, self._conversion)
        if not pairs and "<" not in text:
            return None
        stripped = strip_tags(text, pairs)
        return stripped if stripped.elements else None

    def slots_of(self, source: SourceText) -> list[int]:
        """Returns the target tokens of the slots of a sentence, with repetitions."""
        return [self.slot_tokens[slot.symbol] for slot in source.slotted.slots]

    def forbidden_tokens(self, source: SourceText) -> tuple[int, ...]:
        """Returns the target tokens that would invent something, such as a number."""
        return self._forbidden.of(source.slotted.text)

    def _with_known_marks(self, text: str, spans: Sequence[Span]) -> str:
        """Replaces marks that the vocabulary lacks by plain ones, outside of spans."""
        unknown = self.tokenizer.unknown_characters(text, "source").intersection(_PLAIN_MARKS)
        if not unknown:
            return text
        missing = self.tokenizer.unknown_characters("".join(_PLAIN_MARKS.values()), "source")
        marks = {
            ord(mark): plain
            for mark, plain in _PLAIN_MARKS.items()
            if mark in unknown and plain not in missing
        }
        parts: list[str] = []
        end = 0
        for span in spans:
            parts += [text[end : span.start].translate(marks), text[span.start : span.end]]
            end = span.end
        return "".join([*parts, text[end:].translate(marks)])

    def _with_unknown(self, text: str, spans: list[Span], boundaries: Container[int]) -> list[Span]:
        """Adds the words that the model cannot know.

        These are words with characters that the vocabulary lacks, and new words that would be
        spelled letter by letter. Of a script without spaces, only the characters are added. Long
        runs of a symbol are added, because the model loses count of them, and so are long runs
        without a space. Added parts that touch a span become one with it.
        """
        unknown = self.tokenizer.unknown_characters(text, "source")
        unknown |= _RESERVED.intersection(text)
        ranges = self._spelled_words(text) if self._copies_unknown_words else []
        ranges += symbol_runs(text)
        ranges += long_runs(text, spans, self.tokenizer.source_words or ())
        if not unknown and not ranges:
            return spans
        wanted = np.zeros(len(text) + 1, dtype=np.bool_)
        for start, end in ranges:
            wanted[start:end] = True
        if unknown:
            stretch = regex.compile("[" + regex.escape("".join(sorted(unknown))) + "]+")
            for match in stretch.finditer(text):
                wanted[match.start() : match.end()] = True
            for match in _WORD.finditer(text):
                if wanted[match.start() : match.end()].any():
                    wanted[match.start() : match.end()] = True
        for span in spans:
            wanted[span.start : span.end] = False
        edges = np.flatnonzero(np.diff(wanted.astype(np.int8), prepend=0))
        added = [
            Span(int(start), int(end), "unknown")
            for start, end in zip(edges[::2], edges[1::2], strict=True)
        ]
        in_order = sorted([*spans, *added], key=lambda span: span.start)
        return join_touching(text, in_order, boundaries)

    def _spelled_words(self, text: str) -> list[tuple[int, int]]:
        """Returns where the words are that would be spelled letter by letter."""
        known = self.tokenizer.source_words
        # The usual case, found quickly.
        if known is None or known.issuperset(WORD.findall(text.lower())):
            return []
        ranges = []
        for match in WORD.finditer(text):
            word = match[0]
            # Most words of the sentence are known, which is found quickly.
            if word.lower() in known or len(word) < _SHORTEST_NAME or UNSPACED.search(word):
                continue
            if self.tokenizer.is_spelled(word):
                ranges.append(match.span())
        return ranges

    # -- after translation -------------------------------------------------------------------------

    def carried_over(self, source: SourceText) -> str:
        """Returns the "translation" of a sentence without anything to translate."""
        if not self._localizes:
            return source.original
        # What was taken off is a part of it.
        slotted = make_slots(source.original, self.spans(source.original), self._symbols)
        return slotted.fill(slotted.text, self._change)

    def finish(
        self, source: SourceText, target: Sequence[int], attention: NDArray[np.float32] | None
    ) -> str:
        """Returns the translation.

        Args:
            source: the sentence.
            target: T target tokens, without </s>. They have the slots of the sentence.
            attention: (T or more, S or more) weights, to place tags by.
        """
        text = self.tokenizer.decode([target])[0]
        # Private characters that the model has spelled itself would be taken for tags.
        symbols = {slot.symbol for slot in source.slotted.slots}
        tags: dict[str, str] = {}
        if source.markup is None:
            text = _PRIVATE.sub(lambda match: _only(match[0], symbols), text)
        else:
            text, tags = self._with_tags(source, source.markup, text, target, attention)
            text = _PRIVATE.sub(lambda match: _only(match[0], symbols | tags.keys()), text)
        if "\ufffd" not in source.slotted.text:
            text = text.replace("\ufffd", "")  # bytes that are no whole character
        # A translation is one line, even if the model has spelled a line feed.
        text = " ".join(text.split())
        text = source.slotted.set_apart(text)
        if source.is_upper:
            text = self._case.upper(text)
        # Before the slots are filled: a mark in one of them, as in #NAME?, is no end mark.
        ends_in_slot = source.slotted.text[-1:] in symbols
        text = source.wrapped.with_end_mark(text, ends_in_slot=ends_in_slot)
        text = source.slotted.fill(text, self._change)
        for symbol, tag in tags.items():
            text = text.replace(symbol, tag)
        return source.wrapped.target_prefix + text + source.wrapped.target_suffix

    def shown_tokens(
        self, source: SourceText, source_tokens: Sequence[int], target_tokens: Sequence[int]
    ) -> tuple[list[str], list[str]]:
        """Returns the tokens of both sides for a reader, with what the slots stand for."""
        source_shown = self.tokenizer.tokens(source_tokens, "source")
        target_shown = self.tokenizer.tokens(target_tokens, "target")
        slotted = source.slotted
        return slotted.fill_parts(source_shown), slotted.fill_parts(target_shown, self._change)

    def _change(self, text: str) -> str:
        return localize_number(text, *self._languages) if self._localizes else text

    def _with_tags(
        self,
        source: SourceText,
        markup: Markup,
        text: str,
        target: Sequence[int],
        attention: NDArray[np.float32] | None,
    ) -> tuple[str, dict[str, str]]:
        """Puts a symbol for each tag into the translation. Returns it, and the tag of each."""
        source_offsets = [
            _unslotted(offsets, source.slotted.slots)
            for offsets in self.tokenizer.offsets(source.tokens, "source")
        ]
        target_offsets = self.tokenizer.offsets(target, "target")
        if attention is not None:
            attention = attention[: len(target), : len(source.tokens)]
        symbolic, tags = markup.with_symbols(_FIRST_TAG)
        return symbolic.restore(text, source_offsets, target_offsets, attention), tags


def _only(characters: str, allowed: set[str]) -> str:
    return "".join(character for character in characters if character in allowed)


def _unslotted(offsets: tuple[int, int], slots: Sequence[Slot]) -> tuple[int, int]:
    """Returns the position in the text without slots of a stretch of the text with slots."""
    start, end = offsets
    before = 0
    within = 0
    for slot in slots:
        longer = len(slot.text) - len(slot.symbol)
        if slot.start < start:
            before += longer
        elif slot.start < end:
            within += longer
    return start + before, end + before + within
