import time
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from seq2seq.data.cleaning import (
    CleaningConfig,
    clean_corpus,
    foreign_letters,
    normalize_text,
    sentence_key,
)
from seq2seq.data.corpus import Corpus
from seq2seq.data.pairs import Pairs


def corpus(train: list[tuple[str, str]], **held_out: list[tuple[str, str]]) -> Corpus:
    splits = {"train": train, **{name.replace("_", "-"): pairs for name, pairs in held_out.items()}}
    return Corpus(
        name="made-up",
        source_language="de",
        target_language="en",
        splits={
            name: Pairs(source=[de for de, _ in pairs], target=[en for _, en in pairs])
            for name, pairs in splits.items()
        },
    )


GOOD = ("Ein Hund läuft.", "A dog is running.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a \t b\n\nc ", "a b c"),
        ("a\u00a0b\u3000c\u2028d\x85e\x0bf", "a b c d e f"),
        ("null\x00byte\x1funit\x7fdel", "null byte unit del"),
        ("soft\u00adhyphen, zero\u200bwidth, \ufeffmark, \u202abidi\u202c", "softhyphen, zerowidth, mark, bidi"),
        ("a\ud800b", "ab"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("u\u0308", "ü"),
        ("\x01\u00ad \u200b", ""),
    ],
)
def test_normalize_text(text: str, expected: str) -> None:
    assert normalize_text(text, "nfc") == expected


def test_normal_forms_differ_where_they_should() -> None:
    text = "ﬁnal x² ｆｕｌｌ u\u0308"
    assert normalize_text(text, "none") == text
    assert normalize_text(text, "nfc") == "ﬁnal x² ｆｕｌｌ ü"
    assert normalize_text(text, "nfkc") == "final x2 full ü"


@given(st.text(), st.sampled_from(["nfc", "nfkc", "none"]))
def test_normalize_text_leaves_nothing_to_do(text: str, form: str) -> None:
    once = normalize_text(text, form)  # type: ignore[arg-type]
    assert normalize_text(once, form) == once  # type: ignore[arg-type]
    assert once == once.strip()
    assert "  " not in once
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in once)
    once.encode("utf-8")


def test_sentence_key_sees_only_letters_and_digits() -> None:
    assert sentence_key("«Hello,  WORLD! 3.5»") == sentence_key("hello world 3 5")
    assert sentence_key("Straße") == sentence_key("STRASSE")
    assert sentence_key("ｆｕｌｌ") == "full"
    assert sentence_key("...") != sentence_key("!!!")
    # Vowel signs of Hindi are marks, not letters; without them "day" and "poor" would be the same word.
    assert sentence_key("दिन") != sentence_key("दीन")


@pytest.mark.parametrize(
    ("text", "language", "share"),
    [
        ("Guten Tag", "de", 0.0),
        ("Привет", "de", 1.0),
        ("Привет ab", "de", 6 / 8),
        ("Привет ab", "ru", 2 / 8),
        ("文件 abcd", "zh-cn", 4 / 6),
        ("ファイル漢字ひらがな", "ja", 0.0),
        ("123 !?", "ru", 0.0),
        ("anything при", "xx", 0.0),
    ],
)
def test_foreign_letters(text: str, language: str, share: float) -> None:
    assert foreign_letters(text, language) == pytest.approx(share)


@pytest.mark.parametrize(
    ("pair", "rule", "off"),
    [
        (("Wort " * 101, "word " * 101), "too long", {"max_words": None}),
        (("W" * 601, "w" * 601), "too long", {"max_chars": None}),
        (("Ja.", "Yes, that is how it was said to be at the time."), "length ratio", {"max_length_ratio": None}),
        (("Windows Update.", "Windows Update."), "identical sides", {"drop_identical": False}),
        (("Привет всем", "Hello to all"), "wrong script", {"max_foreign_letters": None}),
        (GOOD, "duplicate", {"drop_duplicates": False}),
        (("Das ist der TEST", "Something else."), "overlap with valid/test", {"drop_overlap": False}),
        (("Etwas anderes.", "that's valid"), "overlap with valid/test", {"drop_overlap": False}),
    ],
)
def test_each_rule_drops_counts_and_can_be_switched_off(
    pair: tuple[str, str], rule: str, off: dict[str, bool | None]
) -> None:
    raw = corpus(
        [GOOD, pair, ("Noch ein Satz.", "One more sentence.")],
        valid=[("Das gilt.", "That's valid!")],
        test=[("Das ist der Test.", "This is the test.")],
    )
    clean, report = clean_corpus(raw, CleaningConfig())
    assert list(clean.splits["train"]) == [GOOD, ("Noch ein Satz.", "One more sentence.")]
    assert {name: count for name, count in report.splits["train"].dropped.items() if count} == {rule: 1}
    assert any(line.strip() == f"dropped, {rule}: 1" for line in report.lines())
    kept, report = clean_corpus(raw, replace(CleaningConfig(), **off))  # type: ignore[arg-type]
    assert len(kept.splits["train"]) == 3
    assert sum(report.splits["train"].dropped.values()) == 0


def test_further_test_parts_count_as_held_out() -> None:
    raw = corpus([GOOD, ("Datei öffnen", "Open File")], test_interface=[("Öffnen", "open file")])
    clean, _ = clean_corpus(raw, CleaningConfig())
    assert list(clean.splits["train"]) == [GOOD]


def test_an_empty_line_of_a_test_set_overlaps_with_nothing() -> None:
    raw = corpus([GOOD, ("...", "Something is said.")], test=[("", "")])
    clean, report = clean_corpus(raw, CleaningConfig())
    assert report.splits["train"].dropped["overlap with valid/test"] == 0
    assert len(clean.splits["train"]) == 2


def test_valid_and_test_are_only_normalised() -> None:
    odd = [
        ("Привет", "Hi"),
        ("same", "same"),
        ("same", "same"),
        ("w " * 500, "w"),
        ("", "no source"),
        (" a\u00a0b ", "c"),
    ]
    clean, report = clean_corpus(corpus([GOOD], valid=odd, test=odd), CleaningConfig())
    normal = [
        ("Привет", "Hi"),
        ("same", "same"),
        ("same", "same"),
        (("w " * 500).strip(), "w"),
        ("", "no source"),
        ("a b", "c"),
    ]
    assert list(clean.splits["test"]) == normal
    assert list(clean.splits["valid"]) == [pair for pair in normal if pair[0]]
    assert (report.splits["test"].before, report.splits["test"].after, report.splits["test"].changed) == (6, 6, 2)
    assert report.splits["valid"].dropped == {"empty": 1}


def test_empty_sides_are_dropped_from_train_after_normalisation() -> None:
    clean, report = clean_corpus(corpus([GOOD, ("\u200b", "x"), ("x", "  ")]), CleaningConfig())
    assert list(clean.splits["train"]) == [GOOD]
    assert report.splits["train"].dropped["empty"] == 2


def test_the_length_ratio_is_seen_from_the_corpus_own() -> None:
    # Every target is four times as long: nothing is unusual then but the pair that is not.
    train = [("字" * n, "x" * (4 * n)) for n in range(20, 60)]
    raw = corpus([*train, ("字" * 160, "x" * 160)])
    clean, report = clean_corpus(raw, CleaningConfig(max_foreign_letters=None))
    assert list(clean.splits["train"]) == train
    assert report.splits["train"].dropped["length ratio"] == 1


def test_groups_stay_with_their_pairs() -> None:
    pairs = Pairs(source=["a b", "", "c d"], target=["A B C", "x", "C D E"], groups=["one", "two", "three"])
    raw = replace(corpus([]), splits={"train": pairs})
    clean, _ = clean_corpus(raw, CleaningConfig())
    assert clean.splits["train"].groups == ["one", "three"]


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"max_words": 0}, "max_words is 0; it must be at least 1"),
        ({"max_chars": -1}, "max_chars is -1; it must be at least 1"),
        ({"max_length_ratio": 1.0}, "max_length_ratio is 1.0; it must be greater than 1"),
        ({"max_foreign_letters": 1.5}, "max_foreign_letters is 1.5; it must be a share from 0 to 1"),
        ({"normalize": "nfd"}, "'nfc', 'nfkc' or 'none'"),
        ({"max_length": 3}, "Unexpected keyword argument"),
    ],
)
def test_wrong_settings(setting: dict[str, object], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        TypeAdapter(CleaningConfig).validate_python(setting)


def test_cleaning_is_fast_enough_for_every_start_of_a_training() -> None:
    train = [
        (f"Das ist der Satz Nummer {n}, für größere Mengen.", f"This is sentence number {n}, for larger amounts.")
        for n in range(20_000)
    ]
    started = time.perf_counter()
    clean_corpus(corpus(train, test=train[:100]), CleaningConfig())
    # 200,000 pairs in a few seconds; the bound leaves room for a busy machine.
    assert time.perf_counter() - started < 3
