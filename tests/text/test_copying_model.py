"""A model that gives back its input: the layer loses nothing, and what must not change is the same
afterwards, white space in it included."""

import bisect
import functools

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.settings import TextSettings
from seq2seq.text.case import CaseFolder
from seq2seq.text.layer import TextLayer
from seq2seq.text.normalization import fold_spaces
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer

GERMAN = [
    "Drücken Sie Strg und die Taste, oder öffnen Sie das Menü.",
    "Der Hund (und die Katze) sieht das Haus!",
    "Wo ist die Übung: vor, zwischen, auf, jetzt oder mit Quarz?",
    "Ein „Hund“, ein ‚Hund‘, ein «Haus», ein »Haus«, ein ”Tier” – und das war’s - ‹ja›.",
]
SPANS = [
    *["`a  b`", "`a\tb  c`", "`\u00a0x`", "1\u00a0000", "12\u202f345\u202f678,5"],
    *['<a\thref="x">', '<img  src="a  b">', "<br  />", "</a>", "</kbd>", "<kbd>", "<b>", "</b>"],
    *["{{ a  b }}", "{n, plural,  one {# \u00a0x}}", "%s", "https://a.de/b?c=1", "#DIV/0!", "😀"],
    "+49\u00a030\u00a0123456",
]  # fmt: skip
WORDS = [
    *["Strg", "Taste", "die", "ÖFFNEN", "5", ",", ".", "!", "?!", "…", "+", "-", "–", "*", "**"],
    *["„", "“", "”", '"', "'", "’", "‚", "‘", "«", "»", "(", ")", "[", "]", "(a)", "1)", "#", ">"],
]
SPACES = ["", "", " ", " ", "  ", "\t", "\u00a0", "\u202f", "\u2009", "\u3000"]
TEXTS = st.lists(st.sampled_from([*SPANS, *WORDS, *SPACES, *SPACES]), max_size=16).map("".join)


@functools.cache
def tokenizer() -> Tokenizer:
    config = TokenizerConfig(vocab_size=360, character_coverage=1.0)
    return train_tokenizer(config, GERMAN, GERMAN, CaseFolder("de"))


@functools.cache
def make_layer() -> TextLayer:
    # Languages without known quotes, so that these stay as they are.
    config = TextSettings(unknown_words="translate")
    return TextLayer(tokenizer(), config, source_language="xx", target_language="xx")


def copied(text: str) -> str:
    """Returns what becomes of a text whose translation is the text itself."""
    layer = make_layer()
    source = layer.prepare(layer.fold_spaces(text))
    if not source.tokens:
        return layer.carried_over(source)
    target = layer.tokenizer.encode([source.slotted.text], "target")[0]
    attention = np.zeros((len(target), len(source.tokens)), dtype=np.float32)
    source_ends = [end for _, end in layer.tokenizer.offsets(source.tokens, "source")]
    target_ends = [end for _, end in layer.tokenizer.offsets(target, "target")]
    for row, end in enumerate(target_ends):
        column = min(bisect.bisect_left(source_ends, end), len(source_ends) - 1)
        attention[row, column] = 1
    return layer.finish(source, target, attention)


def has_pairs(text: str) -> bool:
    return make_layer().prepare(make_layer().fold_spaces(text)).markup is not None


@settings(max_examples=1000, deadline=None)
@given(TEXTS)
@example("Strg</kbd>+<kbd>C")
@example("`a  b`\u00a0\u00a0`a\tb  c`  Taste")
@example("Taste 1\u00a0000  5")
def test_a_text_without_paired_tags_comes_back_as_it_was(text: str) -> None:
    if not has_pairs(text):
        assert copied(text) == make_layer().fold_spaces(text)


@settings(max_examples=1000, deadline=None)
@given(TEXTS)
@example("Drücken Sie <b>Strg</kbd>+<kbd>C</b>.")
@example("<b>`a  b`</b>  <b></b>Taste")
def test_each_character_comes_back(text: str) -> None:
    translation = copied(text)
    assert sorted("".join(translation.split())) == sorted("".join(text.split()))


@settings(max_examples=1000, deadline=None)
@given(TEXTS)
def test_spans_come_back_in_order_with_their_white_space(text: str) -> None:
    layer = make_layer()
    # Of two that touch, one may be a tag that is put elsewhere.
    everywhere = range(len(text))
    spans = layer.spans(text, unknown=False, boundaries=everywhere)
    folded = layer.fold_spaces(text)
    contents = [text[span.start : span.end] for span in spans]
    # Folding may make one number of two.
    assume(
        contents
        == [
            folded[span.start : span.end]
            for span in layer.spans(folded, unknown=False, boundaries=everywhere)
        ]
    )
    # Nor where a tag was between a span and a letter, as in "ab<b>`c`</b>".
    markup = layer.prepare(folded).markup
    if markup is not None:
        left = {markup.text[s.start : s.end] for s in layer.spans(markup.text, unknown=False)}
        assume(all(content in left or content not in markup.text for content in contents))
    translation = copied(text)
    position = 0
    for span, content in zip(spans, contents, strict=True):
        if span.kind == "tag":
            assert content in translation
            continue
        position = translation.find(content, position)
        assert position >= 0, (content, translation)
        position += len(content)


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("aHundU,.!? \t\x0b\u00a0\u2009\u2028\u3000"), max_size=40))
def test_without_spans_all_white_space_is_folded(text: str) -> None:
    if not make_layer().spans(text, unknown=False):
        assert copied(text) == fold_spaces(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Der  Hund\t`a  b`\u00a0 sieht\u202fdas ", "Der Hund `a  b` sieht das"),
        ("Der Hund\u00a0sieht 1\u202f000\u00a0Katzen", "Der Hund sieht 1\u202f000 Katzen"),
        ('Der <a\thref="x  y">Hund</a>', 'Der <a\thref="x  y">Hund</a>'),
        ("Strg</kbd>+<kbd>Taste", "Strg</kbd>+<kbd>Taste"),
        ("\"Sie sagt 'ja'\"", "\"Sie sagt 'ja'\""),
        ("„Er sagte ‚ja‘.“", "„Er sagte ‚ja‘.“"),
        ("„`a  b`“ und (`c\td`)", "„`a  b`“ und (`c\td`)"),
        ("„`a  b`“", "„`a  b`“"),
    ],
)
def test_only_white_space_around_spans_is_folded(text: str, expected: str) -> None:
    assert make_layer().fold_spaces(text) == expected
    assert copied(text) == expected
