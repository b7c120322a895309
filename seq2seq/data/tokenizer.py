"""Text to piece numbers and back: SentencePiece (Kudo & Richardson 2018) with an exact round trip for any text.

Legend: a *piece* is a unit of the vocabulary; pieces 0 to 3 are <pad>, <unk>, <s> (start) and </s> (end).
"""

import hashlib
import io
import itertools
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict

from seq2seq.data.pairs import Pairs
from seq2seq.errors import UserError

PAD, UNK, BOS, EOS = 0, 1, 2, 3

# Stands for a stretch of text that is carried over unchanged; a character of the private use area, so not in real text.
COPY = "\ue000"
# Stands before a source text that a model has made.
TAG = "\ue002"
# Always pieces of their own, beside those a config names.
RESERVED = (COPY, TAG)

# SentencePiece writes spaces as U+2581, so a U+2581 in the text itself would come back as a space: it is escaped.
_ESCAPES = {"\ue001": "\ue001e", "\u2581": "\ue001b"}
_SURROGATE = re.compile("[\ud800-\udfff]")

Side = Literal["source", "target"]


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """How text is divided into pieces."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["unigram", "bpe"] = "unigram"
    """`unigram` (Kudo 2018) or `bpe` (Sennrich et al. 2016)."""
    vocab_size: int = 4000
    """Pieces in the vocabulary; an upper limit for `unigram` on small corpora."""
    joint: bool = True
    """One vocabulary for both languages (needed for `model.tie_embeddings: all`), or one for each."""
    byte_fallback: bool = True
    """Characters outside the vocabulary are spelled in UTF-8 bytes; without it the round trip is not exact."""
    character_coverage: float = 0.9999
    """Share of the characters of the training text that get a piece of their own; 0.9995 for large alphabets."""
    user_symbols: tuple[str, ...] = ()
    """Strings that are always one piece, such as tags."""
    sampling: float = 0.0
    """Subword regularisation: 0 is off. `unigram`: smoothing alpha, smaller is more varied (Kudo 2018, section 3.2; 0.2
    to 0.5 is usual). `bpe`: share of merges dropped (Provilkov et al. 2020; 0.1 is usual). Training text only."""
    sampling_sides: Literal["source", "both"] = "both"
    """Which side is sampled."""
    copy_share: float = 0.02
    """Share of training pairs in which a word that stands on both sides is hidden, which teaches the model to carry over
    what is in no vocabulary."""

    def __post_init__(self) -> None:
        if not 0.98 <= self.character_coverage <= 1:  # SentencePiece trains with nothing else
            raise ValueError("character_coverage must be at least 0.98 and at most 1")
        if not (0 <= self.sampling < 1 and 0 <= self.copy_share < 1):
            raise ValueError("sampling and copy_share must be at least 0 and below 1")
        smallest = 300 if self.byte_fallback else 16
        if self.vocab_size < smallest:
            raise ValueError(f"vocab_size must be at least {smallest} (byte_fallback takes 256 pieces)")


class Tokenizer:
    """One SentencePiece model (joint) or two (source, target)."""

    def __init__(self, models: dict[str, bytes]) -> None:
        import sentencepiece

        self._models = models
        self._processors: dict[str, Any] = {}
        for name, proto in models.items():
            try:
                self._processors[name] = sentencepiece.SentencePieceProcessor()
                # Given to the constructor, an empty file would pass for a model not loaded yet.
                self._processors[name].LoadFromSerializedProto(proto)
            except RuntimeError as error:
                raise UserError(
                    f"The tokenizer model '{name}' is damaged ({error}); copy the run folder again."
                ) from None
        # Sampling reads one generator of the library: callers in several threads must not mix their draws.
        self._sampling_lock = threading.Lock()
        self._known: dict[Side, dict[str, bool]] = {"source": {}, "target": {}}

    def _side(self, side: Side) -> Any:
        return self._processors.get("joint") or self._processors[side]

    @property
    def joint(self) -> bool:
        """Whether both sides share one vocabulary."""
        return "joint" in self._models

    def size(self, side: Side) -> int:
        """Pieces in the vocabulary of `side`."""
        return int(self._side(side).get_piece_size())

    @property
    def fingerprint(self) -> str:
        """Changes when any piece changes."""
        digest = hashlib.sha256()
        for name in sorted(self._models):
            digest.update(name.encode() + self._models[name])
        return digest.hexdigest()

    def encode(self, texts: Sequence[str], side: Side) -> list[list[int]]:
        """The best division of each text, without start or end pieces."""
        # One by one: given a list, the library starts threads, which takes milliseconds where a text takes microseconds.
        processor = self._side(side)
        return [processor.encode(_escape(text)) for text in texts]

    def sample(
        self, texts: Sequence[str], side: Side, *, alpha: float, seed: int, whole: Sequence[str] = ()
    ) -> list[list[int]]:
        """A random division of each text; the same `seed` gives the same divisions.

        The library may divide user symbols of several characters too: a text in which it divides one of `whole` keeps
        its best division.
        """
        import sentencepiece

        with self._sampling_lock:
            sentencepiece.set_random_generator_seed(seed)
            # One thread: with more, which text gets which random numbers would depend on scheduling.
            sampled: list[list[int]] = self._side(side).encode(
                [_escape(text) for text in texts], enable_sampling=True, alpha=alpha, nbest_size=-1, num_threads=1
            )
        symbols = {self._side(side).piece_to_id(symbol) for symbol in whole}
        for i, text in enumerate(texts if symbols else []):
            if any(symbol in text for symbol in whole):
                (best,) = self.encode([text], side)
                if sum(p in symbols for p in sampled[i]) < sum(p in symbols for p in best):
                    sampled[i] = best
        return sampled

    def decode(self, ids: Sequence[Sequence[int]], side: Side = "target") -> list[str]:
        """Texts of piece numbers; start, end and padding pieces give nothing."""
        kept = [[piece for piece in row if piece not in (PAD, BOS, EOS)] for row in ids]
        processor = self._side(side)  # one by one, as in `encode`
        return [_unescape(processor.decode(row)) for row in kept]

    def pieces(self, ids: Iterable[int], side: Side) -> list[str]:
        """The pieces as strings, a space shown as U+2581."""
        processor = self._side(side)
        return [processor.id_to_piece(int(piece)) for piece in ids]

    def unknown_characters(self, text: str, side: Side) -> set[str]:
        """Characters of `text` that have no piece: spelled in bytes, or <unk>."""
        known = self._known[side]
        new = sorted({character for character in text if not character.isspace()} - known.keys())
        processor = self._side(side)
        for character, ids in zip(new, self.encode(new, side), strict=True):
            known[character] = not any(processor.is_byte(piece) or piece == UNK for piece in ids)
        return {character for character in text if not known.get(character, True)}

    def save(self, folder: Path) -> None:
        """Writes joint.model, or source.model and target.model."""
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.model"):  # of a training that was broken off there, of another kind perhaps
            left.unlink()
        for name, proto in self._models.items():
            (folder / f"{name}.model").write_bytes(proto)

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Reads what `save` wrote."""
        models = {path.stem: path.read_bytes() for path in folder.glob("*.model")}
        if set(models) not in ({"joint"}, {"source", "target"}):
            raise UserError(f"{folder} holds no tokenizer (joint.model, or source.model and target.model).")
        return cls(models)


def cached_tokenizer(config: TokenizerConfig, train: Pairs, cache: Path, say: Callable[[str], None]) -> Tokenizer:
    """The tokenizer of a training split: trained, or taken from the folder `cache` where it has been trained before."""
    # Sampling and copying happen later: they do not change the vocabulary.
    settings = repr(replace(config, sampling=0.0, sampling_sides="both", copy_share=0.0))
    digest = hashlib.sha256((settings + repr(RESERVED) + train.fingerprint).encode())
    folder = cache / "tokenizers" / digest.hexdigest()[:32]
    if folder.is_dir():
        return Tokenizer.load(folder)
    say(f"training the tokenizer ({config.kind}, {config.vocab_size:,} pieces)")
    tokenizer = train_tokenizer(config, train.source, train.target)
    partial = folder.with_suffix(f".partial-{time.time_ns()}")
    tokenizer.save(partial)
    try:
        partial.rename(folder)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)  # another process was faster
    return tokenizer


def train_tokenizer(config: TokenizerConfig, source: Sequence[str], target: Sequence[str]) -> Tokenizer:
    """Trains on the given text (of the training split only)."""
    if config.joint:
        return Tokenizer({"joint": _train(config, itertools.chain(source, target))})
    return Tokenizer({"source": _train(config, source), "target": _train(config, target)})


def _train(config: TokenizerConfig, texts: Iterable[str]) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(_escape(text) for text in texts),
            model_writer=model,
            model_type=config.kind,
            vocab_size=config.vocab_size,
            # A small corpus has fewer useful pieces than asked for: take what there is.
            hard_vocab_limit=config.kind != "unigram",
            character_coverage=config.character_coverage,
            byte_fallback=config.byte_fallback,
            # Identity and no folding of spaces: otherwise decoding would not give the text back.
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            user_defined_symbols=[*RESERVED, *config.user_symbols],
            pad_id=PAD,
            unk_id=UNK,
            bos_id=BOS,
            eos_id=EOS,
            max_sentence_length=16384,
            num_threads=1,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise UserError(
            f"No tokenizer of {config.vocab_size} pieces (tokenizer.vocab_size) can be made from this text: {error}"
        ) from None
    return model.getvalue()


def _escape(text: str) -> str:
    # Lone surrogates cannot be written as UTF-8; they come from broken input and are shown as U+FFFD.
    text = _SURROGATE.sub("\ufffd", text)
    for character, escaped in _ESCAPES.items():
        text = text.replace(character, escaped)
    return text


def _unescape(text: str) -> str:
    for character, escaped in reversed(_ESCAPES.items()):
        text = text.replace(escaped, character)
    return text
