"""Text to text: N in and N out for anything, in order, nothing lost, unknown characters carried over."""

import random
from typing import Any

import pytest
import torch
from fakes import CopyModel, TableModel, tiny_tokenizer, word_pairs
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.data.cleaning import normalize_text
from seq2seq.data.tokenizer import COPY
from seq2seq.decoding.search import SearchConfig
from seq2seq.decoding.translator import Translator
from seq2seq.models import LSTM, LSTMConfig, Vocabulary, build

NASTY = [
    "",
    "   ",
    "\t\r\n\x0b\x0c\x1c\x85",
    "\x00",
    "hund\x00katze",
    "\ud800",
    "hund \udc80\udcff katze",
    "\udc00\ud800",
    b"hund \xff\xfe \xc3".decode("utf-8", "replace"),
    "hund\u2028katze\u2029haus",
    "hund\r\nkatze\rhaus",
    "😀",
    "hund 👩‍👩‍👧 sieht 😀😀",
    "…!? —",
    ".",
    COPY,
    f"hund {COPY} katze",
    f"{COPY}{COPY} {COPY}",
    "\u2581",
    "\u2581hund\u2581 \u2581",
    "\ue001b\ue001e",
    "<unk> </s> <pad> <s> <0x41>",
    "e\u0301 \u0301",
    "\U0010ffff hund",
    "日本語",
    "日本語 hund 日本",
    "a\u00a0b\u3000c",
    "x" * 20_000,
    "日" * 20_000,
    "\u0301" * 3_000,
    "hund " * 3_000,
    "hund sieht haus . " * 500,
]


def translator(model: Any = None, *, max_source: int = 64, joint: bool = True, **search: Any) -> Translator:
    tokenizer = tiny_tokenizer(joint)
    torch.manual_seed(0)
    model = model or CopyModel(tokenizer.size("target"))
    config = SearchConfig(**{"beam": 2, "no_repeat_ngram": 0, **search})
    return Translator(model, tokenizer, config, max_source=max_source)


def untrained() -> LSTM:
    """A real model that says anything at all, bytes and broken characters too."""
    torch.manual_seed(4)
    size = tiny_tokenizer().size("target")
    model = build(LSTMConfig(embedding_size=8, hidden_size=8), Vocabulary(source=size, target=size))
    assert isinstance(model, LSTM)
    with torch.no_grad():
        model.output_bias.normal_(0, 3)
    return model


def one_line(text: str) -> bool:
    return len(text.splitlines()) <= 1 and not text.endswith("\n")


def test_any_text_is_copied_by_a_model_that_copies() -> None:
    found = translator()(NASTY)
    assert len(found) == len(NASTY)
    for text, copied in zip(NASTY, found, strict=True):
        wanted = normalize_text(text, "nfc")
        if len(wanted) < 1000:
            assert copied == wanted
        else:  # a text that is divided inside a word gets a space there, but no character is lost
            assert copied.replace(" ", "") == wanted.replace(" ", "")
        assert one_line(copied)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=30), max_size=4))
def test_any_texts_come_back_in_order(texts: list[str]) -> None:
    assert translator()(texts) == [normalize_text(text, "nfc") for text in texts]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=20), max_size=4))
def test_a_model_that_babbles_gives_one_line_for_each(texts: list[str]) -> None:
    found = translator(TableModel(tiny_tokenizer().size("target"), end_bonus=2.0), beam=1)(texts)
    assert len(found) == len(texts)
    for text, said in zip(texts, found, strict=True):
        assert one_line(said)
        assert COPY in text or COPY not in said
        assert said == "" or normalize_text(text, "nfc") != ""


@pytest.mark.parametrize("beam", [1, 3])
def test_a_real_model_takes_anything(beam: int) -> None:
    texts = [text[:500] for text in NASTY]
    found = translator(untrained(), beam=beam, max_length=0.5, no_repeat_ngram=3)(texts)
    assert len(found) == len(texts)
    assert all(one_line(text) for text in found)
    assert [text for text, given in zip(found, texts, strict=True) if not normalize_text(given, "nfc")] == [""] * 6


def test_newlines_that_a_model_spells_become_spaces() -> None:
    pieces = tiny_tokenizer()
    says = pieces.encode(["hund\n\nkatze\u2028haus\r"], "target")[0]
    assert translator(CopyModel(pieces.size("target"), says=says))(["haus"]) == ["hund katze haus"]


def test_order_is_kept_over_batches_of_like_length() -> None:
    texts = word_pairs(200, seed=8, longest=12).source
    random.Random(1).shuffle(texts)
    small, done = translator(batch_tokens=40), []
    found = small.translate(texts, progress=lambda count, total: done.append((count, total)))
    assert [t.text for t in found] == texts
    assert [t.source for t in found] == texts
    assert done == sorted(done)
    assert done[-1] == (200, 200)
    assert len(done) > 20


def test_a_long_text_is_done_when_its_last_segment_is() -> None:
    done: list[tuple[int, int]] = []
    small = translator(batch_tokens=40, max_source=8)
    small.translate(["hund sieht haus. " * 20, "", "katze"], progress=lambda count, total: done.append((count, total)))
    assert done == sorted(done)
    assert done[0] == (1, 3)  # the empty one
    assert done[-1] == (3, 3)


def test_a_text_does_not_depend_on_its_neighbours() -> None:
    texts = ["hund sieht haus", "katze 😀 sucht", "garten", "日 hund", f"haus {COPY}"]
    # The model likes the copy slot best: only a text that has something to carry over may use it.
    pieces = tiny_tokenizer()
    model = TableModel(pieces.size("target"), 5, end_bonus=-1.0)
    slot, draw = pieces.encode([COPY], "target")[0][-1], model._draw

    def likes_slots(value: torch.Tensor, count: int) -> torch.Tensor:
        drawn = draw(value, count)
        if count == model.pieces:
            drawn[:, slot] += 0.9
        return drawn

    model._draw = likes_slots  # type: ignore[method-assign]
    both = translator(model, beam=3, max_length=0.5)
    assert any(len(text) > 3 for text in both(texts))
    assert both(texts) == [both([text])[0] for text in texts]
    assert both(texts[::-1]) == both(texts)[::-1]


# -- unknown characters ------------------------------------------------------------------------------------------------


def test_slots_are_filled_by_what_the_attention_saw() -> None:
    size = tiny_tokenizer().size("target")
    text = f"hund 😀 katze 日本 haus {COPY} garten ☃"
    assert translator()([text]) == [text]
    backwards = translator(CopyModel(size, backwards=True))([text])[0]
    assert "".join(character for character in backwards if not character.isascii()) == f"☃{COPY}日本😀"


def test_every_slot_is_used_at_most_once_and_none_is_left() -> None:
    pieces = tiny_tokenizer()
    slot = pieces.encode([COPY], "target")[0][-1]
    (row,) = pieces.encode([f"hund {COPY} katze {COPY}"], "source")
    first, second = (place for place, piece in enumerate(row) if piece == slot)
    text = "hund 😀 katze ☃"
    for looks, wanted in (
        ([first, second], "😀☃"),
        ([second, first], "☃😀"),
        ([second, second], "☃😀"),  # the second is taken: the other one is left
        ([first, second, first], "😀☃"),  # a third slot has nothing to be filled with
    ):
        said = CopyModel(pieces.size("target"), says=[slot] * len(looks), looks=looks)
        assert translator(said)([text]) == [wanted]


def test_without_a_slot_nothing_is_carried_and_no_slot_is_said() -> None:
    pieces = tiny_tokenizer()
    (word,), (slot,) = (pieces.encode([text], "target")[0][-1:] for text in ("hund", COPY))
    model = CopyModel(pieces.size("target"), says=[word, slot, word])
    found = translator(model)(["katze", "katze 😀"])
    assert COPY not in found[0]
    assert "😀" in found[1]
    assert COPY not in found[1]


@pytest.mark.parametrize("joint", [True, False])
def test_characters_of_the_other_side_only_are_carried_over(joint: bool) -> None:
    known = translator(joint=joint)
    assert known.tokenizer.unknown_characters("hund 日q", "source") == {"日", "q"}
    if joint:
        assert known(["hund 日 q katze"]) == ["hund 日 q katze"]


# -- long texts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_source", [8, 16, 40])
@pytest.mark.parametrize("seed", range(4))
def test_dividing_loses_nothing(max_source: int, seed: int) -> None:
    rng = random.Random(seed)
    words = [*["hund", "katze", "haus", "garten", "sieht", "sucht", "Straße", "😀", "日本語", "x"], "q" * 70, "ü" * 30]
    text = " ".join(rng.choice(words) + rng.choice(["", "", ".", "!", "…", "。"]) for _ in range(120))
    divided = translator(max_source=max_source)
    parts = divided._divide(text)
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")
    assert all(len(divided.tokenizer.encode([part], "source")[0]) < max_source for part in parts)
    assert divided([text])[0].replace(" ", "") == text.replace(" ", "")


def test_texts_are_cut_after_sentences_where_they_can_be() -> None:
    sentence = "hund sieht haus ."
    divided = translator(max_source=32)
    size = len(divided.tokenizer.encode([sentence], "source")[0])
    assert size < 16
    parts = divided._divide(" ".join([sentence] * 9))
    assert all(part.endswith(".") for part in parts)
    assert len(parts) > 1
    assert divided([" ".join([sentence] * 9)]) == [" ".join([sentence] * 9)]
    assert divided._divide(sentence) == [sentence]


def test_scripts_without_spaces_are_cut_after_wide_marks() -> None:
    sentence = "猫日本語。"
    divided = translator(max_source=64)
    assert len(divided.tokenizer.encode([sentence], "source")[0]) < 32
    parts = divided._divide(sentence * 9)
    assert len(parts) > 1
    assert all(part.endswith("。") and " " not in part for part in parts)
    assert "".join(parts) == sentence * 9
    assert divided([sentence * 9]) == [sentence * 9]


# -- what is asked for -------------------------------------------------------------------------------------------------


def test_nbest_scores_and_attention() -> None:
    found = translator(untrained(), beam=4, nbest=3, max_length=0.5).translate(["hund sieht haus"], attention=True)[0]
    assert len(found.alternatives) == 3
    assert found.text == found.alternatives[0].text
    assert [a.score for a in found.alternatives] == sorted((a.score for a in found.alternatives), reverse=True)
    for a in found.alternatives:
        assert a.attention is not None
        assert a.source_pieces is not None
        assert a.target_pieces is not None
        assert a.attention.shape == (len(a.target_pieces), len(a.source_pieces))
        assert a.source_pieces[-1] == a.target_pieces[-1] == "</s>"
        assert torch.allclose(a.attention.sum(1), torch.ones(len(a.target_pieces)), atol=1e-5)
    plain = translator().translate(["hund", ""])
    assert plain[0].alternatives[0].attention is None
    assert plain[1].alternatives == []
    assert plain[1].text == ""


def test_nbest_of_a_divided_text() -> None:
    text = "hund sieht haus . " * 20 + "… 😀 " * 3
    found = translator(untrained(), beam=3, nbest=3, max_length=0.3).translate([text])[0].alternatives
    assert len(found) == 3
    assert [a.score for a in found] == sorted((a.score for a in found), reverse=True)


def test_changes_of_one_call_and_the_mode_of_the_model() -> None:
    model = untrained().train()
    kept = translator(model, beam=1)
    one, three = kept.translate(["hund"]), kept.translate(["hund"], beam=3, nbest=3)
    assert (len(one[0].alternatives), len(three[0].alternatives)) == (1, 3)
    assert kept.search.beam == 1
    assert model.training
    # Dropout is off while translating.
    assert kept(["hund sieht"] * 3) == kept(["hund sieht"]) * 3
    with pytest.raises(ValueError, match="nbest"):
        kept.translate(["hund"], nbest=2)


def test_many_workers_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(5)
    texts = [" ".join(rng.choices(["hund", "katze", "haus", "日本", ".", ""], k=rng.randrange(9))) for _ in range(120)]
    tokenizer = tiny_tokenizer(True)
    model = TableModel(tokenizer.size("target"), seed=3, end_bonus=2.0)
    alone = translator(model, batch_tokens=60)
    threads = torch.get_num_threads()
    done: list[int] = []
    wanted = alone.translate(texts, attention=True)
    alone.workers = 3
    found = alone.translate(texts, attention=True, progress=lambda count, total: done.append(count))
    assert [t.text for t in found] == [t.text for t in wanted]
    assert [[a.score for a in t.alternatives] for t in found] == [[a.score for a in t.alternatives] for t in wanted]
    assert done == sorted(done)
    assert done[-1] == len(texts)
    assert torch.get_num_threads() == threads


def test_an_error_in_a_worker_ends_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    model, searched = translator(batch_tokens=20), []
    model.workers = 2
    search = model._search

    def fails(rows: Any, *rest: Any) -> Any:
        searched.append(len(rows))
        if len(searched) == 4:
            raise ValueError("broken")
        return search(rows, *rest)

    monkeypatch.setattr(model, "_search", fails)
    threads = torch.get_num_threads()
    with pytest.raises(ValueError, match="broken"):
        model([f"hund {'katze ' * (i % 7)}" for i in range(300)])
    assert len(searched) < 100
    assert torch.get_num_threads() == threads
