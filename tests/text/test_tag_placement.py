"""Tags stand around the words that translate their content, for any attention correctly nested."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.text.markup import strip_tags

TOKEN = re.compile(r"\w+|[^\w\s]")
WORDS = st.sampled_from(
    ["a", "Wort", "x1", "日本", "don't", ".", ",", "\ue010", "e\u0301", "👩\u200d👧"]
)


def offsets_of(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in TOKEN.finditer(text)]


def attention_of(target: list[int | None], num_source: int) -> np.ndarray:
    """Returns an attention in which target token t attends to the source token `target[t]`."""
    attention = np.full((len(target), num_source), 0.1)
    for row, column in enumerate(target):
        if column is None:
            attention[row] = 0
        else:
            attention[row, column] = 1
    return attention


def restored(text: str, translation: str, target: list[int | None]) -> str:
    markup = strip_tags(text)
    source_offsets = offsets_of(markup.text)
    target_offsets = offsets_of(translation)
    # The last column is that of </s>.
    source_offsets.append((len(markup.text), len(markup.text)))
    attention = attention_of(target, len(source_offsets))
    return markup.restore(translation, source_offsets, target_offsets, attention)


# -- the attention ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "translation", "target", "expected"),
    [
        # The words change their order.
        (
            "ich habe <b>es</b> <i>gesehen</i>",
            "i have seen it",
            [0, 1, 3, 2],
            "i have <i>seen</i> <b>it</b>",
        ),
        # One word becomes two, two become one.
        (
            "die <b>katzenklappe</b> ist zu",
            "the cat flap is shut",
            [0, 1, 1, 2, 3],
            "the <b>cat flap</b> is shut",
        ),
        ("das <b>cat flap</b> da", "die katzenklappe da", [0, 2, 3], "die <b>katzenklappe</b> da"),
        # From the first to the last word in the element.
        ("er <b>ruft an</b> heute", "he calls today up", [0, 1, 3, 2], "he <b>calls today up</b>"),
        # A word of another element divides it. The longer part is taken.
        ("<b>a b c</b> <i>d</i>", "a d b c", [0, 3, 1, 2], "a <i>d</i> <b>b c</b>"),
        # Nested elements.
        ("w <b>x <i>y</i></b> z", "z y x w", [3, 2, 1, 0], "z <b><i>y</i> x</b> w"),
        ("<b><i>x y</i></b>", "u v", [None, None], "<b><i>u v</i></b>"),
        # The inner word stands outside of the outer stretch: it stays within.
        ("<b>a b <i>c</i></b> <u>d</u>", "a b d c", [0, 1, 3, 2], "<b>a <i>b</i></b> <u>d</u> c"),
        # Everything, though nothing is aligned.
        ("<b>ganz anders</b>", "something else", [2, 2], "<b>something else</b>"),
        # Marks: a mark belongs to a mark only.
        ("auf <b>datei</b>.", "on file.", [0, 1, 1], "on <b>file</b>."),
        ("auf <b>„datei“</b>.", "on “file”.", [0, 1, 2, 3, 4], "on <b>“file”</b>."),
        ("eins <b>zwei.</b>", "one two.", [0, 1, 3], "one <b>two.</b>"),
        # No target word has its best source in the element: the one that attends most to it.
        ("komm <b>mal</b> her", "come here", [0, 2], "<b>come</b> here"),
        # An empty element stands before the word that follows.
        ("rot <a></a>ball", "ball red", [1, 0], "<a></a>ball red"),
        ("a <a></a>b c", "c b a", [2, 1, 0], "c <a></a>b a"),
        ("<a></a>b c", "c b", [1, 0], "<a></a>c b"),
        ("b c<a></a>", "c b", [1, 0], "c b<a></a>"),
        # A part of a word: the whole word.
        ("<b>H</b>allo du", "hello you", [0, 2], "<b>hello</b> you"),
        # Scripts without spaces are divided anywhere.
        ("a <b>cat</b>", "一只猫", [1], "<b>一只猫</b>"),
    ],
)
def test_places(text: str, translation: str, target: list[int | None], expected: str) -> None:
    assert restored(text, translation, target) == expected


def test_tokens_of_one_word_are_not_torn_apart() -> None:
    markup = strip_tags("der <b>dampf</b>schiff")
    # "steamship" is two tokens, and the first one attends to "dampf".
    attention = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    offsets = [(0, 3), (4, 9), (9, 15)]
    restored = markup.restore("the steamship", offsets, [(0, 3), (4, 9), (9, 13)], attention)
    assert restored == "the <b>steamship</b>"


def test_characters_of_a_script_without_spaces_are_units() -> None:
    markup = strip_tags("a <b>cat</b>")
    attention = np.array([[1.0, 0], [0, 1]])
    assert (
        markup.restore("一只猫", [(0, 1), (2, 5)], [(0, 2), (2, 3)], attention) == "一只<b>猫</b>"
    )


def test_a_name_belongs_to_itself() -> None:
    # The attention says otherwise.
    text = "<b>LibreOffice</b> öffnet <i>3</i>"
    assert restored(text, "3 opens LibreOffice", [0, 1, 2]) == ("<i>3</i> opens <b>LibreOffice</b>")


def test_each_element_gets_one_of_two_slots_side_by_side() -> None:
    markup = strip_tags("<b>%s</b><i>%d</i>")
    restored = markup.restore("\ue010\ue011", [(0, 2), (2, 4)], [(0, 1), (1, 2)], np.eye(2))
    assert restored == "<b>\ue010</b><i>\ue011</i>"


# -- no attention ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "translation", "expected"),
    [
        ("eins <b>zwei</b> drei vier", "one two three four", "one <b>two</b> three four"),
        ("eins zwei <b>drei vier</b>", "one two three four", "one two <b>three four</b>"),
        ("<b>Alles</b>", "all of it", "<b>all of it</b>"),
        ("in <b>Firefox</b> öffnen", "open in Firefox", "open in <b>Firefox</b>"),
        ("eins <b></b>zwei", "one two", "one <b></b>two"),
        ("<b>eins</b> <i>zwei</i>", "one", "<b>one</b><i></i>"),
        ("<b>eins <i>zwei</i></b> drei", "", "<b><i></i></b>"),
    ],
)
def test_without_attention_the_position_counts(text: str, translation: str, expected: str) -> None:
    markup = strip_tags(text)
    source, target = offsets_of(markup.text), offsets_of(translation)
    assert markup.restore(translation, source, target, None) == expected


def test_an_attention_of_another_shape_is_an_error() -> None:
    with pytest.raises(ValueError, match=re.escape("shape (1, 2), not (1, 1)")):
        strip_tags("<b>x</b>").restore("y", [(0, 1)], [(0, 1)], np.zeros((1, 2)))


# -- any attention ---------------------------------------------------------------------------------


@st.composite
def tagged_texts(draw: st.DrawFn) -> str:
    """Returns a text with correctly nested tags, each with a name of its own."""
    parts: list[str] = []
    opened: list[str] = []
    for number in range(draw(st.integers(1, 14))):
        action = draw(st.integers(0, 3))
        if action == 0:
            opened.append(f"t{number}")
            parts.append(f"<{opened[-1]}>")
        elif action == 1 and opened:
            parts.append(f"</{opened.pop()}>")
        else:
            parts.append(draw(st.sampled_from(["", " "])) + draw(WORDS))
    parts += [f"</{name}>" for name in reversed(opened)]
    return "".join(parts)


def structure_of(text: str) -> dict[str, str]:
    """Returns the name of the parent of each element. The tags must be nested correctly."""
    parents: dict[str, str] = {}
    opened = [""]
    for slash, name in re.findall(r"<(/?)(t\d+)>", text):
        if slash:
            assert opened.pop() == name
        else:
            assert name not in parents
            parents[name] = opened[-1]
            opened.append(name)
    assert opened == [""]
    return parents


@settings(max_examples=400, deadline=None)
@given(tagged_texts(), st.lists(WORDS, max_size=8), st.data())
def test_every_tag_comes_out_once_and_nested_as_before(
    text: str, words: list[str], data: st.DataObject
) -> None:
    markup = strip_tags(text)
    translation = data.draw(st.sampled_from([" ", ""])).join(words)
    source, target = offsets_of(markup.text), offsets_of(translation)
    weights = st.sampled_from([0.0, 0.3, 1.0, float("nan"), float("inf")])
    flat = data.draw(
        st.lists(weights, min_size=len(source) * len(target), max_size=len(source) * len(target))
    )
    attention = np.array(flat, dtype=np.float32).reshape(len(target), len(source))
    for given_attention in (attention, None):
        result = markup.restore(translation, source, target, given_attention)
        assert structure_of(result) == structure_of(text)
        assert re.sub(r"</?t\d+>", "", result) == translation


@settings(max_examples=500, deadline=None)
@given(tagged_texts(), st.lists(WORDS, min_size=1, max_size=8), st.data())
def test_no_word_is_torn_apart(text: str, words: list[str], data: st.DataObject) -> None:
    markup = strip_tags(text)
    translation = " ".join(words)
    source, target = offsets_of(markup.text), offsets_of(translation)
    seed = data.draw(st.integers(0, 1000))
    attention = np.random.default_rng(seed).random((len(target), len(source)))
    result = markup.restore(translation, source, target, attention)
    untorn = re.sub(r"(?:</?t\d+>)+", "\0", result)
    for word in words:
        if word != "日本":
            assert word in untorn.replace("\0", " ")


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("bi "), st.sampled_from(["ab", "cd", "ef"]))))
def test_a_translation_equal_to_the_source_gets_the_same_tags(parts: list[tuple[str, str]]) -> None:
    text = " ".join(word if tag == " " else f"<{tag}>{word}</{tag}>" for tag, word in parts)
    markup = strip_tags(text)
    offsets = offsets_of(markup.text)
    assert markup.restore(markup.text, offsets, offsets, np.eye(len(offsets))) == text
