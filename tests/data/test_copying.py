"""Hidden words: on both sides at once, in the wanted share, the same every time."""

import pytest

from seq2seq.data.copying import hide_copied_words
from seq2seq.data.pairs import Pairs
from seq2seq.data.tokenizer import COPY


def hide(source: str, target: str, seed: int = 0) -> tuple[str, str]:
    hidden = hide_copied_words(Pairs(source=[source], target=[target]), share=0.999999, seed=seed)
    return hidden.source[0], hidden.target[0]


@pytest.mark.parametrize(
    ("source", "target", "wanted"),
    [
        ("Anna sieht ihn.", "Anna sees him.", (f"{COPY} sieht ihn.", f"{COPY} sees him.")),
        ("Das ist x-2.5!", "This is (x-2.5)", (f"Das ist {COPY}!", f"This is ({COPY})")),
        ("Er sieht", "He sees", ("Er sieht", "He sees")),  # nothing in common
        ("Anna und Anna", "Anna and Anna", ("Anna und Anna", "Anna and Anna")),  # which Anna is which?
        ("Anna ruft", "Anna, Anna calls", ("Anna ruft", "Anna, Anna calls")),
        ("Anna, Anna ruft", "Anna calls", ("Anna, Anna ruft", "Anna calls")),
        ("in Annas Haus", "in Annas's house", (f"{COPY} Annas Haus", f"{COPY} Annas's house")),  # only whole words
        ("", "", ("", "")),
    ],
)
def test_one_word_that_stands_once_on_each_side(source: str, target: str, wanted: tuple[str, str]) -> None:
    assert hide(source, target) == wanted


def test_any_of_several_words_may_be_hidden() -> None:
    found = {hide("Anna Otto Ida", "Ida Anna Otto", seed) for seed in range(40)}
    assert found == {
        (f"{COPY} Otto Ida", f"Ida {COPY} Otto"),
        (f"Anna {COPY} Ida", f"Ida Anna {COPY}"),
        (f"Anna Otto {COPY}", f"{COPY} Anna Otto"),
    }


def test_share_and_seed() -> None:
    pairs = Pairs(source=["Anna ruft"] * 5000, target=["Anna calls"] * 5000, groups=[str(i) for i in range(5000)])
    hidden = hide_copied_words(pairs, share=0.1, seed=1)
    count = sum(COPY in text for text in hidden.source)
    assert 420 < count < 580
    assert [COPY in text for text in hidden.source] == [COPY in text for text in hidden.target]
    assert hidden.groups == pairs.groups
    assert pairs.source == ["Anna ruft"] * 5000  # the pairs that were given stay as they are
    assert hide_copied_words(pairs, share=0.1, seed=1) == hidden
    assert hide_copied_words(pairs, share=0.1, seed=2) != hidden
    assert hide_copied_words(pairs, share=0.0, seed=1) is pairs
