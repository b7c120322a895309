"""The page finds the words that a word of the translation came from.

Each case has one-hot attention, so that every target token attended to one source token.
"""

from typing import Any

from node import NEEDS_NODE, run_node

pytestmark = NEEDS_NODE


def part(source: str, target: str, attended: list[int]) -> dict[str, Any]:
    """Tokens, divided by white space, and the source token of each target token."""
    source_tokens = source.split()
    attention = [[float(place == at) for place in range(len(source_tokens))] for at in attended]
    return {
        "sourceTokens": source_tokens,
        "targetTokens": target.split(),
        "attention": attention,
    }


def align(source: str, target: str, *parts: dict[str, Any]) -> list[list[str]]:
    """Returns the words of the target, each with the source word that it attended to most."""
    given = [{"source": source, "target": target, "parts": parts}]
    (words,) = run_node("align_words.mjs", content=given)
    return words  # type: ignore[no-any-return]


def test_words_of_several_tokens() -> None:
    tokens = part("▁der ▁hund ▁bell t .", "▁The ▁dog ▁bark s .", [0, 1, 2, 3, 4])
    assert align("Der Hund bellt.", "The dog barks.", tokens) == [
        ["The", "Der"],
        ["dog", "Hund"],
        ["barks.", "bellt."],
    ]


def test_a_slot_stands_for_what_was_put_there() -> None:
    tokens = part("▁siehe ▁\ue000 ▁hier", "▁here ▁see ▁\ue000", [2, 0, 1])
    address = "https://example.org/here"
    assert align(f"Siehe {address} hier", f"here see {address}", tokens) == [
        ["here", "hier"],
        ["see", "Siehe"],
        [address, address],
    ]


def test_a_token_with_spaces_is_what_a_slot_stands_for() -> None:
    tokens = part("▁bis ▁X ▁hier", "▁here ▁to ▁X", [2, 0, 1])
    tokens["sourceTokens"][1] = "▁10 000 km"
    tokens["targetTokens"][2] = "▁10,000 km"
    assert align("Bis 10 000 km hier", "here to 10,000 km", tokens) == [
        ["here", "hier"],
        ["to", "Bis"],
        ["10,000", "10"],
        ["km", "10"],
    ]


def test_quotes_that_were_taken_off_come_from_nothing() -> None:
    tokens = part("▁ja", "▁yes", [0])
    assert align("» ja «", "“ yes ”", tokens) == [["“", ""], ["yes", "ja"], ["”", ""]]


def test_sentences_of_a_line() -> None:
    first = part("▁ja .", "▁yes .", [0, 1])
    second = part("▁nein .", "▁no .", [0, 1])
    assert align("Ja.  Nein.", "Yes.  No.", first, second) == [["Yes.", "Ja."], ["No.", "Nein."]]


def test_tokens_of_a_script_without_spaces_are_words() -> None:
    tokens = part("▁ich ▁lese ▁bücher", "▁私は 本を 読む", [0, 2, 1])
    assert align("ich lese Bücher", "私は本を読む", tokens) == [
        ["私は", "ich"],
        ["本を", "Bücher"],
        ["読む", "lese"],
    ]


def test_a_model_without_attention_shows_nothing() -> None:
    tokens = part("▁ja", "▁yes", [0]) | {"attention": None}
    assert align("ja", "yes", tokens) == [["yes", ""]]


def test_an_empty_line() -> None:
    assert align("", "") == []
