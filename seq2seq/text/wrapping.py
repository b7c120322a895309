"""What stands around a sentence: quotes, brackets, bullets, decoration and repeated end marks.

A model reads little text like "▬▬▬ „Hallo!!!“ ▬▬▬", and it may lose parts of it. So these parts are
taken off before the translation and put back after it.
"""

from dataclasses import dataclass

import regex

from seq2seq.text.paired_marks import CLOSING, is_one_pair
from seq2seq.text.quotes import find_quotes

_SINGLE_QUOTES = "‚‘’‛‹›『〈"
_BRACKETS = "([（［【〔"
_STRAIGHT_QUOTES = "\"'"

_END_MARKS = ".!?…。！？"
_SPACE = " \t\n\r\u00a0\u202f\u2009\u3000"
# These stay with the sentence as they are.
_SHORT_RUNS = ("?!", "!?", "？！", "！？", "……")
_SPANISH_MARKS = "¡¿"
_SPANISH = ("es", "gl", "ast")
_WIDE_LANGUAGES = ("ja", "zh")
_TO_WIDE = str.maketrans(".!?,;:()", "。！？，；：（）")
_TO_NARROW = str.maketrans("。！？，、；：（）［］【】〔〕", ".!?,,;:()[][]()")

# Arrows, technical and geometric signs, dingbats, emoji. Signs such as © and ™ belong to a word.
_SIGN_BLOCKS = (
    (0x2190, 0x21FF),
    (0x2300, 0x23FF),
    (0x2500, 0x27BF),
    (0x2B00, 0x2BFF),
    (0x1F000, 0x1FAFF),
)
# Joiner, variation selectors and tags, which change the sign before them.
_MODIFIERS = frozenset("\u200d\ufe0e\ufe0f\u20e3") | frozenset(map(chr, range(0xE0020, 0xE0080)))
_SIGNS = frozenset(
    chr(code)
    for first, last in _SIGN_BLOCKS
    for code in range(first, last + 1)
    if not 0x2768 <= code <= 0x2775  # ornamental brackets
)
_LEADING = regex.compile(
    r"""[-+](?![ ]*\d)\s++ | [*#]\s++ | >(?!\s*\d)\s++        # a bullet, a heading, a citation
      | [•‣⁃∙·・※]++\s*+
      | [–—―]++\s*+(?=\p{L})                                # direct speech
      | ([-=*~\#_])\1++\s++                                 # === Title
      | ([.!?…。！？])\2++\s*+(?=\p{L}) | …\s*+(?=\p{L})
      | (?P<item>\(?(?:(?P<digits>\d{1,3})|[A-Za-z])\))\s++   # the number of an item
    """,
    regex.VERBOSE,
)
_TRAILING_RUN = "-=*~#_–—―•·"
_EMPHASIS = regex.compile(r"(?:\*{1,3}|_{1,3}|~~)(?![*_~\s])")
_LETTER = regex.compile(r"\p{L}")
# Layers around a sentence beyond this number stay. It keeps the time linear.
_MAX_LAYERS = 8


@dataclass(frozen=True)
class Wrapped:
    """A sentence and what stands around it.

    Attributes:
        prefix: what stands before the sentence.
        text: the sentence. `prefix + text + suffix` is the whole text.
        suffix: what stands after it.
        target_prefix: the prefix in the style of the target language.
        target_suffix: the suffix in the style of the target language.
    """

    prefix: str
    text: str
    suffix: str
    target_prefix: str
    target_suffix: str

    def restore(self, translation: str) -> str:
        """Puts the prefix and the suffix around the translation of `text`."""
        return self.target_prefix + self.with_end_mark(translation) + self.target_suffix

    def with_end_mark(self, translation: str, *, ends_in_slot: bool = False) -> str:
        """Returns the translation of `text` with the end mark that goes with the suffix.

        A translation has the end mark once. Where the suffix repeats the mark of the sentence, as
        in "!!!", the translation gets the same mark. Where the suffix has the only end mark, as
        in "“.", the translation loses its own.

        Args:
            translation: the translation.
            ends_in_slot: whether the last character of `text` is in a slot. It is no end mark then,
                as in "#DIV/0!".
        """
        has_own_mark = self.text.endswith(tuple(_END_MARKS)) and not ends_in_slot
        if has_own_mark and self.suffix.startswith(tuple(_END_MARKS)):
            is_same = self.suffix[0] == self.text[-1]  # not so in "Was?!?!"
            mark = self.target_suffix[0] if is_same else self.text[-1]
            return translation.rstrip(_END_MARKS) + mark
        if not has_own_mark and any(character in _END_MARKS for character in self.suffix):
            return translation.rstrip(_END_MARKS) or translation
        return translation


@dataclass(frozen=True)
class _Layer:
    """One part that is taken off: `start` characters at the start, from `end` on at the end."""

    start: int
    end: int
    target_prefix: str
    target_suffix: str


def unwrap(text: str, source_language: str, target_language: str) -> Wrapped:
    """Takes off what stands around a sentence.

    These are quotes and brackets around the whole, bullets and dashes before it, signs such as
    emoji at its ends, marks of emphasis as in "**text**", and repeated end marks, of which the
    sentence keeps one. A text that would be left without letters stays as it is.

    Typographic quotes get the form that the target language has, straight ones stay. They stay too
    where a language is unknown, or where both languages quote alike.

    Args:
        text: a sentence.
        source_language: code such as "de" or "de-AT".
        target_language: code such as "fr" or "zh-Hant".
    """
    if _is_bare(text) or not _LETTER.search(text):
        return Wrapped("", text, "", "", "")
    conversion = MarkConversion(source_language, target_language)
    start, end = _trimmed(text, 0, len(text))
    prefix, suffix = text[:start], text[end:]
    for _ in range(_MAX_LAYERS):
        layer = _outer_layer(text[start:end], conversion)
        if layer is None or not _LETTER.search(text, start + layer.start, start + layer.end):
            break
        layer_start, layer_end = start + layer.start, start + layer.end
        start, end = _trimmed(text, layer_start, layer_end)
        prefix += layer.target_prefix + text[layer_start:start]
        suffix = text[end:layer_end] + layer.target_suffix + suffix
    return Wrapped(text[:start], text[start:end], text[end:], prefix, suffix)


def _is_bare(text: str) -> bool:
    """Finds quickly that a text has nothing around it, the usual case."""
    if not text[:1].isalnum() or ")" in text[:4]:
        return False
    return text[-1].isalnum() or (text[-2:-1].isalnum() and text[-1] in _END_MARKS + ",;:")


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Returns where `text[start:end]` starts and ends without white space."""
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    return start, start + len(part.strip())


def _outer_layer(text: str, conversion: "MarkConversion") -> _Layer | None:
    """Returns the outermost part around a text without white space at its ends, or None."""
    return (
        _enclosing(text, conversion)
        or _emphasis(text, conversion)
        or _leading(text, conversion)
        or _trailing(text)
        or _repeated_marks(text, conversion)
    )


def _enclosing(text: str, conversion: "MarkConversion") -> _Layer | None:
    """Finds quotes or brackets around the whole text, and the end marks after them."""
    opening = text[:1]
    closers = CLOSING.get(opening)
    if closers is None:
        return None
    body = text.rstrip(_END_MARKS + ",;:，；：" + _SPACE)
    if len(body) < 2 or body[-1] not in closers or not is_one_pair(body):
        return None
    start, end = _trimmed(text, 1, len(body) - 1)
    tail = text[len(body) :]
    before, after = conversion.pair(text[:start], text[end : len(body)])
    return _Layer(start, end, before, after + conversion.marks(tail))


def _emphasis(text: str, conversion: "MarkConversion") -> _Layer | None:
    """Finds "**text**" and the end marks after it."""
    match = _EMPHASIS.match(text)
    if match is None:
        return None
    marks = match[0]
    body = text.rstrip(_END_MARKS + ",;:" + _SPACE)
    start, end = match.end(), len(body) - len(marks)
    if start >= end or body[end:] != marks or body[end - 1].isspace():
        return None
    # "__init__" is a name.
    is_name = marks[0] == "_" and " " not in body
    if is_name or body.count(marks[0]) != 2 * len(marks):
        return None
    return _Layer(start, end, marks, marks + conversion.marks(text[len(body) :]))


def _leading(text: str, conversion: "MarkConversion") -> _Layer | None:
    """Finds a bullet, a dash, signs or repeated marks before the text."""
    start = 0
    while start < len(text) and (text[start] in _SIGNS or text[start] in _MODIFIERS):
        start += 1
    if start == 0:
        match = _LEADING.match(text)
        if match is not None and not _has_similar_item(text, match):
            start = match.end()
    prefix = text[:start]
    if start == 0:
        # "¡¡¡Hola!!!": one mark stays.
        start = max(0, len(text) - len(text.lstrip(_SPANISH_MARKS)) - 1)
        prefix = text[:start] if conversion.keeps_spanish_marks else ""
    return _Layer(start, len(text), prefix, "") if start else None


def _has_similar_item(text: str, match: regex.Match[str]) -> bool:
    """Tells whether the number of an item is one of several: "(a) und (b)"."""
    if match["item"] is None:
        return False
    number = r"\d{1,3}" if match["digits"] else "[A-Za-z]"
    opening = r"\(" if match["item"].startswith("(") else ""
    return regex.search(rf"(?<!\S){opening}{number}\)", text, pos=match.end()) is not None


def _trailing(text: str) -> _Layer | None:
    """Finds signs, a dash or a line of marks after the text."""
    end = len(text)
    while end > 0 and (text[end - 1] in _SIGNS or text[end - 1] in _MODIFIERS):
        end -= 1
    # What modifies the character before, as in a keycap, stays with it.
    while end < len(text) and text[end] in _MODIFIERS:
        end += 1
    if end == len(text):
        run_start = len(text.rstrip(_TRAILING_RUN))
        run = text[run_start:]
        is_apart = text[run_start - 1 : run_start].isspace() and run not in ("#", "=", "~", "_")
        is_dash = run != "" and run.strip("–—―") == ""
        if run and (is_apart or is_dash):
            end = run_start
    return _Layer(0, end, "", text[end:]) if end < len(text) else None


def _repeated_marks(text: str, conversion: "MarkConversion") -> _Layer | None:
    """Finds end marks after the first one: "!!!"."""
    first = len(text.rstrip(_END_MARKS))
    run = text[first:]
    if len(run) < 2 or run in _SHORT_RUNS:
        return None
    return _Layer(0, first + 1, "", conversion.repeated(run[1:]))


# -- the target language ---------------------------------------------------------------------------


class MarkConversion:
    """Changes quotes and marks from the style of one language to that of another."""

    def __init__(self, source_language: str, target_language: str) -> None:
        source_quotes = find_quotes(source_language)
        target_quotes = find_quotes(target_language)
        self._source = _without_region(source_language)
        self._target = _without_region(target_language)
        self._is_known = target_quotes is not None
        self._quotes = target_quotes if source_quotes not in (None, target_quotes) else None
        self.keeps_spanish_marks = self._target in _SPANISH or not self._is_known

    def pair(self, before: str, after: str) -> tuple[str, str]:
        """Converts an opening and a closing mark, with the white space inside."""
        opening = before[0]
        if opening in _STRAIGHT_QUOTES:
            return before, after
        if opening in _BRACKETS:
            return self.marks(before), self.marks(after)
        if self._quotes is None:
            return before, after
        return self._quotes[2:] if opening in _SINGLE_QUOTES else self._quotes[:2]

    def marks(self, marks: str) -> str:
        """Converts end marks and brackets between their narrow and their wide form."""
        if not self._is_known:
            return marks
        if self._source == "fr" and self._target != "fr":
            marks = marks.lstrip(_SPACE)  # "« Quoi » ?"
        return marks.translate(_TO_WIDE if self._target in _WIDE_LANGUAGES else _TO_NARROW)

    def repeated(self, marks: str) -> str:
        """Converts repeated end marks. "..." stays an ellipsis."""
        return marks if marks.strip(".") == "" else self.marks(marks)


def _without_region(language: str) -> str:
    return language.lower().replace("_", "-").split("-")[0]
