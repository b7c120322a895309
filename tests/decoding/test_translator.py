"""N texts in, N translations out, for any text: in order, with nothing lost."""

import functools
import random
import re
from typing import Any

import numpy as np
import pytest
import torch
from fakes import (
    CopySourceModel,
    FixedOutputModel,
    NumberState,
    RandomTableModel,
    SourceMemory,
    tiny_layer,
    tiny_tokenizer,
    word_pairs,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seq2seq.config.model import LSTMConfig
from seq2seq.config.text import TextConfig
from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.decoding.engines.torch_engine import TorchEngine
from seq2seq.decoding.translation import Translation
from seq2seq.decoding.translator import Translator
from seq2seq.errors import UserError
from seq2seq.models import Seq2Seq, Step, VocabularySizes, build
from seq2seq.settings import SearchSettings
from seq2seq.text.layer import TextLayer
from seq2seq.text.normalization import fold_spaces, normalize_text
from seq2seq.text.sentences import SentenceSplitter
from seq2seq.text.tokenizer import COPY, SLOTS, Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer

VOCAB_SIZE = tiny_tokenizer().size("target")
PRIVATE = re.compile("[\ue000-\uf8ff]")
SLOT = tiny_tokenizer().token_of(COPY, "target")
STRANGE_TEXTS = [
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
    "x" * 2_000,
    "日" * 2_000,
    "\u0301" * 1_000,
    "hund " * 1_000,
    "hund sieht haus . " * 200,
]


@functools.cache
def tokenizer_with_capitals() -> Tokenizer:
    """As large as `tiny_tokenizer`. It knows capitals, which sentences start with."""
    pairs = word_pairs(300)
    source = [*pairs.source, *map(str.title, pairs.source)]
    config = TokenizerConfig(vocab_size=VOCAB_SIZE, character_coverage=1.0)
    return train_tokenizer(config, source, [*pairs.target, *pairs.target])


def translator(
    model: Seq2Seq | None = None,
    *,
    max_source_tokens: int = 64,
    tokenizer: Tokenizer | None = None,
    language: str | None = None,
    **search: Any,
) -> Translator:
    """A translator whose model, by default, copies the source.

    It divides texts into the sentences of `language`, if one is given.
    """
    tokenizer = tokenizer or tiny_tokenizer()
    model = model or CopySourceModel(tokenizer.size("target"))
    config = SearchSettings(**{"beam": 2, "no_repeat_ngram_size": 0, **search})
    sentences = None if language is None else SentenceSplitter(language)
    return Translator(
        TorchEngine(model),
        tokenizer,
        config,
        layer=tiny_layer(tokenizer),
        sentences=sentences,
        max_source_tokens=max_source_tokens,
    )


def untrained_lstm() -> Seq2Seq:
    """A real model that writes anything at all, including bytes and broken characters."""
    torch.manual_seed(4)
    config = LSTMConfig(embedding_size=8, hidden_size=8)
    model = build(config, VocabularySizes(source=VOCAB_SIZE, target=VOCAB_SIZE))
    with torch.no_grad():
        dict(model.named_parameters())["output_bias"].normal_(0, 3)
    return model


class RecordedProgress:
    """Collects the calls of `progress`."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.calls.append((done, total))


def is_one_line(text: str) -> bool:
    return len(text.splitlines()) <= 1 and not text.endswith("\n")


# -- the argument ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("hund", "For one text, write translate([text])."),
        (b"hund", "texts must be a list of texts, not bytes."),
        (None, "texts must be a list of texts, not NoneType."),
        (7, "texts must be a list of texts, not int."),
        ({"hund": "dog"}, "texts must be a list of texts, not dict."),
        ({"hund"}, "texts must be a list of texts, not set."),
        ([None], "texts[0] must be a text (str), not NoneType."),
        ([1], "texts[0] must be a text (str), not int."),
        (["hund", b"katze", 1], "texts[1] must be a text (str), not bytes."),
        (iter(["hund", ["katze"]]), "texts[1] must be a text (str), not list."),
    ],
)
def test_what_is_no_list_of_texts_is_refused_before_any_work(texts: Any, message: str) -> None:
    model = FixedOutputModel(VOCAB_SIZE, [])
    progress = RecordedProgress()
    with pytest.raises(TypeError, match=re.escape(message)):
        translator(model).translate(texts, progress=progress)
    assert progress.calls == []


def test_texts_can_come_from_an_iterator() -> None:
    words = ["hund", "katze", "haus"]
    progress = RecordedProgress()
    translations = translator().translate((word for word in words), progress=progress)
    assert [translation.text for translation in translations] == words
    assert progress.calls[-1] == (3, 3)
    assert translator()(tuple(words)) == words
    assert translator()(iter([])) == []


# -- any text --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", STRANGE_TEXTS, ids=lambda text: ascii(text)[1:25])
def test_a_model_that_copies_gives_back_any_text(text: str) -> None:
    (translation,) = translator()([text])
    expected = normalize_text(text, "nfc")
    if len(expected) >= 500:
        # Where a text is divided inside a word, the translation has a space.
        translation = translation.replace(" ", "")
        expected = expected.replace(" ", "")
    assert translation == expected


@pytest.mark.parametrize("text", STRANGE_TEXTS, ids=lambda text: ascii(text)[1:25])
def test_a_translation_is_one_line(text: str) -> None:
    assert is_one_line(translator()([text])[0])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=30), max_size=4))
def test_texts_come_back_in_order(texts: list[str]) -> None:
    translations = translator()(texts)
    # White space within what must not change is not folded.
    assert list(map(fold_spaces, translations)) == [normalize_text(text, "nfc") for text in texts]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=20), max_size=4))
def test_a_model_that_babbles_gives_one_line_for_each_text(texts: list[str]) -> None:
    translations = translator(RandomTableModel(VOCAB_SIZE, eos_bonus=2.0), beam=1)(texts)
    for text, translation in zip(texts, translations, strict=True):
        assert is_one_line(translation)
        assert COPY in text or COPY not in translation
        assert translation == "" or normalize_text(text, "nfc") != ""


@pytest.mark.parametrize("beam", [1, 3])
def test_a_real_model_accepts_any_text(beam: int) -> None:
    texts = [text[:200] for text in STRANGE_TEXTS]
    options = {"beam": beam, "max_length_ratio": 0.5, "no_repeat_ngram_size": 3}
    translations = translator(untrained_lstm(), **options)(texts)
    assert all(is_one_line(translation) for translation in translations)
    for text, translation in zip(texts, translations, strict=True):
        if not normalize_text(text, "nfc"):
            assert translation == ""


@pytest.mark.parametrize("language", [None, "de"])
def test_white_space_stays_within_what_must_not_change(language: str | None) -> None:
    texts = ["hund  `a.\tB  c`\u00a0haus", 'hund <img\talt="Ja.  Nein."> 1\u202f000 katze\thaus']
    assert translator(language=language)(texts) == [
        "hund `a.\tB  c` haus",
        'hund <img\talt="Ja.  Nein."> 1\u202f000 katze haus',
    ]


def test_line_ends_that_a_model_spells_become_spaces() -> None:
    (output,) = tiny_tokenizer().encode(["hund\n\nkatze\u2028haus\r"], "target")
    layer = tiny_layer()
    assert layer.finish(layer.prepare("haus"), output, None) == "hund katze haus"


def test_an_empty_text_has_no_alternatives() -> None:
    (translation,) = translator().translate([""])
    assert translation == Translation("", [])
    assert translation.text == ""


def test_characters_outside_a_joint_vocabulary_are_carried_over() -> None:
    assert translator()(["hund 日 q katze"]) == ["hund 日 q katze"]


@pytest.mark.parametrize("backward", [False, True])
def test_each_word_that_the_vocabulary_cannot_spell_is_carried_over_whole(backward: bool) -> None:
    text = f"hund 😀 Katze q1 haus {COPY} 日本 garten ☃"
    (translation,) = translator(CopySourceModel(VOCAB_SIZE, backward=backward))([text])
    for copied in ["😀", "Katze", "q1", COPY, "日本", "☃"]:
        assert translation.count(copied) == 1


def test_a_translation_has_no_slot_if_the_source_has_none() -> None:
    model = SlotLover(VOCAB_SIZE, 5, eos_bonus=-1.0)
    assert not PRIVATE.search(translator(model, max_length_ratio=0.5)(["hund katze"])[0])
    assert not PRIVATE.search(translator(model, max_length_ratio=0.5)(["hund 😀 katze"])[0])


def test_sentences_with_tags_are_in_batches_of_their_own() -> None:
    model = CountingModel()
    texts = ["hund", "hund 7", "<b>katze</b> haus", "katze", "haus 7", "<b>hund</b> 7"]
    assert translator(model)(texts) == texts
    assert model.batch_sizes == [4, 2]


def test_tags_are_placed_by_the_attention() -> None:
    texts = ["hund <b>katze</b> 7 haus"]
    model = CopySourceModel(VOCAB_SIZE)
    assert translator(model)(texts) == texts
    assert translator(model).translate(texts)[0].alternatives[0].attention is None
    (shown,) = translator(model).translate(texts, attention=True)
    assert shown.alternatives[0].attention is not None


def test_shown_tokens_have_the_text_of_the_slots() -> None:
    # More parts than slots: a symbol stands for several parts.
    numbers = [str(number) for number in range(100, 100 + len(SLOTS) + 2)]
    text = " hund ".join(["katze", *numbers])
    (shown,) = translator(max_source_tokens=500).translate([text], attention=True)
    best = shown.alternatives[0]
    assert best.text == text
    for tokens in (best.source_tokens, best.target_tokens):
        assert tokens is not None
        assert tokens[-1] == "</s>"
        assert "".join(tokens[:-1]).replace("\u2581", " ").strip() == text
    assert best.attention is not None
    assert best.target_tokens is not None
    assert best.source_tokens is not None
    assert best.attention.shape == (len(best.target_tokens), len(best.source_tokens))


def test_quotes_are_those_of_the_target_language() -> None:
    tokenizer = tiny_tokenizer()
    layer = TextLayer(tokenizer, TextConfig(), source_language="de", target_language="en")
    copier = Translator(
        TorchEngine(CopySourceModel(VOCAB_SIZE)), tokenizer, SearchSettings(), layer=layer
    )
    assert copier(["„hund sieht haus .“"]) == ["“hund sieht haus .”"]


# -- batches ---------------------------------------------------------------------------------------


def test_results_have_the_order_of_the_texts_and_not_of_the_batches() -> None:
    texts = word_pairs(100, seed=8, longest=12).source
    translations = translator(batch_tokens=40).translate(texts)
    assert [translation.source for translation in translations] == texts
    assert [translation.text for translation in translations] == texts


def test_progress_is_reported_after_every_batch() -> None:
    progress = RecordedProgress()
    texts = word_pairs(100, seed=8, longest=12).source
    translator(batch_tokens=40).translate(texts, progress=progress)
    assert progress.calls == sorted(progress.calls)
    assert progress.calls[-1] == (100, 100)
    assert len(progress.calls) > 10


def test_a_long_text_is_done_when_its_last_segment_is() -> None:
    progress = RecordedProgress()
    texts = ["hund sieht haus. " * 20, "", "katze"]
    translator(batch_tokens=40, max_source_tokens=8).translate(texts, progress=progress)
    assert progress.calls == sorted(progress.calls)
    assert progress.calls[0] == (1, 3)  # the empty text
    assert progress.calls[-1] == (3, 3)


class SlotLover(RandomTableModel):
    """Likes the copy slot best, so it shows where slots are allowed."""

    def step(
        self, memory: SourceMemory, state: NumberState, token: Tensor
    ) -> tuple[Step, NumberState]:
        step, next_state = super().step(memory, state, token)
        step.logits[:, SLOT] += 2.7
        return step, next_state


def test_a_translation_does_not_depend_on_the_other_texts() -> None:
    texts = ["hund sieht haus", "katze 😀 sucht", "garten", "日 hund", f"haus {COPY}"]
    translate = translator(SlotLover(VOCAB_SIZE, 5, eos_bonus=-1.0), beam=3, max_length_ratio=0.5)
    together = translate(texts)
    assert any(len(translation) > 3 for translation in together)
    assert together == [translate([text])[0] for text in texts]
    assert together == translate(texts[::-1])[::-1]


def test_workers_find_what_one_thread_finds() -> None:
    rng = random.Random(5)
    words = ["hund", "katze", "haus", "日本", ".", ""]
    texts = [" ".join(rng.choices(words, k=rng.randrange(9))) for _ in range(60)]
    translate = translator(RandomTableModel(VOCAB_SIZE, seed=3, eos_bonus=2.0), batch_tokens=60)
    expected = translate.translate(texts, attention=True)
    progress = RecordedProgress()
    translate.engine.workers = 3
    translations = translate.translate(texts, attention=True, progress=progress)
    assert [t.text for t in translations] == [t.text for t in expected]
    assert [scores(t) for t in translations] == [scores(t) for t in expected]
    assert progress.calls == sorted(progress.calls)
    assert progress.calls[-1] == (60, 60)


def scores(translation: Translation) -> list[float]:
    return [alternative.score for alternative in translation.alternatives]


def test_workers_leave_the_number_of_threads_as_it_was() -> None:
    translate = translator(batch_tokens=20)
    translate.engine.workers = 2
    threads = torch.get_num_threads()
    translate(["hund", "katze katze katze"] * 10)
    assert torch.get_num_threads() == threads


def test_an_error_in_a_worker_stops_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    translate = translator(batch_tokens=20)
    translate.engine.workers = 2
    search = translate._search
    batches = []

    def fail_at_fourth_batch(segments: Any, *rest: Any) -> Any:
        batches.append(len(segments))
        if len(batches) == 4:
            raise ValueError("broken")
        return search(segments, *rest)

    monkeypatch.setattr(translate, "_search", fail_at_fourth_batch)
    threads = torch.get_num_threads()
    with pytest.raises(ValueError, match="broken"):
        translate([f"hund {'katze ' * (i % 7)}" for i in range(300)])
    assert len(batches) < 100
    assert torch.get_num_threads() == threads


# -- sentences -------------------------------------------------------------------------------------


class CountingModel(CopySourceModel):
    """Copies the source, and counts what it is asked to translate."""

    def __init__(self) -> None:
        super().__init__(VOCAB_SIZE)
        self.num_sources = 0
        self.batch_sizes: list[int] = []

    def encode(self, source: Tensor, source_mask: Tensor) -> SourceMemory:
        self.num_sources += len(source)
        self.batch_sizes.append(len(source))
        return super().encode(source, source_mask)


def test_each_sentence_is_translated_alone() -> None:
    model = CountingModel()
    translate = translator(model, tokenizer=tokenizer_with_capitals(), language="de")
    assert translate(["Hund sieht. Katze sieht!  Haus?", "", "hund"]) == [
        "Hund sieht. Katze sieht!  Haus?",
        "",
        "hund",
    ]
    assert model.num_sources == 4


def test_without_a_splitter_a_text_is_translated_as_a_whole() -> None:
    model = CountingModel()
    translator(model)(["Hund sieht. Katze sieht!  Haus?"])
    assert model.num_sources == 1


def test_joined_sentences_are_translated_as_they_are_alone() -> None:
    sentences = ["Hund sieht.", "Katze sucht Haus!", "Garten?", "Hund hund hund."]
    model = CopySourceModel(VOCAB_SIZE, backward=True)
    translate = translator(model, tokenizer=tokenizer_with_capitals(), language="de")
    alone = translate(sentences)
    assert alone[1].startswith("!")
    assert translate([" ".join(sentences)]) == [" ".join(alone)]


def test_one_sentence_is_translated_as_without_a_splitter() -> None:
    model = RandomTableModel(VOCAB_SIZE, seed=3, eos_bonus=2.0)
    texts = [*word_pairs(40, seed=2).source, "hund z. B. sieht 3.5 Haus", "hund " * 100]
    options = {"beam": 3, "nbest": 2}
    whole = translator(model, **options).translate(texts, attention=True)
    divided = translator(model, language="de", **options).translate(texts, attention=True)
    assert [t.text for t in divided] == [t.text for t in whole]
    assert [scores(t) for t in divided] == [scores(t) for t in whole]
    for one, other in zip(divided, whole, strict=True):
        assert (one.alternatives[0].attention is None) == (other.alternatives[0].attention is None)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=30), max_size=4))
def test_sentences_of_any_texts_come_back_in_order(texts: list[str]) -> None:
    translations = translator(language="de")(texts)
    assert list(map(fold_spaces, translations)) == [normalize_text(text, "nfc") for text in texts]
    assert all(is_one_line(translation) for translation in translations)


@pytest.mark.parametrize("text", STRANGE_TEXTS, ids=lambda text: ascii(text)[1:25])
def test_sentences_of_strange_texts_come_back(text: str) -> None:
    (translation,) = translator(language="ja")([text])
    expected = normalize_text(text, "nfc")
    # Where a sentence is divided inside a word, the translation has a space.
    assert translation.replace(" ", "") == expected.replace(" ", "")


def test_the_nth_alternatives_of_sentences_are_joined() -> None:
    options = {"beam": 3, "nbest": 3, "max_length_ratio": 0.5}
    translate = translator(untrained_lstm(), language="de", **options)
    first, second, both = translate.translate(["Hund.", "Haus!", "Hund. Haus!"])
    expected = [
        " ".join(filter(None, [one.text, other.text]))
        for one, other in zip(first.alternatives, second.alternatives, strict=True)
    ]
    assert [alternative.text for alternative in both.alternatives] == expected


def test_several_sentences_have_no_attention() -> None:
    (translation,) = translator(language="de").translate(["Hund. Haus!"], attention=True)
    assert translation.alternatives[0].attention is None
    assert translation.alternatives[0].source_tokens is None


def test_a_text_is_done_when_its_last_sentence_is() -> None:
    progress = RecordedProgress()
    texts = ["hund sieht haus. katze! " * 10, "", "katze"]
    translator(language="en", batch_tokens=20).translate(texts, progress=progress)
    assert progress.calls == sorted(progress.calls)
    assert progress.calls[0] == (1, 3)  # the empty text
    assert progress.calls[-1] == (3, 3)


# -- long texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["hund sieht haus . ", "猫日本語。"])
def test_a_divided_text_is_joined_as_it_was(text: str) -> None:
    long_text = (text * 9).strip()
    assert translator(max_source_tokens=32)([long_text]) == [long_text]


def test_a_divided_text_has_nbest_translations() -> None:
    text = "hund sieht haus . " * 20 + "… 😀 " * 3
    options = {"beam": 3, "nbest": 3, "max_length_ratio": 0.3}
    (translation,) = translator(untrained_lstm(), **options).translate([text])
    assert len(translation.alternatives) == 3
    assert scores(translation) == sorted(scores(translation), reverse=True)


# -- results and options ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three_best() -> Translation:
    options = {"beam": 4, "nbest": 3, "max_length_ratio": 0.5}
    translate = translator(untrained_lstm(), **options)
    return translate.translate(["hund sieht haus"], attention=True)[0]


def test_nbest_is_sorted(three_best: Translation) -> None:
    assert len(three_best.alternatives) == 3
    assert three_best.text == three_best.alternatives[0].text
    assert scores(three_best) == sorted(scores(three_best), reverse=True)


def test_attention_has_a_row_for_each_target_token(three_best: Translation) -> None:
    for alternative in three_best.alternatives:
        assert alternative.attention is not None
        assert alternative.source_tokens is not None
        assert alternative.target_tokens is not None
        shape = (len(alternative.target_tokens), len(alternative.source_tokens))
        assert alternative.attention.shape == shape
        assert alternative.source_tokens[-1] == "</s>"
        assert alternative.target_tokens[-1] == "</s>"
        sums = alternative.attention.sum(1)
        assert np.allclose(sums, 1, atol=1e-5)


def test_attention_is_left_out_unless_requested() -> None:
    (translation,) = translator().translate(["hund"])
    assert translation.alternatives[0].attention is None


def test_changes_hold_for_one_call() -> None:
    translate = translator(untrained_lstm(), beam=1)
    (translation,) = translate.translate(["hund"], beam=3, nbest=3)
    assert len(translation.alternatives) == 3
    assert len(translate.translate(["hund"])[0].alternatives) == 1
    assert translate.search.beam == 1


def test_a_bad_change_is_an_error() -> None:
    with pytest.raises(UserError, match="nbest must be at most beam"):
        translator(beam=1).translate(["hund"], nbest=2)


def test_dropout_is_off_while_translating() -> None:
    model = untrained_lstm().train()
    translate = translator(model, beam=1)
    assert translate(["hund sieht"] * 3) == translate(["hund sieht"]) * 3
    assert model.training
