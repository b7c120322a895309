"""Text to tokens and back: exact for any text, repeatable sampling, and damaged files."""

import functools
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from fakes import RecordingReporter, tiny_tokenizer, word_pairs
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.errors import UserError
from seq2seq.text import tokenizer_training
from seq2seq.text.case import CaseFolder
from seq2seq.text.tokenizer import (
    BOS,
    COPY,
    EOS,
    PAD,
    SLOTS,
    TAG,
    UNK,
    Side,
    Tokenizer,
)
from seq2seq.text.tokenizer_training import cached_tokenizer, train_tokenizer

Kind = Literal["unigram", "bpe"]
SIDES: tuple[Side, ...] = ("source", "target")

DIFFICULT_TEXTS = [
    "",
    " ",
    "   ",
    " hund",
    "hund ",
    "  hund   katze  ",
    "\n",
    "hund\nkatze\r\n\n",
    "\t hund\t",
    "\x00",
    "hund\x00katze\x00",
    "\u2581",
    "\u2581\u2581 \u2581hund \u2581",
    "\ue001",
    "\ue001b",
    "\ue001e\ue001b\ue001\u2581",
    "\ue001\ue001be",
    COPY,
    f"{COPY}hund{COPY} {COPY}",
    "<unk> <s> </s> <pad>",
    "<0x41>",
    "⁇",
    " ⁇ ",
    "\u2028\u2029\x85\u00a0\u3000",
    "\ufeffhund\u200b",
    "e\u0301 é",
    "ﬁ ½ Ａ",
    "😀👩‍👩‍👧",
    "日本語",
    "\U0010ffff\ufffd\uffff",
    "x" * 5000,
]

any_text = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from(" \u2581\ue000\ue001beh\n\x00"),
    )
)
every_model = pytest.mark.parametrize(
    ("kind", "joint"),
    [("unigram", True), ("unigram", False), ("bpe", True), ("bpe", False)],
    ids=["unigram-joint", "unigram-separate", "bpe-joint", "bpe-separate"],
)


@functools.cache
def trained(kind: Kind, joint: bool, symbols: tuple[str, ...] = ()) -> Tokenizer:
    pairs = word_pairs(200)
    config = TokenizerConfig(kind=kind, joint=joint, vocab_size=320, user_symbols=symbols)
    return train_tokenizer(config, pairs.source, pairs.target)


# -- Round trip ------------------------------------------------------------------------------------


@every_model
@pytest.mark.parametrize("side", SIDES)
def test_decoding_restores_difficult_texts(kind: Kind, joint: bool, side: Side) -> None:
    tokenizer = trained(kind, joint)
    assert tokenizer.joint == joint
    assert tokenizer.decode(tokenizer.encode(DIFFICULT_TEXTS, side), side) == DIFFICULT_TEXTS


@every_model
@pytest.mark.parametrize("side", SIDES)
def test_decoding_restores_sampled_difficult_texts(kind: Kind, joint: bool, side: Side) -> None:
    tokenizer = trained(kind, joint)
    for seed in range(3):
        sampled = tokenizer.sample(DIFFICULT_TEXTS, side, alpha=0.3, seed=seed)
        assert tokenizer.decode(sampled, side) == DIFFICULT_TEXTS


@every_model
@settings(max_examples=75, deadline=None)
@given(text=any_text)
def test_decoding_restores_any_text(kind: Kind, joint: bool, text: str) -> None:
    tokenizer = trained(kind, joint)
    for side in SIDES:
        assert tokenizer.decode(tokenizer.encode([text], side), side) == [text]


@every_model
@settings(max_examples=75, deadline=None)
@given(text=any_text)
def test_text_is_encoded_without_special_tokens(kind: Kind, joint: bool, text: str) -> None:
    tokenizer = trained(kind, joint)
    for side in SIDES:
        (ids,) = tokenizer.encode([text], side)
        assert not {PAD, UNK, BOS, EOS} & set(ids)
        assert max(ids, default=0) < tokenizer.size(side)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@settings(max_examples=50, deadline=None)
@given(text=any_text, seed=st.integers(0, 2**31 - 1))
def test_decoding_restores_any_sampled_text(kind: Kind, text: str, seed: int) -> None:
    tokenizer = trained(kind, True)
    sampled = tokenizer.sample([text], "source", alpha=0.2, seed=seed)
    assert tokenizer.decode(sampled) == [text]


def test_lone_surrogates_become_the_replacement_character() -> None:
    tokenizer = trained("unigram", True)
    texts = ["\ud800", "hund \udc80\udcff", "\udc00\ud800"]
    expected = ["\ufffd", "hund \ufffd\ufffd", "\ufffd\ufffd"]
    assert tokenizer.decode(tokenizer.encode(texts, "source")) == expected
    assert tokenizer.decode(tokenizer.sample(texts, "source", alpha=0.5, seed=1)) == expected


def test_decode_ignores_start_end_and_padding() -> None:
    tokenizer = trained("unigram", True)
    (ids,) = tokenizer.encode(["hund sieht"], "target")
    assert tokenizer.decode([[BOS, *ids, EOS, PAD, PAD]]) == ["hund sieht"]
    assert tokenizer.decode([[]]) == [""]


# -- Tokens ----------------------------------------------------------------------------------------


def test_special_tokens_have_names() -> None:
    names = trained("unigram", True).tokens([PAD, UNK, BOS, EOS], "target")
    assert names == ["<pad>", "<unk>", "<s>", "</s>"]


def test_tokens_show_the_segmentation() -> None:
    tokenizer = trained("bpe", True)
    tokens = tokenizer.tokens(tokenizer.encode(["hund katze"], "source")[0], "source")
    assert "".join(tokens) == "\u2581hund\u2581katze"
    assert len(tokens) < len("hund katze")


USER_SYMBOLS = ("<2en>", "@@")
every_kind_and_side = pytest.mark.parametrize(
    ("kind", "side"), [(kind, side) for kind in ("unigram", "bpe") for side in SIDES]
)


@every_kind_and_side
@pytest.mark.parametrize("symbol", [*USER_SYMBOLS, COPY])
def test_a_user_symbol_is_one_token(kind: Kind, side: Side, symbol: str) -> None:
    tokenizer = trained(kind, False, USER_SYMBOLS)
    (ids,) = tokenizer.encode([f"hund{symbol}katze {symbol}"], side)
    assert tokenizer.tokens(ids, side).count(symbol) == 2


def test_other_strings_are_not_one_token() -> None:
    tokenizer = trained("unigram", False)
    assert "<2en>" not in tokenizer.tokens(tokenizer.encode(["<2en>"], "source")[0], "source")


@every_kind_and_side
def test_symbols_are_never_split_in_sampling(kind: Kind, side: Side) -> None:
    tokenizer = trained(kind, False, USER_SYMBOLS)
    text = f"hund<2en>{COPY}katze @@{COPY}"
    for seed in range(60):
        (ids,) = tokenizer.sample([text], side, alpha=0.02, seed=seed)
        tokens = tokenizer.tokens(ids, side)
        assert [token for token in tokens if token in (*USER_SYMBOLS, COPY)] == [
            "<2en>",
            COPY,
            "@@",
            COPY,
        ]


# -- Vocabularies ----------------------------------------------------------------------------------


def test_a_joint_vocabulary_is_the_same_on_both_sides() -> None:
    tokenizer = trained("unigram", True)
    texts = ["hund dog", "katze cat"]
    assert tokenizer.encode(texts, "source") == tokenizer.encode(texts, "target")
    assert tokenizer.size("source") == tokenizer.size("target")
    assert tokenizer.unknown_characters("zo", "source") == set()


def test_separate_vocabularies_know_the_letters_of_their_side() -> None:
    tokenizer = trained("unigram", False)
    texts = ["hund dog", "katze cat"]
    assert tokenizer.encode(texts, "source") != tokenizer.encode(texts, "target")
    assert tokenizer.unknown_characters("zo", "source") == {"o"}
    assert tokenizer.unknown_characters("zo", "target") == {"z"}


@pytest.mark.parametrize("byte_fallback", [True, False])
@pytest.mark.parametrize(
    ("text", "unknown"),
    [("hund 日 ü\n\t\u3000😀日", {"日", "ü", "😀"}), ("", set()), (COPY, set())],
)
def test_unknown_characters(byte_fallback: bool, text: str, unknown: set[str]) -> None:
    tokenizer = tiny_tokenizer(byte_fallback=byte_fallback)
    assert tokenizer.unknown_characters(text, "source") == unknown
    # The second call uses what the first one has looked up.
    assert tokenizer.unknown_characters(text, "source") == unknown


def test_without_byte_fallback_unknown_characters_are_lost() -> None:
    tokenizer = tiny_tokenizer(byte_fallback=False)
    assert UNK in tokenizer.encode(["hund 日"], "source")[0]
    assert tokenizer.decode(tokenizer.encode(["hund katze"], "source")) == ["hund katze"]


# -- Sampling --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_sampling_depends_only_on_its_seed(kind: Kind) -> None:
    tokenizer = trained(kind, True)
    texts = word_pairs(50).source
    first = tokenizer.sample(texts, "source", alpha=0.3, seed=7)
    other = tokenizer.sample(texts, "source", alpha=0.3, seed=9)
    assert other != first
    assert tokenizer.sample(texts, "source", alpha=0.3, seed=7) == first


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_samples_of_a_text_vary(kind: Kind) -> None:
    tokenizer = trained(kind, True)
    samples = [tokenizer.sample(["hund katze"], "source", alpha=0.3, seed=s) for s in range(20)]
    assert len({tuple(row) for (row,) in samples}) >= 3


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_sampling_leaves_the_best_segmentation(kind: Kind) -> None:
    tokenizer = trained(kind, True)
    texts = word_pairs(50).source
    best = tokenizer.encode(texts, "source")
    assert tokenizer.sample(texts, "source", alpha=0.3, seed=7) != best
    assert tokenizer.encode(texts, "source") == best


# -- Case ------------------------------------------------------------------------------------------

FOLDER = CaseFolder("de")
CASED_TEXTS = ["Hund sieht KATZE", "HUND", "hunD", "Straße", "STRASSE", "İI", "Hund-KATZE", "ΣΑΣ"]

cased_text = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from(" \u2581\ue000\ue001bE\n"),
        st.sampled_from("hundHUNDäÄßẞıİǅΣςé\u0301"),
    )
)


@functools.cache
def cased(kind: Kind, joint: bool) -> Tokenizer:
    pairs = word_pairs(200)
    source = [text.title() for text in pairs.source]
    config = TokenizerConfig(kind=kind, joint=joint, vocab_size=320)
    return train_tokenizer(config, source, pairs.target, FOLDER)


@every_model
@settings(max_examples=100, deadline=None)
@given(text=cased_text)
def test_decoding_restores_the_case_of_any_text(kind: Kind, joint: bool, text: str) -> None:
    tokenizer = cased(kind, joint)
    for side in SIDES:
        (ids,) = tokenizer.encode([text], side)
        assert tokenizer.decode([ids], side) == [text]
        size = tokenizer.size(side) * (tokenizer.source_cases if side == "source" else 1)
        assert max(ids, default=0) < size


@every_model
@pytest.mark.parametrize("side", SIDES)
def test_decoding_restores_difficult_texts_with_case(kind: Kind, joint: bool, side: Side) -> None:
    tokenizer = cased(kind, joint)
    texts = DIFFICULT_TEXTS + CASED_TEXTS
    assert tokenizer.decode(tokenizer.encode(texts, side), side) == texts


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@settings(max_examples=75, deadline=None)
@given(text=cased_text, seed=st.integers(0, 2**31 - 1))
def test_decoding_restores_the_case_of_any_sampled_text(kind: Kind, text: str, seed: int) -> None:
    tokenizer = cased(kind, True)
    sampled = tokenizer.sample([text], "source", alpha=0.2, seed=seed)
    assert tokenizer.decode(sampled, "source") == [text]


def test_an_id_is_a_token_plus_its_case() -> None:
    tokenizer = cased("unigram", False)
    size = tokenizer.size("source")
    lower, capitalized, upper = tokenizer.encode(["hund", "Hund", "HUND"], "source")
    assert max(lower) < size
    assert capitalized == [token + size for token in lower]
    assert upper == [token + 2 * size for token in lower]
    assert tokenizer.source_cases == 3


def test_each_word_has_its_own_case() -> None:
    tokenizer = cased("bpe", False)
    size = tokenizer.size("source")
    (ids,) = tokenizer.encode(["Hund sieht KATZE ."], "source")
    assert tokenizer.encode(["hund sieht katze ."], "source") == [[token % size for token in ids]]
    assert [token // size for token in ids] == [1, 0, 2, 0]
    assert tokenizer.tokens(ids, "source") == [
        "\u2581Hund",
        "\u2581sieht",
        "\u2581KATZE",
        "\u2581.",
    ]


def test_only_the_first_token_of_a_capitalized_word_shows_a_capital() -> None:
    tokenizer = cased("bpe", False)
    (ids,) = tokenizer.encode(["Gzhund GZHUND"], "source")
    assert len(ids) > 6
    assert "".join(tokenizer.tokens(ids, "source")) == "\u2581Gzhund\u2581GZHUND"


def test_bytes_are_shown_without_case() -> None:
    tokenizer = cased("bpe", False)
    (ids,) = tokenizer.encode(["XÄ"], "source")
    assert tokenizer.tokens(ids, "source") == ["\u2581", "<0x78>", "<0xC3>", "<0xA4>"]


def test_a_symbol_with_capitals_is_one_token() -> None:
    pairs = word_pairs(200)
    for joint in (True, False):
        config = TokenizerConfig(vocab_size=330, joint=joint, user_symbols=("<TAG>", "<2En>"))
        tokenizer = train_tokenizer(config, pairs.source, pairs.target, FOLDER)
        for side in SIDES:
            (ids,) = tokenizer.encode(["hund<TAG>katze <2En>"], side)
            tokens = tokenizer.tokens(ids, side)
            assert tokens.count("<TAG>") == tokens.count("<2En>") == 1
            assert tokenizer.decode([ids], side) == ["hund<TAG>katze <2En>"]


def test_the_target_is_read_with_its_capitals() -> None:
    tokenizer = cased("unigram", False)
    assert max(tokenizer.encode(["Dog DOG"], "target")[0]) < tokenizer.size("target")
    lower, upper = tokenizer.encode(["dog", "DOG"], "target")
    assert lower != upper


def test_the_source_side_learns_from_text_in_lower_case() -> None:
    # Everything that the source was trained on has capitals.
    tokenizer = cased("bpe", False)
    for text in ("hund", "Hund", "HUND"):
        assert len(tokenizer.encode([text], "source")[0]) == 1
    # Without a case folder, these are different words.
    assert len(trained("bpe", False).encode(["HUND"], "source")[0]) > 1


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_sampling_with_case_depends_only_on_its_seed(kind: Kind) -> None:
    tokenizer = cased(kind, True)
    size = tokenizer.size("source")
    texts = [text.title() for text in word_pairs(50).source]
    first = tokenizer.sample(texts, "source", alpha=0.3, seed=7)
    assert tokenizer.sample(texts, "source", alpha=0.3, seed=7) == first
    assert tokenizer.sample(texts, "source", alpha=0.3, seed=9) != first
    # The case of the text does not change how it is divided.
    lower = tokenizer.sample([text.lower() for text in texts], "source", alpha=0.3, seed=7)
    assert [[token % size for token in row] for row in first] == lower
    assert first != lower


def test_symbols_have_no_case() -> None:
    tokenizer = cased("unigram", False)
    (ids,) = tokenizer.encode([f"HUND{COPY}KATZE {SLOTS[3]}"], "source")
    for symbol in (COPY, SLOTS[3]):
        assert tokenizer.token_of(symbol, "source") in ids


# -- Slots -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("joint", [True, False])
def test_every_slot_is_a_token_of_both_sides(joint: bool) -> None:
    tokenizer = trained("unigram", joint)
    assert tokenizer.slots == list(SLOTS)
    for side in SIDES:
        tokens = [tokenizer.token_of(slot, side) for slot in SLOTS]
        assert len(set(tokens)) == 16
        assert tokenizer.decode([tokens], side) == ["".join(SLOTS)]
        (ids,) = tokenizer.encode([f"hund{SLOTS[5]}katze {SLOTS[15]}."], side)
        assert [token for token in ids if token in tokens] == [tokens[5], tokens[15]]


def test_a_tokenizer_of_before_has_one_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_training, "RESERVED", (COPY, TAG))
    pairs = word_pairs(100)
    tokenizer = train_tokenizer(TokenizerConfig(vocab_size=310), pairs.source, pairs.target)
    assert tokenizer.slots == [COPY]


# -- Digits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("split_digits", "tokens"), [(True, 4), (False, 1)])
def test_each_digit_is_a_token_if_the_config_says_so(split_digits: bool, tokens: int) -> None:
    texts = ["hund 1999", "katze 1999"] * 20
    config = TokenizerConfig(kind="bpe", vocab_size=303, split_digits=split_digits)
    tokenizer = train_tokenizer(config, texts, texts)
    shown = tokenizer.tokens(tokenizer.encode(["1999"], "source")[0], "source")
    assert "".join(shown) == "\u25811999"
    assert len([token for token in shown if token != "\u2581"]) == tokens


# -- Offsets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_offsets_are_where_the_words_stand(side: Side) -> None:
    tokenizer = cased("bpe", False)
    text = {"source": "Hund sieht KATZE .", "target": "dog sees cat ."}[side]
    (ids,) = tokenizer.encode([text], side)
    expected = [match.span() for match in re.finditer(r"\S+", text)]
    assert tokenizer.offsets(ids, side) == expected


def test_start_end_and_padding_are_empty() -> None:
    tokenizer = trained("bpe", False)
    (ids,) = tokenizer.encode(["dog cat"], "target")
    offsets = tokenizer.offsets([BOS, *ids, EOS, PAD], "target")
    assert offsets == [(0, 0), (0, 3), (4, 7), (7, 7), (7, 7)]
    assert tokenizer.offsets([], "target") == []


@every_model
@settings(max_examples=75, deadline=None)
@given(text=cased_text)
def test_offsets_follow_each_other_and_cover_the_text(kind: Kind, joint: bool, text: str) -> None:
    # An escaped character is longer than what it stands for.
    text = text.replace("\u2581", "").replace("\ue001", "")
    tokenizer = cased(kind, joint)
    for side in SIDES:
        (ids,) = tokenizer.encode([text], side)
        offsets = tokenizer.offsets(ids, side)
        assert len(offsets) == len(ids)
        covered = 0
        for start, end in offsets:
            # Between two tokens there is nothing but a space.
            assert covered <= start <= end
            assert text[covered:start] in ("", " ")
            covered = end
        assert covered == len(text)


# -- Files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("joint", "names"), [(True, {"joint.model"}), (False, {"source.model", "target.model"})]
)
def test_a_loaded_tokenizer_is_the_saved_one(joint: bool, names: set[str], tmp_path: Path) -> None:
    tokenizer = trained("unigram", joint)
    folder = tmp_path / "new" / "folder"
    tokenizer.save(folder)
    assert {path.name for path in folder.iterdir()} == names | {"words.txt.gz"}
    loaded = Tokenizer.load(folder)
    assert loaded.fingerprint == tokenizer.fingerprint
    assert loaded.joint == joint
    for side in SIDES:
        assert loaded.encode(DIFFICULT_TEXTS, side) == tokenizer.encode(DIFFICULT_TEXTS, side)
        assert loaded.size(side) == tokenizer.size(side)


def test_save_replaces_a_tokenizer_of_the_other_kind(tmp_path: Path) -> None:
    tiny_tokenizer(True).save(tmp_path)
    separate = tiny_tokenizer(False)
    separate.save(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"source.model", "target.model", "words.txt.gz"}
    assert Tokenizer.load(tmp_path).fingerprint == separate.fingerprint


@pytest.mark.parametrize("content", ["empty", "nonsense", "half"])
def test_a_damaged_model_is_an_error(content: str, tmp_path: Path) -> None:
    trained("unigram", True).save(tmp_path)
    path = tmp_path / "joint.model"
    model = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "nonsense": b"nonsense", "half": model[: len(model) // 2]}[content]
    )
    with pytest.raises(UserError, match="The tokenizer model 'joint' is damaged"):
        Tokenizer.load(tmp_path)


def test_a_tokenizer_is_loaded_with_its_case_folder(tmp_path: Path) -> None:
    tokenizer = cased("unigram", False)
    tokenizer.save(tmp_path)
    loaded = Tokenizer.load(tmp_path, FOLDER)
    assert loaded.source_cases == 3
    assert loaded.fingerprint == tokenizer.fingerprint
    assert loaded.fingerprint != Tokenizer.load(tmp_path).fingerprint
    assert loaded.encode(CASED_TEXTS, "source") == tokenizer.encode(CASED_TEXTS, "source")


def test_a_missing_model_is_an_error(tmp_path: Path) -> None:
    trained("unigram", True).save(tmp_path)
    (tmp_path / "joint.model").rename(tmp_path / "source.model")
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match="has no tokenizer"):
            Tokenizer.load(folder)


# -- Training --------------------------------------------------------------------------------------


def test_training_twice_gives_the_same_tokenizer() -> None:
    pairs = word_pairs(100)
    config = TokenizerConfig(vocab_size=310)
    first = train_tokenizer(config, pairs.source, pairs.target)
    second = train_tokenizer(config, pairs.source, pairs.target)
    assert first.fingerprint == second.fingerprint


def test_another_text_gives_another_tokenizer() -> None:
    pairs = word_pairs(100)
    config = TokenizerConfig(vocab_size=310)
    first = train_tokenizer(config, pairs.source, pairs.target)
    other = train_tokenizer(config, pairs.source, [*pairs.target[1:], "Zyx"])
    assert other.fingerprint != first.fingerprint


def test_a_unigram_vocabulary_is_as_large_as_the_text_allows() -> None:
    texts = ["hund katze"] * 5
    tokenizer = train_tokenizer(TokenizerConfig(vocab_size=4000), texts, texts)
    assert 260 < tokenizer.size("source") < 300
    assert tokenizer.decode(tokenizer.encode(DIFFICULT_TEXTS, "source")) == DIFFICULT_TEXTS


def test_a_bpe_vocabulary_too_large_for_the_text_is_an_error() -> None:
    texts = ["hund katze"] * 5
    message = r"Cannot train a tokenizer of 4000 tokens \(tokenizer.vocab_size\) on this text"
    with pytest.raises(UserError, match=message):
        train_tokenizer(TokenizerConfig(kind="bpe", vocab_size=4000), texts, texts)


def test_training_on_no_text_is_an_error() -> None:
    with pytest.raises(UserError, match="Cannot train a tokenizer of 300 tokens"):
        train_tokenizer(TokenizerConfig(vocab_size=300), [], [])


# -- The cache -------------------------------------------------------------------------------------

CONFIG = TokenizerConfig(vocab_size=310)
PAIRS = word_pairs(50)


def test_a_tokenizer_is_trained_once(tmp_path: Path) -> None:
    reporter = RecordingReporter()
    first = cached_tokenizer(CONFIG, PAIRS.source, PAIRS.target, tmp_path, reporter)
    second = cached_tokenizer(CONFIG, PAIRS.source, PAIRS.target, tmp_path, reporter)
    assert first.fingerprint == second.fingerprint
    assert reporter.messages == ["training the tokenizer (unigram, 310 tokens)"]


@pytest.mark.parametrize(
    ("changes", "trainings"),
    [
        ({"sampling": 0.2, "sampling_sides": "source"}, 1),
        ({"vocab_size": 311}, 2),
        ({"user_symbols": ("@@",)}, 2),
        ({"split_digits": False}, 2),
    ],
)
def test_only_settings_that_change_the_vocabulary_train_again(
    changes: dict[str, Any], trainings: int, tmp_path: Path
) -> None:
    reporter = RecordingReporter()
    for config in (CONFIG, CONFIG.replace(**changes)):
        cached_tokenizer(config, PAIRS.source, PAIRS.target, tmp_path, reporter)
    assert len(reporter.messages) == trainings


def test_another_case_folder_trains_again(tmp_path: Path) -> None:
    reporter = RecordingReporter()
    for folder in (None, FOLDER, FOLDER, None):
        tokenizer = cached_tokenizer(
            CONFIG, PAIRS.source, PAIRS.target, tmp_path, reporter, case_folder=folder
        )
        assert tokenizer.source_cases == (1 if folder is None else 3)
    assert len(reporter.messages) == 2


def test_another_text_trains_again(tmp_path: Path) -> None:
    reporter = RecordingReporter()
    cached_tokenizer(CONFIG, PAIRS.source, PAIRS.target, tmp_path, reporter)
    cached_tokenizer(CONFIG, PAIRS.target, PAIRS.source, tmp_path, reporter)
    assert len(reporter.messages) == 2


def test_a_failed_save_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_the_disk(self: Tokenizer, folder: Path) -> None:
        folder.mkdir(parents=True)
        raise OSError("No space left on device")

    monkeypatch.setattr(Tokenizer, "save", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        cached_tokenizer(CONFIG, PAIRS.source, PAIRS.target, tmp_path)
    assert list((tmp_path / "tokenizers").iterdir()) == []


# -- Settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"vocab_size": 299}, "vocab_size must be at least 300"),
        ({"vocab_size": 39, "byte_fallback": False}, "vocab_size must be at least 40"),
        ({"character_coverage": 0.97}, "character_coverage"),
        ({"sampling": 1.0}, "sampling"),
    ],
)
def test_wrong_settings_are_errors(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TokenizerConfig(**fields)
