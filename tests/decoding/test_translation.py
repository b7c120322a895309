"""The alternatives of a text are joined from those of its sentences and segments."""

from seq2seq.decoding.translation import (
    Alternative,
    Translation,
    join_segments,
    join_sentences,
)
from seq2seq.text.sentences import Sentence


def alternatives(*texts: str) -> list[Alternative]:
    """Alternatives with the scores -1, -2, ..."""
    return [Alternative(text, -float(rank)) for rank, text in enumerate(texts, start=1)]


def test_the_nth_alternatives_are_joined() -> None:
    joined = join_segments([alternatives("a", "b"), alternatives("c", "d")])
    assert joined == [Alternative("a c", -2.0), Alternative("b d", -4.0)]


def test_a_segment_that_is_carried_over_is_in_every_alternative() -> None:
    joined = join_segments([alternatives("a", "b"), alternatives("😀")])
    assert [alternative.text for alternative in joined] == ["a 😀", "b 😀"]


def test_the_segment_with_the_fewest_alternatives_limits_their_number() -> None:
    joined = join_segments([alternatives("a", "b", "c"), alternatives("d", "e")])
    assert [alternative.text for alternative in joined] == ["a d", "b e"]


def test_the_alternatives_of_one_segment_stay_as_they_are() -> None:
    segment = alternatives("a", "b")
    assert join_segments([segment]) is segment


def test_sentences_are_joined_with_the_white_space_between_them() -> None:
    sentences = [Sentence("A.", "  "), Sentence("B.")]
    joined = join_sentences([alternatives("a", "b"), alternatives("c", "d")], sentences)
    assert joined == [Alternative("a  c", -2.0), Alternative("b  d", -4.0)]


def test_the_alternatives_of_one_sentence_stay_as_they_are() -> None:
    sentence = alternatives("a", "b")
    assert join_sentences([sentence], [Sentence("A.")]) is sentence


def test_no_segments_give_no_alternatives() -> None:
    assert join_segments([]) == []


def test_the_text_of_a_translation_is_the_best_alternative() -> None:
    assert Translation("x", alternatives("a", "b")).text == "a"
    assert Translation("", []).text == ""
