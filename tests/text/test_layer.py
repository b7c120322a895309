"""A sentence on its way to a model and back: what must not change is the same afterwards, whatever
tokens the model writes."""

import functools

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seq2seq.config.text import TextConfig
from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.text.case import CaseFolder
from seq2seq.text.layer import SourceText, TextLayer
from seq2seq.text.tokenizer import COPY, EOS, RESERVED, SLOTS, TAG, Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer

GERMAN = [
    "Der Hund sieht die Katze.",
    "Die Katze sucht das Haus!",
    "Wo ist der Garten, und wo die Übung?",
    "Öffnen Sie im Menü die Datei, klicken Sie auf Fuß, Quiz, Jacke, Xylofon, Vase und Ärger.",
    "USB-Stick, HUND UND HAUS",
]
ENGLISH = [
    "The dog sees the cat.",
    "The cat seeks the house!",
    "Where is the garden, and where the exercise?",
    "Open the file, click on foot, quiz, jacket, xylophone, vase, back, map and trouble.",
    "USB stick, DOG AND HOUSE",
]
A, B, C = SLOTS[:3]
PRIVATE = regex.compile(r"\p{Co}")
Attention = NDArray[np.float32]

# None is a part of another, and a model does not spell one by chance.
SPANS = [
    "https://www.example.org/de/hilfe?id=42&x=1",
    "anna.muster@example.org",
    "{count}",
    "%1$s",
    "C:\\Users\\Anna\\Dokumente\\Brief.odt",
    "$(brand_name)",
    "SVERWEIS(A1:B20;2;FALSCH)",
    "/etc/apt/sources.list",
    "7963298",
    "12.345,67",
    "24.12.2024",
    "👨‍👩‍👧‍👦",
    "🇩🇪",
    "东京",
    "Москва",
    "<unk>",
    "<pad>",
    "&nbsp;",
    "|||",
    "@@",
    "\ue123\uf000",
    "#DIV/0!",
]
UNKNOWN_WORDS = st.sampled_from(["copy", "translate"])
WRAPPERS = ["{}", "„{}“", "„{}.“", "„{}“.", "({})", "- {}", "▬▬▬ {} ▬▬▬", "{}!!!", "{}…", "**{}**"]


@functools.cache
def tokenizer(*, folds: bool = True, joint: bool = True, byte_fallback: bool = True) -> Tokenizer:
    config = TokenizerConfig(
        vocab_size=380, joint=joint, byte_fallback=byte_fallback, character_coverage=1.0
    )
    return train_tokenizer(config, GERMAN, ENGLISH, CaseFolder("de") if folds else None)


def make_layer(
    tokens: Tokenizer | None = None, target_language: str = "en", **text: object
) -> TextLayer:
    # The training text has few words. What new ones become is in test_source_words.py.
    return TextLayer(
        tokens or tokenizer(),
        TextConfig.model_validate({"unknown_words": "translate", **text}),
        source_language="de",
        target_language=target_language,
    )


def finish(layer: TextLayer, source: SourceText, translation: str) -> str:
    """Returns what the layer makes of a translation whose words attend to those of the source at
    the same place."""
    tokens = layer.tokenizer.encode([translation], "target")[0]
    source_words = words_of_tokens(layer.tokenizer.tokens(source.tokens, "source"))
    target_words = words_of_tokens(layer.tokenizer.tokens(tokens, "target"))
    attention = np.equal.outer(target_words, source_words).astype(np.float32)
    return layer.finish(source, tokens, attention)


def words_of_tokens(tokens: list[str]) -> list[int]:
    """Returns the number of the word that each token is in."""
    return np.cumsum([token.startswith("▁") for token in tokens]).tolist()


def translated(text: str, translation: str, **config: object) -> str:
    layer = make_layer(**config)  # type: ignore[arg-type]
    return finish(layer, layer.prepare(text), translation)


# -- what the model reads --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Siehe https://www.example.org/de/hilfe?id=42&x=1 im Haus.", f"Siehe {A} im Haus."),
        ("Schreiben Sie an anna.muster@example.org.", f"Schreiben Sie an {A}."),
        ("%d von %d Dateien", f"{A} von {B} Dateien"),
        ("Extras → Optionen → $(brand_name).", f"Extras {A} Optionen {B} {C}."),
        ("Die Tabelle hat 7963298 Zeilen.", f"Die Tabelle hat {A} Zeilen."),
        ("Das Wort 东京 fehlt.", f"Das Wort {A} fehlt."),
        ("Der Name Москва steht da.", f"Der Name {A} steht da."),
        ("Das Haus <s>.", f"Das Haus {A}."),
        ("Das Haus ▁.", f"Das Haus {A}."),
        ("Der Hund und die Katze", "Der Hund und die Katze"),
    ],
)
def test_what_must_not_change_is_in_slots(text: str, expected: str) -> None:
    source = make_layer().prepare(text)
    assert source.slotted.text == expected
    assert source.slotted.fill(expected) == text


@pytest.mark.parametrize("folds", [True, False])
def test_the_model_reads_the_tokens_of_the_text_with_slots(folds: bool) -> None:
    tokens = tokenizer(folds=folds)
    source = make_layer(tokens).prepare("Der HUND %s")
    assert list(source.tokens) == tokens.encode([f"Der HUND {A}"], "source")[0]
    assert EOS not in source.tokens


def test_slots_are_target_tokens_with_repetitions() -> None:
    layer = make_layer(tokenizer(joint=False))
    parts = " ".join(f"x{number}" for number in range(17))
    source = layer.prepare(f"Hund {parts}")
    slots = [layer.tokenizer.token_of(symbol, "target") for symbol in (*SLOTS, A)]
    assert layer.slots_of(source) == slots


def test_a_word_with_an_unknown_letter_becomes_one_slot() -> None:
    assert make_layer().prepare("Der Dvořák-Hund").slotted.text == f"Der {A}-Hund"


def test_without_spans_only_what_the_vocabulary_lacks_is_in_slots() -> None:
    source = make_layer(spans=False).prepare(f"Hund 😀 {COPY} s.a <b>Haus</b>")
    assert source.markup is None
    # The vocabulary lacks the brackets.
    assert source.slotted.text == f"Hund {A} {B} s.a {C}b{SLOTS[3]}Haus{SLOTS[4]}b{SLOTS[5]}"
    assert [slot.text for slot in source.slotted.slots] == ["😀", COPY, "<", ">", "</", ">"]


def test_a_pattern_of_the_user_is_in_slots() -> None:
    source = make_layer(protect=[r"ACME-\w+"]).prepare("Der ACME-Hund und der Hund")
    assert source.slotted.text == f"Der {A} und der Hund"


@pytest.mark.parametrize("symbol", RESERVED)
@pytest.mark.parametrize("spans", [True, False])
def test_a_reserved_symbol_in_the_text_is_copied(symbol: str, spans: bool) -> None:
    layer = make_layer(spans=spans)
    source = layer.prepare(f"Der {symbol} Hund {symbol}")
    assert source.slotted.text == f"Der {A} Hund {B}"
    assert finish(layer, source, f"The {B} dog {A}") == f"The {symbol} dog {symbol}"


# -- nothing to translate --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "…",
        "😀",
        "12.345,67",
        "„%s“",
        "<b>%s</b>",
        "foo_bar, x86!",
        "https://example.org",
        "东京",
    ],
)
def test_a_text_without_words_is_carried_over(text: str) -> None:
    layer = make_layer()
    source = layer.prepare(text)
    assert source.tokens == ()
    assert layer.carried_over(source) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12.345,67", "12,345.67"),
        ("„foo_bar: 1,5“", "„foo_bar: 1.5“"),
        ("<b>1,5</b>", "<b>1.5</b>"),
        (f"{COPY} 1,5 {TAG}", f"{COPY} 1.5 {TAG}"),
    ],
)
def test_its_numbers_are_localized_and_all_else_stays(text: str, expected: str) -> None:
    layer = make_layer(numbers="localize")
    source = layer.prepare(text)
    assert source.tokens == ()
    assert layer.carried_over(source) == expected


# -- putting a translation together ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "translation", "expected"),
    [
        ("%d von %d Dateien", f"{A} of {B} files", "%d of %d files"),
        ("Der Hund {name} und %s.", f"{B} and the dog {A}.", "%s and the dog {name}."),
        ("„Der Hund sieht %s.“", f"The dog sees {A}.", "“The dog sees %s.”"),
        ("▬▬▬ Hund ▬▬▬", "Dog", "▬▬▬ Dog ▬▬▬"),
        ("- Hund 😀", "Dog", "- Dog 😀"),
        ("Der Hund!!!", "The dog!", "The dog!!!"),
        ("Der <b>Hund</b>", "The dog", "The <b>dog</b>"),
        ("„<b>Hund</b>“", "Dog", "“<b>Dog</b>”"),
        ("<b>Der Hund sieht %s</b>", f"The dog sees {A}", "<b>The dog sees %s</b>"),
        ("Hund<br>", f"Dog{A}", "Dog<br>"),
    ],
)
def test_everything_is_put_back(text: str, translation: str, expected: str) -> None:
    assert translated(text, translation) == expected


@pytest.mark.parametrize(
    ("text", "translation", "expected"),
    [
        ("DER HUND SIEHT %s", f"The dog sees {A}", "THE DOG SEES %s"),
        ("DER <b>HUND</b>", "The dog", "THE <b>DOG</b>"),
        ("„DER HUND“", "The dog", "“THE DOG”"),
        ("Der HUND", "The dog", "The dog"),
        ("%S Hund", f"{A} dog", "%S dog"),
    ],
)
def test_capitals_become_capitals(text: str, translation: str, expected: str) -> None:
    assert translated(text, translation) == expected


def test_a_model_that_reads_capitals_itself_decides_about_them() -> None:
    assert translated("DER HUND", "The dog", tokens=tokenizer(folds=False)) == "The dog"


@pytest.mark.parametrize(("numbers", "expected"), [("copy", "1,5"), ("localize", "1.5")])
def test_numbers_are_localized_if_wanted(numbers: str, expected: str) -> None:
    assert translated("Der Hund hat 1,5.", f"The dog has {A}.", numbers=numbers) == (
        f"The dog has {expected}."
    )


@pytest.mark.parametrize(
    ("text", "translation", "expected"),
    [
        ("„#NAME? sieht der Hund“.", f"The dog sees {A}.", "“The dog sees #NAME?”."),
        ("Der Hund sieht #DIV/0!.", f"The dog sees {A}.", "The dog sees #DIV/0!."),
        ("Der Hund sieht #DIV/0! nicht...", f"The dog sees {A}.", "The dog sees #DIV/0!..."),
    ],
)
def test_a_mark_within_a_span_is_no_end_mark(text: str, translation: str, expected: str) -> None:
    assert translated(text, translation) == expected


def test_a_translation_is_one_line() -> None:
    assert translated("Der Hund %s", f"The\ndog \t{A}\r\n") == "The dog %s"


# -- whatever the model writes ---------------------------------------------------------------------


@st.composite
def outputs(draw: st.DrawFn, layer: TextLayer, source: SourceText) -> tuple[list[int], Attention]:
    """Draws target tokens that have each slot as often as the source, and an attention."""
    slots = layer.slots_of(source)
    ordinary = st.integers(EOS + 1, layer.tokenizer.size("target") - 1).filter(
        lambda token: token not in layer.slot_tokens.values()
    )
    written = draw(st.lists(ordinary, max_size=20))
    tokens = draw(st.permutations([*written, *slots]))
    seed = draw(st.integers(0, 1000))
    shape = (len(tokens) + 1, len(source.tokens) + 1)
    return list(tokens), np.random.default_rng(seed).random(shape).astype(np.float32)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(SPANS), unique=True, max_size=len(SPANS)), st.data())
def test_each_span_comes_out_once(spans: list[str], data: st.DataObject) -> None:
    layer = make_layer(unknown_words=data.draw(UNKNOWN_WORDS))
    words = data.draw(st.lists(st.sampled_from(["Hund", "die", "Öffnen"]), min_size=1, max_size=5))
    parts = data.draw(st.permutations([*words, *spans]))
    text = data.draw(st.sampled_from(WRAPPERS)).format(" ".join(parts))
    source = layer.prepare(text)
    translation = layer.finish(source, *data.draw(outputs(layer, source)))
    assert {span: translation.count(span) for span in spans} == dict.fromkeys(spans, 1)
    assert sorted(PRIVATE.findall(translation)) == sorted(PRIVATE.findall(text))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(RESERVED), max_size=20), st.data())
def test_no_symbol_leaks(symbols: list[str], data: st.DataObject) -> None:
    layer = make_layer(spans=data.draw(st.booleans()), unknown_words=data.draw(UNKNOWN_WORDS))
    source = layer.prepare(" ".join(["Hund", *symbols, "Haus"]))
    translation = layer.finish(source, *data.draw(outputs(layer, source)))
    assert sorted(PRIVATE.findall(translation)) == sorted(symbols)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["<b>", "</b>", "<i>", "</i>", "<br/>", "Hund"])), st.data())
def test_each_tag_comes_out_once(parts: list[str], data: st.DataObject) -> None:
    layer = make_layer()
    source = layer.prepare(" ".join(["Der", *parts]))
    translation = layer.finish(source, *data.draw(outputs(layer, source)))
    for tag in ("<b>", "</b>", "<i>", "</i>", "<br/>"):
        assert translation.count(tag) == parts.count(tag)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.data())
def test_any_text_has_a_translation_of_one_line(text: str, data: st.DataObject) -> None:
    tokens = tokenizer(byte_fallback=data.draw(st.booleans()))
    layer = make_layer(tokens, unknown_words=data.draw(UNKNOWN_WORDS))
    source = layer.prepare("Hund " + " ".join(text.split()))
    translation = layer.finish(source, *data.draw(outputs(layer, source)))
    assert len(translation.splitlines()) <= 1
    assert sorted(PRIVATE.findall(translation)) == sorted(PRIVATE.findall(text))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_capitals_leave_what_must_not_change(data: st.DataObject) -> None:
    layer = make_layer()
    source = layer.prepare("DER HUND {name} <i>SIEHT</i> https://example.org/abc")
    translation = layer.finish(source, *data.draw(outputs(layer, source)))
    for span in ("{name}", "<i>", "</i>", "https://example.org/abc"):
        assert translation.count(span) == 1
        translation = translation.replace(span, "")
    assert translation == translation.upper()


# -- marks that the vocabulary lacks ---------------------------------------------------------------


def test_a_mark_that_the_vocabulary_lacks_is_read_as_the_plain_one() -> None:
    source = make_layer().prepare("Der Hund – die Katze – `a – b`")
    assert source.slotted.text == f"Der Hund - die Katze - {A}"
    assert [slot.text for slot in source.slotted.slots] == ["`a – b`"]


def test_a_mark_stays_if_the_vocabulary_lacks_the_plain_one_too() -> None:
    source = make_layer().prepare("Der Hund ‚sieht die Katze")
    assert source.slotted.text == f"Der Hund {A}sieht die Katze"
    assert [slot.text for slot in source.slotted.slots] == ["‚"]
