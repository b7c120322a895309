"""What stands around a sentence is taken off and put back, and nothing of it is lost."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seq2seq.text.wrapping import unwrap

PARTS = st.sampled_from(
    [
        *"„“”\"'‚‘’«»‹›「」『』《》()[]（）【】*_~=#->•…–—.!?。！？¡¿,;:",
        *[" ", "\u00a0", "\u202f", "\u3000", "\n", "a", "Ab", "don't", "日", "1", "7)", "{x}", "©"],
        *["😀", "👩\u200d👧", "1\ufe0f\u20e3", "\ufe0f", "\u0301", "\u200d", "\ue000", "▬▬", "→"],
    ]
)
ANY_TEXT = st.one_of(st.text(st.characters()), st.lists(PARTS, max_size=12).map("".join))
LANGUAGES = st.sampled_from(["de", "de-AT", "en", "fr", "es", "pl", "nl", "ja", "zh_Hant", "xx"])


# -- every text ------------------------------------------------------------------------------------


@settings(max_examples=1000, deadline=None)
@given(ANY_TEXT, LANGUAGES, LANGUAGES)
@example("!!! Hallo !!!", "de", "en")
@example("„“", "de", "en")
def test_the_parts_are_the_text(text: str, source: str, target: str) -> None:
    wrapped = unwrap(text, source, target)
    assert wrapped.prefix + wrapped.text + wrapped.suffix == text
    assert wrapped.text or not text


@settings(max_examples=500, deadline=None)
@given(ANY_TEXT, LANGUAGES)
@example("¡¡A", "de")
def test_within_a_language_the_sentence_itself_restores_the_text(text: str, language: str) -> None:
    wrapped = unwrap(text, "xx", "xx")
    assert wrapped.restore(wrapped.text) == text
    wrapped = unwrap(text, language, "xx")
    if language != "fr":
        assert wrapped.restore(wrapped.text) == text


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT, LANGUAGES, LANGUAGES)
def test_the_letters_of_a_translation_stay(text: str, source: str, target: str) -> None:
    restored = unwrap(text, source, target).restore("Kept words")
    assert "Kept words" in restored


@pytest.mark.parametrize("text", ["", "123", "„123“", "- 5", "(!)", "😀 😀", "...", "▬▬▬", "**1**"])
def test_a_text_without_letters_stays_as_it_is(text: str) -> None:
    assert unwrap(text, "de", "en").text == text


# -- what is taken off -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Öffnen Sie die Datei.", ("", "Öffnen Sie die Datei.", "")),
        # quotes
        ("„Öffnen Sie die Datei.“", ("„", "Öffnen Sie die Datei.", "“")),
        ("„Öffnen Sie die Datei“.", ("„", "Öffnen Sie die Datei", "“.")),
        ("»Öffnen!«", ("»", "Öffnen!", "«")),
        ('"Ja."', ('"', "Ja.", '"')),
        ('„Ja"', ("„", "Ja", '"')),
        ("„‚Ja‘“", ("„‚", "Ja", "‘“")),
        ("'Das geht's nicht'", ("'", "Das geht's nicht", "'")),
        ("‘I don’t know’", ("‘", "I don’t know", "’")),
        ("« Oui » !", ("« ", "Oui", " » !")),
        ("„A“ und „B“", ("", "„A“ und „B“", "")),
        ('"A" und "B"', ("", '"A" und "B"', "")),
        ("„Ja“, sagte er.", ("", "„Ja“, sagte er.", "")),
        ("„Er sagte „ja“ dazu“", ("„", "Er sagte „ja“ dazu", "“")),
        ("„A” und „B“", ("", "„A” und „B“", "")),
        ("„A“ – “B”", ("", "„A“ – “B”", "")),
        ("»A« und «B»", ("", "»A« und «B»", "")),
        ('„Ja!", „Nein!"', ("", '„Ja!", „Nein!"', "")),
        ("'Ja' ('Nein')", ("", "'Ja' ('Nein')", "")),
        ("\"Sie sagt 'ja'\"", ('"', "Sie sagt 'ja'", '"')),
        ('"Er sagte "ja" dazu"', ('"', 'Er sagte "ja" dazu', '"')),
        ("„Er sagte ‚ja‘.“", ("„", "Er sagte ‚ja‘.", "“")),
        ("„Er sagte “ja” dazu“", ("„", "Er sagte “ja” dazu", "“")),
        ("»Er sagte »ja« dazu«", ("»", "Er sagte »ja« dazu", "«")),
        ("« Il dit « oui » »", ("« ", "Il dit « oui »", " »")),
        ("„Das is’ ’n Hund“", ("„", "Das is’ ’n Hund", "“")),
        ("'Rock 'n' Roll'", ("'", "Rock 'n' Roll", "'")),
        ('("24 Zoll")', ('("', "24 Zoll", '")')),
        # brackets
        ("[[Datei]] und [OK]", ("", "[[Datei]] und [OK]", "")),
        ("(siehe „Anhang (A)“)", ("(", "siehe „Anhang (A)“", ")")),
        ("(Siehe Seite 3.)", ("(", "Siehe Seite 3.", ")")),
        ("[Musik]", ("[", "Musik", "]")),
        ("(eins) und (zwei)", ("", "(eins) und (zwei)", "")),
        ("{name}", ("", "{name}", "")),
        # bullets and dashes
        ("- Eins", ("- ", "Eins", "")),
        ("* Eins", ("* ", "Eins", "")),
        ("• Eins", ("• ", "Eins", "")),
        ("– Ja", ("– ", "Ja", "")),
        ("—Sí", ("—", "Sí", "")),
        ("a) Eins", ("a) ", "Eins", "")),
        ("(12) Eins", ("(12) ", "Eins", "")),
        ("(a) Siehe (2)", ("(a) ", "Siehe (2)", "")),
        ("(a) und (b)", ("", "(a) und (b)", "")),
        ("1) und 2)", ("", "1) und 2)", "")),
        ("## Titel", ("## ", "Titel", "")),
        ("> Zitat", ("> ", "Zitat", "")),
        ("Name *", ("", "Name", " *")),
        ("Ich –", ("", "Ich", " –")),
        ("-5 Grad", ("", "-5 Grad", "")),
        ("--verbose zeigt mehr", ("", "--verbose zeigt mehr", "")),
        ("> 5 Jahre", ("", "> 5 Jahre", "")),
        ("Vor-", ("", "Vor-", "")),
        ("3. Mai", ("", "3. Mai", "")),
        # signs and lines
        ("▬▬▬ Titel ▬▬▬", ("▬▬▬ ", "Titel", " ▬▬▬")),
        ("=== Titel ===", ("=== ", "Titel", " ===")),
        ("😀 Hallo 👩\u200d👧", ("😀 ", "Hallo", " 👩\u200d👧")),
        ("Taste 1\ufe0f\u20e3", ("", "Taste 1\ufe0f\u20e3", "")),
        ("Firma™", ("", "Firma™", "")),
        # emphasis
        ("**Achtung!**", ("**", "Achtung!", "**")),
        ("*Achtung*!", ("*", "Achtung", "*!")),
        ("**A** und **B**", ("", "**A** und **B**", "")),
        ("__init__", ("", "__init__", "")),
        # end marks
        ("Hallo!!!", ("", "Hallo!", "!!")),
        ("Warte...", ("", "Warte.", "..")),
        ("Was?!?!", ("", "Was?", "!?!")),
        ("Was?!", ("", "Was?!", "")),
        ("Warte…", ("", "Warte…", "")),
        ("...und dann", ("...", "und dann", "")),
        ("../pfad/datei", ("", "../pfad/datei", "")),
        ("¡¡¡Hola!!!", ("¡¡", "¡Hola!", "!!")),
        # several
        ("▬▬▬ „Hallo!!!“ ▬▬▬", ("▬▬▬ „", "Hallo!", "!!“ ▬▬▬")),
        ("- (siehe unten)", ("- (", "siehe unten", ")")),
    ],
)
def test_takes_off(text: str, parts: tuple[str, str, str]) -> None:
    wrapped = unwrap(text, "de", "en")
    assert (wrapped.prefix, wrapped.text, wrapped.suffix) == parts


# -- the target language ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "text", "translation", "expected"),
    [
        ("de", "en", "„Ja.“", "Yes.", "“Yes.”"),
        ("de", "en", "»Ja.«", "Yes.", "“Yes.”"),
        ("de", "en", "‚Ja.‘", "Yes.", "‘Yes.’"),
        ("de", "en", "„‚Ja.‘“", "Yes.", "“‘Yes.’”"),
        ("de", "en", '"Ja."', "Yes.", '"Yes."'),
        ("de", "fr", "„Ja.“", "Oui.", "«\u00a0Oui.\u00a0»"),
        ("de-AT", "FR", "„Ja.“", "Oui.", "«\u00a0Oui.\u00a0»"),
        ("fr", "de", "«\u00a0Oui.\u00a0»", "Ja.", "„Ja.“"),
        ("fr", "en", "« Quoi » ?", "What", "“What”?"),
        ("de", "nl", "„Ja.“", "Ja.", "“Ja.”"),
        ("de", "nl", "‚Ja.‘", "Ja.", "‘Ja.’"),
        ("de", "es", "‚Ja.‘", "Sí.", "“Sí.”"),
        ("de", "pl", "„Ja.“", "Tak.", "„Tak.”"),
        ("en", "zh-TW", "“Yes.”", "是。", "「是。」"),
        ("ja", "en", "「はい。」", "Yes.", "“Yes.”"),
        ("ja", "en", "『はい。』", "Yes.", "‘Yes.’"),
        ("zh", "en", "（见下文）。", "see below", "(see below)."),
        ("en", "zh", "(see below).", "见下文", "（见下文）。"),
        # An unknown language, or the same style: nothing changes.
        ("de", "xx", "„Ja.“", "Yes.", "„Yes.“"),
        ("xx", "en", "„Ja.“", "Yes.", "„Yes.“"),
        ("de", "cs", "»Ja.«", "Ano.", "»Ano.«"),
        # Other parts stay.
        ("de", "en", "▬ Titel ▬", "Title", "▬ Title ▬"),
        ("de", "en", "**Titel**", "Title", "**Title**"),
        ("es", "en", "¡¡Hola!!", "Hello!", "Hello!!"),
    ],
)
def test_restores_in_the_style_of_the_target(
    source: str, target: str, text: str, translation: str, expected: str
) -> None:
    assert unwrap(text, source, target).restore(translation) == expected


@pytest.mark.parametrize(
    ("text", "translation", "expected"),
    [
        ("Hallo!!!", "Hello!", "Hello!!!"),
        ("Hallo!!!", "Hello", "Hello!!!"),
        ("Hallo!!!", "Hello.", "Hello!!!"),
        ("Warte...", "Wait...", "Wait..."),
        ("Was?!?!", "What?", "What?!?!"),
        # The mark stands outside of the quotes, as in the source.
        ("„Hallo“.", "Hello.", "“Hello”."),
        ("„Hallo“.", "Hello", "“Hello”."),
        ("„Hallo.“", "Hello.", "“Hello.”"),
        ("„Hallo“", "Hello.", "“Hello.”"),
    ],
)
def test_an_end_mark_is_there_once(text: str, translation: str, expected: str) -> None:
    assert unwrap(text, "de", "en").restore(translation) == expected


def test_a_mark_in_a_slot_is_no_end_mark() -> None:
    wrapped = unwrap("Das ist #DIV/0!.", "de", "en")
    assert (wrapped.text, wrapped.suffix) == ("Das ist #DIV/0!", ".")
    assert wrapped.with_end_mark("This is \ue000", ends_in_slot=True) == "This is \ue000"


@pytest.mark.parametrize(
    ("target", "expected"), [("ja", "やあ！！！"), ("zh", "やあ！！！"), ("en", "やあ!!!")]
)
def test_repeated_marks_have_the_width_of_the_target(target: str, expected: str) -> None:
    assert unwrap("Hallo!!!", "de", target).restore("やあ！") == expected


# -- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50_000 + "a" + ")" * 50_000,
        "„" * 100_000 + "a",
        "'a' " * 25_000 + "'",
        "😀" * 100_000 + "a",
        "a" + "!" * 100_000,
        "a" + " -" * 50_000,
        "*" * 100_000 + "a",
        " " * 100_000 + "a",
        "- " * 50_000 + "a",
        "¡" * 100_000 + "a",
        "\ufe0f" * 100_000 + "a",
    ],
    ids=lambda text: text[:6],
)
def test_the_time_is_linear(text: str) -> None:
    start = time.process_time()
    unwrap(text, "de", "en")
    assert time.process_time() - start < 5
