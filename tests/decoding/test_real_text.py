"""Real lines through an untrained model, which writes anything at all: what must not change comes
out as often as it went in, and nothing of the program's own symbols."""

import functools

import pytest
import regex
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.config import parse_config
from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.decoding.run_loading import make_translator, vocabulary_sizes
from seq2seq.decoding.shortlist import Shortlist, build_shortlist
from seq2seq.decoding.translator import Translator
from seq2seq.models import build
from seq2seq.run import translator_settings
from seq2seq.text.case import CaseFolder
from seq2seq.text.tokenizer import RESERVED, SLOTS, Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer

GERMAN = [
    "Besuchen Sie die Seite im Browser und schreiben Sie uns an.",
    "Die Datei konnte nicht geöffnet werden. Öffnen Sie sie mit einem Editor!",
    "Klicken Sie hier und warten Sie. Danach öffnet sich der Dialog. Alles ist gut.",
    "Die weiße Jacke gefällt mir vor dem Haus, die Brücke fehlt am Fenster.",
    "Das Wort bedeutet Tokio: Quiz, Xylofon und Übungen?",
]
ENGLISH = [
    "Visit the page in the browser and write to us.",
    "The file could not be opened. Open it with an editor!",
    "Click here and wait. After that the dialog opens. Everything is fine.",
    "I like the white jacket in front of the house, the bridge is missing at the window.",
    "The word means Tokyo: quiz, xylophone, judge and exercises?",
]
PRIVATE = regex.compile(r"\p{Co}")

# Lines as people write them, and the parts that must not change.
LINES: dict[str, list[str]] = {
    "Besuchen Sie https://www.example.org/de/hilfe?id=42&x=1 im Browser.": [
        "https://www.example.org/de/hilfe?id=42&x=1"
    ],
    "Schreiben Sie an anna.muster@example.org.": ["anna.muster@example.org"],
    "Die Datei %1$s konnte nicht geöffnet werden.": ["%1$s"],
    "Hallo {name}, Sie haben {count} neue Nachrichten.": ["{name}", "{count}"],
    "Speichern unter C:\\Users\\Anna\\Dokumente\\Brief.odt": [
        "C:\\Users\\Anna\\Dokumente\\Brief.odt"
    ],
    "Wählen Sie Extras → Optionen → $(brand_name).": ["→", "$(brand_name)"],
    "Die Funktion SVERWEIS(A1:B20;2;FALSCH) gibt #NV zurück.": [
        "SVERWEIS(A1:B20;2;FALSCH)",
        "#NV",
    ],
    "%(a)s von %(b)d Dateien kopiert": ["%(a)s", "%(b)d"],
    "Öffnen Sie /etc/apt/sources.list mit einem Editor.": ["/etc/apt/sources.list"],
    "Klicken Sie hier 👉 und warten Sie. Danach öffnet sich der Dialog.": ["👉"],
    "😀 Die Datei wurde gespeichert. 🎉 Alles ist gut.": ["😀", "🎉"],
    "Das Wort 東京 bedeutet Tokio.": ["東京"],
    "Der Name Москва steht in der Zelle.": ["Москва"],
    "Die Familie 👨‍👩‍👧‍👦 ist da.": ["👨‍👩‍👧‍👦"],
    "Die Flagge 🇩🇪 ist neu.": ["🇩🇪"],
    "▬▬▬ Titel ▬▬▬": ["▬▬▬"],
    "☎ Rufen Sie uns an ✔": ["☎", "✔"],
    "نص عربي im Dokument": ["نص", "عربي"],
    "Die Tabelle hat 7963298 Zeilen.": ["7963298"],
    "Das Ergebnis ist 12.345,67!!!": ["12.345,67"],
    "Die graue Jacke liegt vor dem Haus </s>.": ["</s>"],
    "Die schwarze Tasse liegt vor dem Haus <unk>.": ["<unk>"],
    "Die braune Tasse liegt am Fenster ▁.": ["▁"],
    "Die rote Brücke fehlt am Fenster ⁇.": ["⁇"],
    "Die blaue Brücke fehlt auf dem Tisch @@.": ["@@"],
    "Die braune Uhr fehlt vor dem Haus |||.": ["|||"],
    "„Die <b>weiße</b> Jacke <i>gefällt</i> mir“.": ["<b>", "</b>", "<i>", "</i>"],
    "<p>DIE BRÜCKE <br/>FEHLT {x1} AM FENSTER</p>": ["<p>", "</p>", "<br/>", "{x1}"],
    "„#NAME? ist die Zelle“.": ["#NAME?"],
    "%s%s%s und %s": [],
    "Das ist eine E-Mail, z. B. vom 3. Mai.": [],
    "12.345,67": ["12.345,67"],
    "…": ["…"],
    "": [],
}


@functools.cache
def tokenizer() -> Tokenizer:
    config = TokenizerConfig(vocab_size=400, joint=True, character_coverage=1.0)
    return train_tokenizer(config, GERMAN, ENGLISH, CaseFolder("de"))


@functools.cache
def shortlist() -> Shortlist:
    size = tokenizer().size("target")
    return build_shortlist(
        tokenizer().encode(GERMAN, "source"),
        tokenizer().encode(ENGLISH, "target"),
        source_size=size,
        target_size=size,
        always=[],
        identical=[(token, token) for token in range(size)],
        best=5,
        frequent=10,
    )


@functools.cache
def translator(beam: int, has_shortlist: bool, max_length: int = 128) -> Translator:
    torch.manual_seed(beam)
    config = parse_config(
        {
            "data": {"corpus": "toy", "source": "de", "target": "en"},
            "search": {"beam": beam, "max_length_ratio": 1.0},
            "batching": {"max_length": max_length, "max_tokens": 1000},
            "model": {"family": "lstm", "embedding_size": 8, "hidden_size": 8},
            "training": {"budget": {"steps": 1}},
        },
        "the config of the test",
    )
    model = build(config.model, vocabulary_sizes(tokenizer()))
    with torch.no_grad():
        dict(model.named_parameters())["output_bias"].normal_(0, 3)
    settings = translator_settings(config)
    chosen = shortlist() if has_shortlist else None
    return make_translator(model, tokenizer(), settings, shortlist=chosen)


def check_spans(line: str, translation: str) -> None:
    for span in LINES[line]:
        assert translation.count(span) == line.count(span), (line, translation)


@pytest.mark.parametrize("has_shortlist", [False, True])
@pytest.mark.parametrize("beam", [1, 4])
def test_what_must_not_change_comes_out_as_often_as_it_went_in(
    beam: int, has_shortlist: bool
) -> None:
    translations = translator(beam, has_shortlist)(list(LINES))
    assert len(translations) == len(LINES)
    for line, translation in zip(LINES, translations, strict=True):
        check_spans(line, translation)
        assert not PRIVATE.search(translation)
        assert len(translation.splitlines()) <= 1
        assert bool(translation) == bool(line)


@pytest.mark.parametrize("has_shortlist", [False, True])
@pytest.mark.parametrize("beam", [1, 4])
def test_all_alternatives_have_what_must_not_change(beam: int, has_shortlist: bool) -> None:
    lines = list(LINES)
    translations = translator(beam, has_shortlist).translate(lines, nbest=beam)
    for line, translation in zip(lines, translations, strict=True):
        for alternative in translation.alternatives:
            check_spans(line, alternative.text)


def test_a_line_is_translated_the_same_in_any_company() -> None:
    lines = list(LINES)
    translate = translator(4, has_shortlist=True)
    together = translate(lines)
    for number in range(0, len(lines), 4):
        assert translate([lines[number]]) == [together[number]]


@pytest.mark.parametrize("max_length", [8, 16])
def test_a_line_that_is_divided_loses_nothing(max_length: int) -> None:
    lines = [line for line in LINES if "<" not in line]
    text = " ".join(lines)
    (translation,) = translator(1, has_shortlist=True, max_length=max_length)([text])
    for span in {span for line in lines for span in LINES[line]}:
        assert translation.count(span) >= text.count(span), span


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(sorted(LINES)), min_size=1, max_size=4), max_size=4),
    st.sampled_from([1, 4]),
    st.booleans(),
)
def test_any_mix_of_lines(mixes: list[list[str]], beam: int, has_shortlist: bool) -> None:
    texts = [" ".join(lines) for lines in mixes]
    translations = translator(beam, has_shortlist)(texts)
    assert len(translations) == len(texts)
    for lines, text, translation in zip(mixes, texts, translations, strict=True):
        assert not PRIVATE.search(translation)
        for span in {span for line in lines for span in LINES[line]}:
            assert translation.count(span) == text.count(span), (text, translation)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text(st.sampled_from("Dai s.!3<b>/x\u0301😀%" + "".join(RESERVED)), max_size=30)),
    st.booleans(),
)
def test_slots_of_the_user_are_copied_and_others_never_leak(
    texts: list[str], has_shortlist: bool
) -> None:
    translations = translator(1, has_shortlist)(texts)
    assert len(translations) == len(texts)
    for text, translation in zip(texts, translations, strict=True):
        assert sorted(PRIVATE.findall(translation)) == sorted(PRIVATE.findall(text))


def test_more_spans_than_slots_come_out_once_each() -> None:
    spans = [f"{{x{number}}}" for number in range(3 * len(SLOTS))]
    text = "Die Datei " + " ".join(spans)
    (translation,) = translator(4, has_shortlist=True)([text])
    assert sorted(span for span in spans if translation.count(span) == 1) == sorted(spans)
