"""A line is divided between its sentences and nowhere else, and nothing of it is lost."""

from pathlib import Path

import pytest
import sentencex
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.config import NormalForm
from seq2seq.text.normalization import fold_spaces, normalize_characters, normalize_text
from seq2seq.text.sentences import Sentence, SentenceSplitter, join_translations

CASES = Path(__file__).parent / "cases"
# Marks, spaces and words around which rules for sentences go wrong.
TRICKY_PARTS = st.sampled_from(
    [
        *".!?…。！？」「“”„\"'()•-",
        *[" ", "  ", "\u00a0", "\u3000", "\u2009", "\n", "\u2028", "\t"],
        *[
            "OK. ",
            "z. B. ",
            "1. ",
            "2) ",
            "19. ",
            "Dr. ",
            "M. ",
            "http://a.b?C=1 ",
            "a",
            "Ab",
            "日",
        ],
        *["😀", "\u0301", "\u200d", "\ud800", "ß", "۔", "؟", "।"],
    ]
)
ANY_TEXT = st.one_of(st.text(st.characters()), st.lists(TRICKY_PARTS).map("".join))
LANGUAGES = st.sampled_from(["de", "en", "fr", "ja", "zh", "hi", "ar", "ru", "my", "xx", "pt-BR"])
FORMS: st.SearchStrategy[NormalForm] = st.sampled_from(["nfc", "nfkc", "none"])


def sentences_of(language: str, text: str) -> list[str]:
    return [sentence.text for sentence in SentenceSplitter(language).split(text)]


# -- every text ------------------------------------------------------------------------------------


@settings(max_examples=500, deadline=None)
@given(ANY_TEXT, LANGUAGES, FORMS)
def test_joining_the_sentences_gives_the_text_back(
    text: str, language: str, form: NormalForm
) -> None:
    normalized = normalize_characters(text, form)
    sentences = SentenceSplitter(language).split(normalized)
    assert "".join(sentence.text + sentence.space for sentence in sentences) == normalized
    assert fold_spaces(normalized) == normalize_text(text, form)


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT, LANGUAGES)
def test_sentences_have_text_and_only_white_space_is_between_them(text: str, language: str) -> None:
    sentences = SentenceSplitter(language).split(normalize_characters(text, "nfc"))
    assert all(sentence.text == sentence.text.strip() != "" for sentence in sentences)
    assert all(sentence.space.strip() == "" for sentence in sentences)
    assert all(sentence.space == "" for sentence in sentences[-1:])


def test_a_long_text_is_divided_like_a_short_one() -> None:
    # The library gets a long text part by part.
    sentence = "Klicken Sie z. B. auf die Schaltfläche."
    assert sentences_of("de", " ".join([sentence] * 2_000)) == [sentence] * 2_000


def test_a_long_text_without_sentences_stays_whole() -> None:
    assert len(sentences_of("de", "wort " * 20_000 + "ende")) == 1


def test_an_error_inside_the_library_leaves_the_text_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    # A panic in Rust arrives as this class, which cannot be imported.
    panic = type("PanicException", (BaseException,), {})

    def fail(language: str, text: str) -> list[str]:
        raise panic("not a char boundary")

    monkeypatch.setattr(sentencex, "segment", fail)
    assert sentences_of("de", "Ja. Nein.") == ["Ja. Nein."]


def test_an_interrupt_inside_the_library_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(language: str, text: str) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(sentencex, "segment", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sentences_of("de", "Ja. Nein.")


def test_an_ideographic_space_after_a_french_initial() -> None:
    # The library panics at this text.
    assert sentences_of("fr", "A\u3000. Oui. Non.") == ["A\u3000. Oui.", "Non."]


# -- what is one sentence --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Siehe z. B. Abschnitt 3.1 oder z.B. Kapitel 4, d. h. Bilder, bzw. Tabellen usw."),
        ("de", "Prof. Dr. med. Müller wohnt inkl. Familie ca. 5 km von der Fa. Meier."),
        ("de", "Am 3. Mai 2024 begann im 19. Jahrhundert der 2. Teil, die 3. Auflage."),
        ("de", "AM 3. MAI KAM DR. MÜLLER Z. B. NACH KÖLN."),
        ("de", "Der Preis beträgt 12.345,67 €, Version 24.2.1, um 10.30 Uhr, am 3.5.2024."),
        ("de", "Er sagte: „Ich gehe. Du bleibst.“, und ging."),
        ("de", "„Ich gehe!“ sagte er."),
        ("de", "Siehe https://example.org/a?B=1.C!D und foo.Bar?Baz in C:\\Foo.Txt, a.b@c.de."),
        ("de", "Er wartet … und geht ... dann."),
        ("en", "He lives e.g. in the U.S. and works, i.e. earns, at approx. Five p.m. on Monday."),
        ("en", "Mr. Smith and J. R. R. Tolkien saw Fig. 3 and No. 5, vol. II."),
        ("en", 'He said "Stop." and "Why?" she asked.'),
        ("en", "1. foo 2. bar"),
        ("en", "Pi is 3.14, not 3."),
        ("en", "The error #VALUE! occurs in Yahoo! shops."),
        ("fr", "M. Dupont lit l'art. 5 de Mme. Petit."),
        ("ru", "См. рис. 5, т.е. тест."),
        ("ja", "彼は「はい。」と言った。"),
        ("zh", "“你好。”他说。"),
        ("xx", "Mr. Foo is e.g. here."),
        ("de", "Fertig. ..."),
        ("de", "1."),
    ],
)
def test_one_sentence(language: str, text: str) -> None:
    assert sentences_of(language, text) == [text]


# -- what is more than one -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("de", ["Klicken Sie auf OK.", "Die Datei wird gespeichert."]),
        ("de", ["Siehe Abschnitt 3.1.", "Dr. Müller hat ihn geschrieben."]),
        ("de", ["„OK.“", "Das war gut.", "„Nein!“, rief sie."]),
        ("de", ["DRÜCKEN SIE OK.", "DANN KOMMT DR. MÜLLER."]),
        ("de", ["Seite 31.", "Es ist 2024.", "Dann weiter!", "Ja?", "Gut."]),
        ("de", ["Öffnen Sie %s 😀.", "Danach kostet es 12.345,67 €."]),
        ("de", ["Siehe https://example.org/a?b=1.", "Ende."]),
        ("de", ["1. Öffnen Sie die Datei.", "2. Schließen Sie sie.", "3. Fertig."]),
        ("de", ["3. Platz: Meier.", "4. Platz: Müller."]),
        ("en", ["1. Open the file.", "2. Close it.", "3. Done."]),
        ("en", ["a) Open it.", "b) Close it."]),
        ("en", ["Hello!", "😀"]),
        ("en", ["hello.", "how are you?", "fine."]),
        ("en", ["I have 5.", "He has 3."]),
        ("de-AT", ["Das gilt bzw. Jenes.", "Gut."]),
        ("DE", ["Das gilt bzw. Jenes.", "Gut."]),
        ("xx", ["Foo bar.", "Baz qux!"]),
        ("es", ["¿Qué?", "¡Sí!", "El Sr. López."]),
        ("ar", ["كيف حالك؟", "أنا بخير."]),
        ("hi", ["यह एक है।", "वह दो है।"]),
    ],
)
def test_several_sentences(language: str, sentences: list[str]) -> None:
    assert sentences_of(language, " ".join(sentences)) == sentences


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("zh", ["打开文件。", "然后关闭！", "好？", "对"]),
        ("zh", ["你好!", "我很好?", "是。"]),
        ("ja", ["それから帰った。", "「はい。」", "「いいえ。」"]),
        ("my", ["ကျွန်တော်။", "နေကောင်းလား။"]),
    ],
)
def test_scripts_without_spaces(language: str, sentences: list[str]) -> None:
    assert sentences_of(language, "".join(sentences)) == sentences


def test_paragraphs() -> None:
    lines = (CASES / "paragraphs.de").read_text(encoding="utf-8").splitlines()
    assert [len(sentences_of("de", line)) for line in lines] == [6, 4, 4, 1]


def test_white_space_between_sentences_is_kept() -> None:
    text = "Eins.  Zwei.\u00a0Drei.\u3000Vier."
    sentences = SentenceSplitter("de").split(text)
    assert [sentence.space for sentence in sentences] == ["  ", "\u00a0", "\u3000", ""]


# -- joining ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("translations", "sentences", "expected"),
    [
        ([], [], ""),
        (["Ja."], [Sentence("Yes.")], "Ja."),
        (["Ja.", "Nein."], [Sentence("Yes.", "  "), Sentence("No.")], "Ja.  Nein."),
        (
            ["Ja.", "", "Gut."],
            [Sentence("A.", " "), Sentence("B.", "  "), Sentence("C.")],
            "Ja. Gut.",
        ),
        (["", "Ja."], [Sentence("A.", " "), Sentence("B.")], "Ja."),
        (["Cat.", "Dog."], [Sentence("猫。"), Sentence("犬。")], "Cat. Dog."),
        (["猫。", "犬。"], [Sentence("猫。"), Sentence("犬。")], "猫。犬。"),
        (["猫。", "犬。"], [Sentence("Cat.", " "), Sentence("Dog.")], "猫。犬。"),
        (["「猫。」", "犬。"], [Sentence("“Cat.”", " "), Sentence("Dog.")], "「猫。」犬。"),
        (["猫。", "犬。"], [Sentence("猫。", " "), Sentence("犬。")], "猫。 犬。"),
        (["猫?", "犬。"], [Sentence("猫?"), Sentence("犬。")], "猫?犬。"),
    ],
)
def test_join_translations(
    translations: list[str], sentences: list[Sentence], expected: str
) -> None:
    assert join_translations(translations, sentences) == expected
