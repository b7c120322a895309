"""Sentence pairs from the help pages of LibreOffice.

The help of every language has the same pages, and their paragraphs have the same IDs. So the
paragraphs are aligned already; only the sentences in them have to be aligned.
"""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import NamedTuple

from seq2seq.text.paragraphs import split_paragraph

TextPairs = list[tuple[str, str]]
"""Pairs of (text, English text)."""

# Characters of a sentence per character of the English one. Other pairs are probably misaligned.
_MIN_LENGTH_RATIO = 0.5
_MAX_LENGTH_RATIO = 2.2
_USUAL_LENGTH_RATIO = {"zh": 0.34, "ja": 0.47, "ko": 0.5}
"""The two limits are multiplied by this, because these scripts need fewer characters."""

_PARAGRAPH = re.compile(
    r"""<(?P<tag>p|h[1-6])\b (?P<before>[^>]*?) \bid="(?P<id>(?:par|hd)_id[^"]*)" (?P<after>[^>]*)>
        (?P<html>.*?) </(?P=tag)>""",
    re.VERBOSE | re.DOTALL,
)
_CODE_CLASS = re.compile(r'class="(?:[a-z]*code|code[a-z]*)"')
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-z][a-z0-9]*)(?P<attributes>[^>]*)>")


class Paragraph(NamedTuple):
    """A paragraph or heading of a help page."""

    is_code: bool
    html: str


Page = dict[str, Paragraph]
"""ID of a paragraph -> paragraph."""


def parse_page(html: str) -> Page:
    """Returns the paragraphs and headings with a translation ID. The first of each ID counts."""
    page: Page = {}
    for match in _PARAGRAPH.finditer(html):
        is_code = _CODE_CLASS.search(match["before"] + match["after"]) is not None
        page.setdefault(match["id"], Paragraph(is_code, match["html"]))
    return page


# -- plain text ------------------------------------------------------------------------------------


@dataclass
class _OpenSpan:
    """A `<span>` whose end has not been reached.

    A "switch" span holds a "variant" span for each operating system or program. One of the variants
    may be the "default".
    """

    kind: str
    """"switch", "variant", "default", or "" for any other span."""
    texts: list[str] = field(default_factory=list)
    variants: list[tuple[bool, str]] = field(default_factory=list)
    """(is the default, text) of each variant in this span."""


def plain_text(html: str) -> str:
    """Returns the text of a paragraph with all white space folded.

    A page holds `<span class="switchinline">` with a hidden span for each variant, and a script
    shows one of them. Without a choice, "Command" and "Ctrl" would both be in the text. The choice
    is the default, or else the first variant.
    """
    if "<" not in html:
        return " ".join(unescape(html).split())
    # The first entry is the paragraph itself.
    open_spans = [_OpenSpan("")]
    position = 0
    for match in _TAG.finditer(html):
        open_spans[-1].texts.append(html[position : match.start()])
        position = match.end()
        if match["name"] == "br":
            open_spans[-1].texts.append(" ")
        if match["name"] != "span":
            continue
        if not match["end"]:
            open_spans.append(_OpenSpan(_span_kind(match["attributes"])))
        elif len(open_spans) > 1:
            _close_span(open_spans.pop(), open_spans[-1])
    open_spans[-1].texts.append(html[position:])
    # Broken pages leave spans open.
    texts = ["".join(span.texts) for span in open_spans]
    return " ".join(unescape("".join(texts)).split())


def _span_kind(attributes: str) -> str:
    is_switch = 'class="switch' in attributes
    is_variant = 'hidden="true"' in attributes
    if (is_switch or is_variant) and 'id="default' in attributes:
        return "default"
    if is_switch:
        return "switch"
    return "variant" if is_variant else ""


def _close_span(span: _OpenSpan, parent: _OpenSpan) -> None:
    """Adds the text of a span to its parent."""
    text = "".join(span.texts)
    if span.kind in ("variant", "default"):
        parent.variants.append((span.kind == "default", text))
        return
    parent.texts.append(text)
    if span.variants:
        defaults = [variant for is_default, variant in span.variants if is_default]
        parent.texts.append(defaults[0] if defaults else span.variants[0][1])


# -- alignment -------------------------------------------------------------------------------------


def pair_pages(
    pages: dict[str, Page], english_pages: dict[str, Page], language: str
) -> dict[str, TextPairs]:
    """Aligns the sentences of pages.

    A paragraph counts only if both sides have the same number of sentences. Code is left out.

    Args:
        pages: path of a page -> page in `language`.
        english_pages: the same in English.
        language: language code of `pages`.

    Returns:
        Path of a page -> its sentence pairs, for the pages that both languages have.
    """
    paired = {}
    for path in sorted(pages.keys() & english_pages.keys()):
        paired[path] = _pair_page(pages[path], english_pages[path], language)
    return paired


def _pair_page(page: Page, english_page: Page, language: str) -> TextPairs:
    usual_ratio = _USUAL_LENGTH_RATIO.get(language.split("-")[0], 1.0)
    pairs: TextPairs = []
    for paragraph_id, english_paragraph in english_page.items():
        paragraph = page.get(paragraph_id)
        if paragraph is None or paragraph.is_code or english_paragraph.is_code:
            continue
        text = plain_text(paragraph.html)
        english_text = plain_text(english_paragraph.html)
        if text == english_text:
            continue
        sentences = split_paragraph(text, language)
        english_sentences = split_paragraph(english_text, "en")
        if len(sentences) != len(english_sentences):
            continue
        for sentence, english in zip(sentences, english_sentences, strict=True):
            ratio = len(sentence) / len(english) / usual_ratio
            if sentence != english and _MIN_LENGTH_RATIO <= ratio <= _MAX_LENGTH_RATIO:
                pairs.append((sentence, english))
    return pairs
