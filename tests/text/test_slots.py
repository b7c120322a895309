"""Numbered slots: what they stand for comes back in the right place, exactly as often."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.text.slots import Slot, SlottedText, make_slots, slot_pair, without_reserved
from seq2seq.text.spans import Span
from seq2seq.text.tokenizer import COPY, RESERVED, SLOTS, TAG

A, B, C = SLOTS[:3]


def spans_of(text: str, *parts: str) -> list[Span]:
    """Returns the spans of the parts, each searched for after the one before."""
    spans = []
    position = 0
    for part in parts:
        start = text.index(part, position)
        position = start + len(part)
        spans.append(Span(start, position, "code"))
    return spans


def slotted(text: str, *parts: str) -> SlottedText:
    return make_slots(text, spans_of(text, *parts), SLOTS)


# -- making slots ----------------------------------------------------------------------------------


def test_spans_are_numbered_from_the_start_of_the_text() -> None:
    text = slotted("von %s bis %d.", "%s", "%d")
    assert text.text == f"von {A} bis {B}."
    assert text.slots == (Slot(A, "%s", 4), Slot(B, "%d", 10))


def test_spans_side_by_side_are_slots_of_their_own() -> None:
    assert slotted("😀🎉", "😀", "🎉").text == A + B


def test_a_text_without_spans_stays() -> None:
    assert make_slots("Hallo", [], SLOTS) == SlottedText("Hallo")


def test_more_spans_than_symbols_use_the_symbols_again() -> None:
    parts = [f"x{number}" for number in range(18)]
    text = slotted(" ".join(parts), *parts)
    assert text.text == " ".join([*SLOTS, A, B])


def test_a_tokenizer_with_one_symbol_uses_it_for_all() -> None:
    text = make_slots("a1 b2", spans_of("a1 b2", "a1", "b2"), [COPY])
    assert text.text == f"{COPY} {COPY}"
    assert text.fill(f"{COPY}, {COPY}") == "a1, b2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", False), (f"{A}, {B}!", False), ("12 %", False), (f"{A} ist", True), ("東", True)],
)
def test_a_text_of_slots_and_punctuation_has_no_letters(text: str, expected: bool) -> None:
    assert SlottedText(text).has_letters() == expected


# -- filling slots ---------------------------------------------------------------------------------


def test_the_number_of_a_slot_tells_what_it_stands_for() -> None:
    text = slotted("%s und %d", "%s", "%d")
    assert text.fill(f"{B} and {A}") == "%d and %s"


def test_slots_of_one_symbol_are_filled_in_the_order_of_the_source() -> None:
    parts = [f"x{number}" for number in range(17)]
    text = slotted(" ".join(parts), *parts)
    assert text.fill(f"{A} {A}") == "x0 x16"


def test_a_slot_that_the_source_lacks_disappears() -> None:
    assert slotted("nur %s", "%s").fill(f"{B}only {A}{A}{C}") == "only %s"


def test_what_is_filled_in_may_contain_symbols() -> None:
    text = slotted(f"{B} und %s", B, "%s")
    assert text.fill(f"{A} and {B}") == f"{B} and %s"


def test_what_is_filled_in_can_be_changed() -> None:
    assert slotted("1,5 und x", "1,5").fill(f"x {A}", lambda part: part + "!") == "x 1,5!"


@given(st.lists(st.text(st.sampled_from("ab1" + "".join(RESERVED)), min_size=1), max_size=40))
def test_the_text_itself_as_translation_restores_it(parts: list[str]) -> None:
    text = " ".join(parts)
    assert slotted(text, *parts).fill(slotted(text, *parts).text) == text


@given(st.permutations(range(18)))
def test_any_order_fills_each_part_once(order: list[int]) -> None:
    parts = [f"<{number}>" for number in range(18)]
    text = slotted(" ".join(parts), *parts)
    translation = " ".join(text.slots[number].symbol for number in order)
    assert sorted(text.fill(translation).split()) == sorted(parts)


# -- white space and final marks -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        # Between spaces in the source: apart from words in the translation.
        ("Die %s ist da", f"The{A}is there", f"The {A} is there"),
        ("Die %s ist da", f"The {A} is there", f"The {A} is there"),
        ("%s ist da", f"There it is:{A}", f"There it is: {A}"),
        ("Da ist %s.", f"{A}is there.", f"{A} is there."),
        ("Die %s, %d ist da", f"The {A}{B} is there", f"The {A} {B} is there"),
        ("Die %s, %d ist da", f"There,{A},{B}", f"There, {A}, {B}"),
        # It touches no letter anyway.
        ("Die %s ist da", f"The ({A}) is there", f"The ({A}) is there"),
        ("Die %s ist da", f"Is there “{A}”", f"Is there “{A}”"),
        # In the source it touches something.
        ("Die (%s) ist da", f"The{A}is there", f"The{A}is there"),
        ("Die %s-Datei ist da", f"The {A}file", f"The {A}file"),
        ("Die X%s ist da", f"The X{A}is there", f"The X{A} is there"),
        # Chinese has no spaces between words.
        ("Die %s ist da", f"打开{A}文件", f"打开{A}文件"),
    ],
)
def test_a_slot_between_spaces_stays_apart(source: str, translation: str, expected: str) -> None:
    parts = [part for part in ("%s", "%d") if part in source]
    assert slotted(source, *parts).set_apart(translation) == expected


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        ("Öffne %s.", f"Open. {A}", f"Open {A}."),
        ("Öffne %s!", f"Open!{A}", f"Open {A}!"),
        ("Öffne %s, %d.", f"Open. {B}{A}", f"Open {B} {A}."),
        ("Öffne %s...", f"Open... {A}", f"Open {A}..."),
        ("Was, %s?!", f"What?! {A}", f"What {A}?!"),
        ("Öffne %s.", f"Ouvrir ? {A}", f"Ouvrir {A} ?"),
        ("%s!", f"! {A}", f"{A}!"),
        # The source ends with a slot, too.
        ("Auf. %s", f"Open. {A}", f"Open. {A}"),
        # There is no mark, or more follows.
        ("Öffne %s.", f"Open {A}", f"Open {A}"),
        ("Öffne %s.", f"Open. {A} now", f"Open. {A} now"),
    ],
)
def test_a_slot_behind_the_final_mark_goes_before_it(
    source: str, translation: str, expected: str
) -> None:
    parts = [part for part in ("%s", "%d") if part in source]
    assert slotted(source, *parts).set_apart(translation) == expected


def test_a_symbol_of_several_parts_stays_where_it_is() -> None:
    parts = [f"x{number}" for number in range(17)]
    text = slotted(" ".join(parts) + " da", *parts)
    assert text.set_apart(f"da{A}da{A}da") == f"da{A}da{A}da"


@given(
    st.text(st.sampled_from("a %.,!(")),
    st.text(st.sampled_from(f"b文 .,!?…({A}{B}")).map(lambda text: " ".join(text.split())),
)
def test_only_spaces_and_the_place_of_final_marks_change(source: str, translation: str) -> None:
    text = slotted(source, *["%"] * min(2, source.count("%")))
    changed = text.set_apart(translation)
    assert sorted(changed.replace(" ", "")) == sorted(translation.replace(" ", ""))
    assert changed == changed.strip()
    assert [c for c in changed if c in SLOTS] == [c for c in translation if c in SLOTS]


def test_many_marks_take_linear_time() -> None:
    text = slotted("Öffne %s.", "%s")
    for stretch in (".", " .", f"{A} ", f".{B}", " "):
        long = stretch * (100_000 // len(stretch))
        started_at = time.perf_counter()
        text.set_apart(long)
        text.set_apart(long + A)
        assert time.perf_counter() - started_at < 1


# -- training pairs --------------------------------------------------------------------------------


def pair(
    source: str, target: str, source_parts: list[str], target_parts: list[str], first: int = 0
) -> tuple[str, str]:
    return slot_pair(
        source,
        target,
        spans_of(source, *source_parts),
        spans_of(target, *target_parts),
        first=first,
        same=lambda text, other: text.lower() == other.lower(),
    )


def test_a_span_on_both_sides_becomes_the_same_slot() -> None:
    slots = pair("erst %s, dann %d", "%d after %s", ["%s", "%d"], ["%d", "%s"])
    assert slots == (f"erst {A}, dann {B}", f"{B} after {A}")


def test_a_span_on_one_side_stays_text() -> None:
    slots = pair("a1 und b2", "b2 and c3", ["a1", "b2"], ["b2", "c3"])
    assert slots == (f"a1 und {A}", f"{A} and c3")


def test_a_span_more_often_on_one_side_stays_text_there() -> None:
    slots = pair("a1 oder a1", "a1 only", ["a1", "a1"], ["a1"])
    assert slots == (f"{A} oder a1", f"{A} only")


def test_equal_spans_are_matched_in_their_order() -> None:
    assert pair("a1 a1", "a1, a1", ["a1", "a1"], ["a1", "a1"]) == (f"{A} {B}", f"{A}, {B}")


def test_the_caller_decides_what_is_the_same() -> None:
    assert pair("X1", "x1", ["X1"], ["x1"]) == (A, A)


def test_the_first_number_is_given_and_numbers_wrap_around() -> None:
    last = len(SLOTS) - 1
    slots = pair("a1 b2", "a1 b2", ["a1", "b2"], ["a1", "b2"], first=last)
    assert slots == (f"{SLOTS[last]} {A}",) * 2


@pytest.mark.parametrize(("count", "has_slots"), [(16, True), (17, False)])
def test_a_pair_with_more_spans_than_symbols_stays_text(count: int, has_slots: bool) -> None:
    parts = [f"x{number:02}" for number in range(count)]
    text = " ".join(parts)
    source, target = pair(text, text, parts, parts)
    assert source == target == (" ".join(SLOTS) if has_slots else text)


@pytest.mark.parametrize("parts", [[], ["a1"]])
def test_symbols_in_the_text_are_no_slots(parts: list[str]) -> None:
    source, target = pair(f"a1{C} {TAG}ja", f"{C}a1 yes{C}", parts, parts)
    expected = A if parts else "a1"
    assert (source, target) == (f"{expected} ja", f"{expected} yes")


def test_reserved_symbols_are_deleted_and_others_stay() -> None:
    assert without_reserved("a" + "".join(RESERVED) + "ä\ue001\uf8ff") == "aä\ue001\uf8ff"
