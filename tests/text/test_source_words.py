"""What a tokenizer knows about the words of its training text, and what the text layer makes of
it: a new word that would be spelled is copied."""

import functools
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.text import TextConfig
from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.errors import UserError
from seq2seq.text.case import CaseFolder
from seq2seq.text.layer import TextLayer
from seq2seq.text.tokenizer import SLOTS, Tokenizer
from seq2seq.text.tokenizer_training import cached_tokenizer, train_tokenizer

# The parts of "Gartenhaus" are frequent. All letters are there.
GERMAN = [
    "Baumhaus Hochhaus Landhaus Rathaus",
    "Gartentür Gartenzaun Gartenbank",
    "Wer kauft jetzt im Taxi-Shop das Zelt mit Opa Yoda?",
]
ENGLISH = ["tree house, tower, cottage", "garden", "Who buys the tent in the shop?"]
A, B = SLOTS[:2]


@functools.cache
def tokenizer(*, folds: bool = True) -> Tokenizer:
    config = TokenizerConfig(kind="bpe", joint=True, vocab_size=340, character_coverage=1.0)
    # Without a case folder, capitals and small letters must both be known.
    texts = GERMAN if folds else [*GERMAN, *(text.lower() for text in GERMAN)]
    return train_tokenizer(config, texts, ENGLISH, CaseFolder("de") if folds else None)


def make_layer(unknown_words: str = "copy", tokens: Tokenizer | None = None) -> TextLayer:
    return TextLayer(
        tokens or tokenizer(),
        TextConfig.model_validate({"unknown_words": unknown_words}),
        source_language="de",
        target_language="en",
    )


# -- the tokenizer ---------------------------------------------------------------------------------


def test_the_words_of_the_source_text_are_known_in_lower_case() -> None:
    config = TokenizerConfig(vocab_size=300, character_coverage=1.0)
    for folder in (CaseFolder("de"), None):
        trained = train_tokenizer(config, ["Ein E-Bus, ein ZOO!", "3D über"], ["a bus"], folder)
        assert trained.source_words == frozenset({"ein", "e", "bus", "zoo", "d", "über"})


@pytest.mark.parametrize("folds", [True, False])
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("kauft", False),
        ("Kauft", False),
        ("Krzysztof", True),
        ("krzysztof", True),
        ("gartenhaus", False),
        ("Gartenhaus", False),
    ],
)
def test_only_a_new_word_of_letters_is_spelled(folds: bool, word: str, expected: bool) -> None:
    assert tokenizer(folds=folds).is_spelled(word) == expected


def test_words_in_capitals_are_the_same_words() -> None:
    assert not tokenizer().is_spelled("KAUFT")
    assert not tokenizer().is_spelled("GARTENHAUS")
    assert tokenizer().is_spelled("KRZYSZTOF")


def test_a_letter_that_is_written_in_bytes_is_a_letter() -> None:
    assert tokenizer().is_spelled("žřžřk")


@given(st.text(min_size=1))
def test_a_known_word_is_never_spelled(word: str) -> None:
    models = tokenizer()._models
    known = Tokenizer(models, source_words=frozenset([word.lower()]))
    assert not known.is_spelled(word) or "\u2581" in word or "\ue001" in word  # they are escaped


def test_nothing_is_unknown_to_a_tokenizer_that_does_not_know_its_words() -> None:
    assert not Tokenizer(tokenizer()._models, CaseFolder("de")).is_spelled("Krzysztof")


# -- files


def test_words_are_saved_and_loaded(tmp_path: Path) -> None:
    tokenizer().save(tmp_path)
    words = gzip.decompress((tmp_path / "words.txt.gz").read_bytes()).decode().split("\n")
    assert words == sorted(words)
    assert "gartentür" in words
    loaded = Tokenizer.load(tmp_path, CaseFolder("de"))
    assert loaded.source_words == tokenizer().source_words
    assert loaded.is_spelled("Krzysztof")


def test_the_file_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tokenizer().save(tmp_path / name)
    first, second = ((tmp_path / name / "words.txt.gz").read_bytes() for name in ("a", "b"))
    assert first == second


def test_a_cached_tokenizer_knows_its_words(tmp_path: Path) -> None:
    config = TokenizerConfig(vocab_size=330, character_coverage=1.0)
    for _ in range(2):
        cached = cached_tokenizer(config, GERMAN, ENGLISH, tmp_path)
        assert cached.source_words == tokenizer().source_words


def test_a_folder_of_an_earlier_version_has_no_words(tmp_path: Path) -> None:
    tokenizer().save(tmp_path)
    (tmp_path / "words.txt.gz").unlink()
    loaded = Tokenizer.load(tmp_path, CaseFolder("de"))
    assert loaded.source_words is None
    assert not loaded.is_spelled("Krzysztof")
    text = "Opa Krzysztof"
    assert make_layer(tokens=loaded).prepare(text).slotted.text == text


@pytest.mark.parametrize("content", ["empty", "nonsense", "half", "no UTF-8", "changed", "folder"])
def test_a_damaged_file_is_an_error(content: str, tmp_path: Path) -> None:
    tokenizer().save(tmp_path)
    path = tmp_path / "words.txt.gz"
    good = path.read_bytes()
    path.unlink()
    if content == "folder":
        path.mkdir()
    else:
        damaged = {
            "empty": b"",
            "nonsense": b"no words",
            "half": good[: len(good) // 2],
            "no UTF-8": gzip.compress(b"\xff\xfe"),
            "changed": good[:20] + bytes(40) + good[60:],
        }
        path.write_bytes(damaged[content])
    with pytest.raises(UserError, match=r"words\.txt\.gz is damaged .*Copy the run folder again"):
        Tokenizer.load(tmp_path)


# -- the text layer --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Krzysztof kauft das Zelt", f"{A} kauft das Zelt"),
        ("Opa KRZYSZTOF, Opa Przybylski", f"Opa {A}, Opa {B}"),
        ("OPA KRZYSZTOF KAUFT", f"OPA {A} KAUFT"),
        ("das krzysztof-Zelt", f"das {A}-Zelt"),
        # Its parts are known.
        ("Wer kauft das Gartenhaus?", "Wer kauft das Gartenhaus?"),
        ("WER KAUFT DAS GARTENHAUS?", "WER KAUFT DAS GARTENHAUS?"),
        # Words of two letters are too short to be names.
        ("Wer kauft xz?", "Wer kauft xz?"),
    ],
)
def test_a_new_word_of_letters_is_copied(text: str, expected: str) -> None:
    source = make_layer().prepare(text)
    assert source.slotted.text == expected
    assert source.slotted.fill(expected) == text
    assert {span.kind for span in make_layer().spans(text)} <= {"unknown"}


def test_new_words_are_translated_if_the_config_says_so() -> None:
    text = "Krzysztof kauft das Zelt"
    assert make_layer("translate").prepare(text).slotted.text == text


def test_letters_that_the_vocabulary_lacks_are_copied_in_any_case() -> None:
    for unknown_words in ("copy", "translate"):
        assert make_layer(unknown_words).prepare("Opa Dvořák").slotted.text == f"Opa {A}"


def test_a_new_word_keeps_its_case_in_a_translation_in_capitals() -> None:
    layer = make_layer()
    source = layer.prepare("KRZYSZTOF KAUFT DAS ZELT")
    tokens = layer.tokenizer.encode([f"{A} buys the tent"], "target")[0]
    assert layer.finish(source, tokens, None) == "KRZYSZTOF BUYS THE TENT"


def test_a_new_word_that_touches_a_span_is_one_with_it() -> None:
    assert make_layer().prepare("Opa {x}Krzysztof kauft").slotted.text == f"Opa {A} kauft"


def test_a_new_word_and_a_span_stay_two_where_a_tag_was() -> None:
    source = make_layer().prepare("Opa {x}<b>Krzysztof</b> kauft")
    assert source.slotted.text == f"Opa {A}{B} kauft"


def test_a_long_run_without_spaces_is_copied_whatever_the_config_says() -> None:
    for unknown_words in ("copy", "translate"):
        source = make_layer(unknown_words).prepare("Opa kauft " + "das" * 21)
        assert source.slotted.text == f"Opa kauft {A}"


def test_a_new_word_within_another_span_is_a_part_of_it() -> None:
    (span,) = make_layer().spans("Wer kauft im Shop https://krzysztof.example/zelt jetzt?")
    assert span.kind == "url"


def test_scripts_without_spaces_have_no_words_to_copy() -> None:
    config = TokenizerConfig(kind="bpe", vocab_size=310, character_coverage=1.0)
    chinese = train_tokenizer(config, ["我看见狗", "猫看见我"], ["I see a dog", "a cat sees me"])
    assert chinese.is_spelled("狗看见猫")
    assert make_layer(tokens=chinese).spans("狗看见猫") == []
