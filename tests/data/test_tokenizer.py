"""Text to pieces and back: exact for any text, sampling that can be repeated, files that can be damaged."""

import functools
from pathlib import Path
from typing import Any

import pytest
from fakes import tiny_tokenizer, word_pairs
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.data.tokenizer import BOS, COPY, EOS, PAD, UNK, Side, Tokenizer, TokenizerConfig, train_tokenizer
from seq2seq.errors import UserError

NASTY = [
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
KINDS: list[dict[str, Any]] = [
    {"kind": "unigram", "joint": True},
    {"kind": "unigram", "joint": False},
    {"kind": "bpe", "joint": True},
    {"kind": "bpe", "joint": False},
]
any_text = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(" \u2581\ue000\ue001beh\n\x00")))


@functools.cache
def trained(kind: str, joint: bool, symbols: tuple[str, ...] = ()) -> Tokenizer:
    pairs = word_pairs(200)
    config = TokenizerConfig(kind=kind, joint=joint, vocab_size=320, user_symbols=symbols)  # type: ignore[arg-type]
    return train_tokenizer(config, pairs.source, pairs.target)


def sides(tokenizer: Tokenizer) -> tuple[Side, ...]:
    return ("source", "target")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind['kind']}-{'joint' if kind['joint'] else 'separate'}")
def test_round_trip_of_nasty_texts(kind: dict[str, Any]) -> None:
    tokenizer = trained(**kind)
    assert tokenizer.joint == kind["joint"]
    for side in sides(tokenizer):
        assert tokenizer.decode(tokenizer.encode(NASTY, side), side) == NASTY
        for seed in range(3):
            assert tokenizer.decode(tokenizer.sample(NASTY, side, alpha=0.3, seed=seed), side) == NASTY


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind['kind']}-{'joint' if kind['joint'] else 'separate'}")
@settings(max_examples=150, deadline=None)
@given(text=any_text)
def test_round_trip_of_any_text(kind: dict[str, Any], text: str) -> None:
    tokenizer = trained(**kind)
    for side in sides(tokenizer):
        encoded = tokenizer.encode([text], side)
        assert tokenizer.decode(encoded, side) == [text]
        assert UNK not in encoded[0]
        assert max(encoded[0], default=0) < tokenizer.size(side)
        assert not {PAD, BOS, EOS} & set(encoded[0])


@settings(max_examples=50, deadline=None)
@given(text=any_text, seed=st.integers(0, 2**31 - 1))
def test_sampled_pieces_spell_the_same_text(text: str, seed: int) -> None:
    for kind in ("unigram", "bpe"):
        tokenizer = trained(kind, True)
        assert tokenizer.decode(tokenizer.sample([text], "source", alpha=0.2, seed=seed)) == [text]


def test_lone_surrogates_become_the_replacement_character() -> None:
    tokenizer = trained("unigram", True)
    texts = ["\ud800", "hund \udc80\udcff", "\udc00\ud800"]
    wanted = ["\ufffd", "hund \ufffd\ufffd", "\ufffd\ufffd"]
    assert tokenizer.decode(tokenizer.encode(texts, "source")) == wanted
    assert tokenizer.decode(tokenizer.sample(texts, "source", alpha=0.5, seed=1)) == wanted


def test_special_pieces_give_nothing() -> None:
    tokenizer = trained("unigram", True)
    (ids,) = tokenizer.encode(["hund sieht"], "target")
    assert tokenizer.decode([[BOS, *ids, EOS, PAD, PAD]]) == ["hund sieht"]
    assert tokenizer.decode([[]]) == [""]
    assert tokenizer.pieces([PAD, UNK, BOS, EOS], "target") == ["<pad>", "<unk>", "<s>", "</s>"]


def test_pieces_show_how_a_text_is_divided() -> None:
    tokenizer = trained("bpe", True)
    pieces = tokenizer.pieces(tokenizer.encode(["hund katze"], "source")[0], "source")
    assert "".join(pieces) == "\u2581hund\u2581katze"
    assert len(pieces) < len("hund katze")


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_user_symbols_are_always_one_piece(kind: str) -> None:
    tokenizer = trained(kind, False, ("<2en>", "@@"))
    plain = trained(kind, False)
    for side in sides(tokenizer):
        for symbol in ("<2en>", "@@", COPY):
            (ids,) = tokenizer.encode([f"hund{symbol}katze {symbol}"], side)
            assert tokenizer.pieces(ids, side).count(symbol) == 2
        # The copy slot is one piece however wildly the text around it is sampled.
        for seed in range(30):
            (sampled,) = tokenizer.sample([f"hund{COPY}katze {COPY}"], side, alpha=0.05, seed=seed)
            assert tokenizer.pieces(sampled, side).count(COPY) == 2
        divided = False
        for seed in range(60):
            text, symbols = "hund<2en>katze @@", ("<2en>", "@@")
            (loose,) = tokenizer.sample([text], side, alpha=0.02, seed=seed)
            divided |= not {*symbols} <= {*tokenizer.pieces(loose, side)}
            (sampled,) = tokenizer.sample([text], side, alpha=0.02, seed=seed, whole=symbols)
            assert {*symbols} <= {*tokenizer.pieces(sampled, side)}
        assert divided == (kind == "unigram")  # else there was nothing to keep whole
    assert "<2en>" not in plain.pieces(plain.encode(["<2en>"], "source")[0], "source")


def test_joint_vocabularies_are_shared_and_separate_ones_are_not() -> None:
    joint, separate = trained("unigram", True), trained("unigram", False)
    texts = ["hund dog", "katze cat"]
    assert joint.encode(texts, "source") == joint.encode(texts, "target")
    assert joint.size("source") == joint.size("target")
    assert separate.encode(texts, "source") != separate.encode(texts, "target")
    # Each side knows its own letters only.
    assert separate.unknown_characters("zo", "source") == {"o"}
    assert separate.unknown_characters("zo", "target") == {"z"}
    assert joint.unknown_characters("zo", "source") == set()


def test_unknown_characters() -> None:
    for byte_fallback in (True, False):
        tokenizer = tiny_tokenizer(byte_fallback=byte_fallback)
        for _ in range(2):  # the second time from memory
            assert tokenizer.unknown_characters("hund 日 ü\n\t\u3000😀日", "source") == {"日", "ü", "😀"}
        assert tokenizer.unknown_characters("", "source") == set()
        assert tokenizer.unknown_characters(COPY, "source") == set()


def test_without_byte_fallback_unknown_characters_are_lost() -> None:
    tokenizer = tiny_tokenizer(byte_fallback=False)
    assert UNK in tokenizer.encode(["hund 日"], "source")[0]
    assert tokenizer.decode(tokenizer.encode(["hund katze"], "source")) == ["hund katze"]


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_sampling_depends_on_its_seed_alone(kind: str) -> None:
    tokenizer, texts = trained(kind, True), word_pairs(50).source
    first = tokenizer.sample(texts, "source", alpha=0.3, seed=7)
    tokenizer.sample(texts[:3], "source", alpha=0.3, seed=8)  # what was drawn before does not count
    assert tokenizer.sample(texts, "source", alpha=0.3, seed=7) == first
    assert tokenizer.sample(texts, "source", alpha=0.3, seed=9) != first
    best = tokenizer.encode(texts, "source")
    assert first != best
    assert len({tuple(tokenizer.sample(["hund katze"], "source", alpha=0.3, seed=s)[0]) for s in range(20)}) >= 3
    assert tokenizer.encode(texts, "source") == best  # the best division stays the best


@pytest.mark.parametrize("joint", [True, False])
def test_saved_and_loaded_it_is_the_same(joint: bool, tmp_path: Path) -> None:
    tokenizer = trained("unigram", joint)
    tokenizer.save(tmp_path / "new" / "folder")
    names = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    assert names == ({"joint.model"} if joint else {"source.model", "target.model"})
    loaded = Tokenizer.load(tmp_path / "new" / "folder")
    assert loaded.fingerprint == tokenizer.fingerprint
    assert loaded.joint == joint
    for side in sides(loaded):
        assert loaded.encode(NASTY, side) == tokenizer.encode(NASTY, side)
        assert loaded.size(side) == tokenizer.size(side)


def test_training_twice_gives_the_same_tokenizer() -> None:
    pairs, config = word_pairs(100), TokenizerConfig(vocab_size=310)
    first, second = (train_tokenizer(config, pairs.source, pairs.target) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    other = train_tokenizer(config, pairs.source, [*pairs.target[1:], "Zyx"])
    assert other.fingerprint != first.fingerprint


def test_damaged_and_missing_files_are_reported(tmp_path: Path) -> None:
    trained("unigram", True).save(tmp_path)
    whole = (tmp_path / "joint.model").read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2]):
        (tmp_path / "joint.model").write_bytes(damaged)
        with pytest.raises(UserError, match="The tokenizer model 'joint' is damaged"):
            Tokenizer.load(tmp_path)
    (tmp_path / "joint.model").rename(tmp_path / "source.model")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match="holds no tokenizer"):
            Tokenizer.load(folder)


def test_a_vocabulary_too_large_for_the_text() -> None:
    few = ["hund katze"] * 5
    # unigram takes what there is …
    small = train_tokenizer(TokenizerConfig(vocab_size=4000), few, few)
    assert 260 < small.size("source") < 300
    assert small.decode(small.encode(NASTY, "source")) == NASTY
    # … bpe cannot, and says which number is too large.
    with pytest.raises(UserError, match=r"No tokenizer of 4000 pieces \(tokenizer.vocab_size\) can be made"):
        train_tokenizer(TokenizerConfig(kind="bpe", vocab_size=4000), few, few)
    with pytest.raises(UserError, match="No tokenizer of 300 pieces"):
        train_tokenizer(TokenizerConfig(vocab_size=300), [], [])


def test_saving_leaves_no_tokenizer_of_before(tmp_path: Path) -> None:
    tiny_tokenizer(True).save(tmp_path)
    apart = tiny_tokenizer(False)
    apart.save(tmp_path)
    assert Tokenizer.load(tmp_path).encode(["hund sieht"], "target") == apart.encode(["hund sieht"], "target")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.model", "target.model"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"vocab_size": 299}, "vocab_size must be at least 300"),
        ({"vocab_size": 15, "byte_fallback": False}, "vocab_size must be at least 16"),
        ({"character_coverage": 0.97}, "character_coverage must be at least 0.98 and at most 1"),
        ({"sampling": 1.0}, "sampling and copy_share must be at least 0 and below 1"),
        ({"copy_share": -0.1}, "sampling and copy_share must be at least 0 and below 1"),
    ],
)
def test_config_says_what_is_wrong(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TokenizerConfig(**fields)
