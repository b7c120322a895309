"""The words of the dictionary Ding: which are read, and which are chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.sources import DingSource
from seq2seq.data.corpus import Pairs
from seq2seq.data.sources.ding import read_entries, split_entries
from seq2seq.data.sources.ding_words import choose_words, read_words


def read(line: str) -> list[tuple[str, str]]:
    return [(entry.german, entry.english) for entry in read_words([line])]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Katze {f} [zool.] | Katzen {pl} :: cat | cats", [("Katze", "cat"), ("Katzen", "cats")]),
        ("gehen {vi} {ging; gegangen} :: to go {went; gone}", [("gehen", "to go")]),
        ("Bahnhof {m} /Bhf./ :: railway station", [("Bahnhof", "railway station")]),
        ("Kind {n}; Gör {n} :: child", [("Kind", "child"), ("Gör", "child")]),
        ("Hallo! {interj} :: Hello!; Hi!", [("Hallo!", "Hello!"), ("Hallo!", "Hi!")]),
        ("jdn./etw. fragen :: to ask sb./sth.", [("fragen", "to ask")]),
        ("E-Mail {f} :: e-mail", [("E-Mail", "e-mail")]),
    ],
)
def test_words_that_are_read(line: str, words: list[tuple[str, str]]) -> None:
    assert read(line) == words


@pytest.mark.parametrize(
    "line",
    [
        "kleine Insel {f} :: islet",
        "Umlenkrolle :: a small wheel for ropes",
        "klein; Klein… | zu klein :: small-sized",
        "kleinste/r/s :: smallest …",
        "Fernsehen :: TV",
        "x-Achse :: x axis",
        "Raum 3 :: room 3",
        "helfen :: to help sb.",
        "Platz! :: place",
        "Radio {n} :: Radio",
        "# Hund :: dog",
    ],
)
def test_what_is_no_clean_word(line: str) -> None:
    assert read(line) in ([], [("klein", "small-sized")])


def choose(lines: list[str], examples: list[tuple[str, str]]) -> list[tuple[str, str]]:
    source = [german for german, _ in examples]
    target = [english for _, english in examples]
    return list(choose_words(read_words(lines), Pairs(source=source, target=target)))


def test_a_word_without_an_example_is_left_out() -> None:
    lines = ["Haltestift {m} :: positioning pin", "Hund {m} :: dog"]
    assert choose(lines, [("Der Hund bellt.", "The dog barks.")]) == [("Hund", "dog")]


def test_the_first_word_of_a_line_may_have_its_plural_as_example() -> None:
    lines = ["Banane {f} | Bananen {pl} | Kochbanane {f} :: banana | bananas | plantain"]
    chosen = choose(lines, [("drei Bananen", "three bananas")])
    assert chosen == [("Banane", "banana"), ("Bananen", "bananas")]


def test_the_translation_with_the_most_evidence_is_chosen() -> None:
    lines = ["Katze {f} :: tabby", "Katze {f} :: cat; pet"]
    # cat: 2 of 2 examples. tabby: 1.
    examples = [("eine Katze", "a cat"), ("zwei Katze", "two cat"), ("Katze hier", "tabby here")]
    assert choose(lines, examples) == [("Katze", "cat")]


def test_a_common_word_is_not_chosen_for_being_common() -> None:
    lines = ["schön {adj} :: good", "schön {adj} :: beautiful"]
    examples = [("schön 1", "beautiful"), ("schön 2", "beautiful"), ("schön 3", "good good")]
    examples += [("schön 4", "good")] + [("gut", "good")] * 8
    # good: 2 * 4 / (4 + 10); beautiful: 2 * 4 / (4 + 2).
    assert choose(lines, examples) == [("schön", "beautiful")]


def test_the_particle_of_a_verb_is_not_counted() -> None:
    lines = ["gehen {vi} :: to walk; to go"]
    assert choose(lines, [("nach Hause gehen", "go home")]) == [("gehen", "to go")]


def test_a_noun_that_hides_a_common_word_is_left_out() -> None:
    lines = [
        "Bitte {f} :: request",
        "bitte {adv} :: please",
        "Essen {n} :: food",
        "essen :: to eat",
    ]
    examples = [("Bitte komm.", "Come please.")] * 9 + [("seine Bitte", "his request")]
    examples += [("gutes Essen", "good food"), ("wir essen", "we eat")]
    assert choose(lines, examples) == [("bitte", "please"), ("Essen", "food"), ("essen", "to eat")]


def test_an_exclamation_needs_no_example() -> None:
    lines = ["Tschüss!; Servus! :: Bye!; Cheers!", "Mann {m} :: man", "Mann! :: Strewth!"]
    chosen = choose(lines, [("ein Mann", "a man")])
    assert chosen == [("Tschüss!", "Bye!"), ("Mann", "man")]


@given(st.text(alphabet="abA! .|:;/{}[]()<>…1", max_size=60))
def test_any_line_gives_clean_words_only(text: str) -> None:
    for entry in read_words([text.replace(".", " :: ")]):
        assert " " not in entry.german
        assert not set(entry.german + entry.english) & set("|:;/{}[]()<>…1")


def test_words_go_to_train_whatever_their_line_and_never_repeat_a_held_out_sentence() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    lines = []
    for first in letters:
        for second in letters[:10]:
            word = f"wort{first}{second}"
            lines.append(f"{word} | Das {word} ist da. :: e{word} | The e{word} is there.")
    lines += [
        f"nur{letter} | Das ist nur{letter} da. :: only{letter} | x y{letter}." for letter in "ab"
    ]
    words = read_words(lines)
    parts = ("sentences", "phrases", "words")
    splits, notes = split_entries(read_entries(lines), parts, "ding", words)
    without, _ = split_entries(read_entries(lines), parts[:2], "ding")
    assert splits["test"] == without["test"]
    assert splits["valid"] == without["valid"]
    # Only the words with an example in train are chosen.
    trained = [text for text in splits["train"].source if text.startswith("wort")]
    sentences = [text for text in splits["train"].source if text.startswith("Das wort")]
    assert len(trained) == len(sentences) > 100
    assert notes[1].endswith(f"0 phrases and {len(trained)} words.")


def test_words_alone_are_an_error() -> None:
    with pytest.raises(ValueError, match="for training only; add sentences or phrases"):
        DingSource(kind="ding", parts=("words",))
