"""Text to token IDs and back: SentencePiece (Kudo & Richardson 2018), exact for any text.

Tokens 0 to 3 are <pad>, <unk>, <s> (start) and </s> (end).
"""

import hashlib
import io
import itertools
import random
import re
import shutil
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.errors import UserError
from seq2seq.files import atomic_write
from seq2seq.reporter import SILENT, Reporter
from seq2seq.text.fingerprint import fingerprint_texts
from seq2seq.text.subword_model import read_subword_model
from seq2seq.text.subword_sampling import SubwordSampler, subword_sampler

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

PAD = 0
UNK = 1
BOS = 2
EOS = 3

# These are characters of the private use area, which do not occur in real text.
COPY = "\ue000"
"""Stands for a part of the text that is copied to the translation unchanged."""
TAG = "\ue002"
"""Stands before a synthetic source text."""
RESERVED = (COPY, TAG)
"""Always tokens of their own, besides those that a config names."""

# SentencePiece writes a space as U+2581. A U+2581 in the text would be decoded as a space, so it
# is escaped.
_ESCAPES = {"\ue001": "\ue001e", "\u2581": "\ue001b"}
_SURROGATE = re.compile("[\ud800-\udfff]")

Side = Literal["source", "target"]


class Tokenizer:
    """One SentencePiece model for both languages (joint), or one for each."""

    def __init__(self, models: dict[str, bytes]) -> None:
        """Loads serialized SentencePiece models.

        Args:
            models: {"joint": …}, or {"source": …, "target": …}.

        Raises:
            UserError: a model is damaged.
        """
        self._models = models
        self._processors = {name: _load_processor(name, model) for name, model in models.items()}
        # (name of a model, alpha) -> sampler
        self._samplers: dict[tuple[str, float], SubwordSampler] = {}
        # Side -> character -> whether the vocabulary has it.
        self._characters: dict[Side, dict[str, bool]] = {"source": {}, "target": {}}

    @property
    def joint(self) -> bool:
        """Whether both sides share one vocabulary."""
        return "joint" in self._models

    @property
    def fingerprint(self) -> str:
        """A hash that changes when any token changes."""
        digest = hashlib.sha256()
        for name in sorted(self._models):
            digest.update(name.encode() + self._models[name])
        return digest.hexdigest()

    def size(self, side: Side) -> int:
        """Returns the number of tokens in the vocabulary."""
        return int(self._processor(side).get_piece_size())

    def encode(self, texts: Sequence[str], side: Side) -> list[list[int]]:
        """Returns the best segmentation of each text, without start and end tokens."""
        # One by one: for a list, the library starts threads. That takes milliseconds, and a text
        # takes microseconds.
        processor = self._processor(side)
        return [processor.encode(_escape(text)) for text in texts]

    def sample(
        self, texts: Sequence[str], side: Side, *, alpha: float, seed: int
    ) -> list[list[int]]:
        """Returns a random segmentation of each text. Reserved and user symbols are never split.

        Args:
            texts: the texts.
            side: selects the vocabulary.
            alpha: how much the segmentations vary; see `TokenizerConfig.sampling`.
            seed: the same seed gives the same segmentations, also in another process.
        """
        processor = self._processor(side)
        sampler = self._sampler(side, alpha)
        rng = random.Random(seed)
        return [sampler.sample(processor.normalize(_escape(text)), rng) for text in texts]

    def decode(self, ids: Sequence[Sequence[int]], side: Side = "target") -> list[str]:
        """Returns the text of each row of token IDs. Start, end and padding tokens are ignored."""
        processor = self._processor(side)
        texts = []
        for row in ids:  # one by one, as in `encode`
            content = [token for token in row if token not in (PAD, BOS, EOS)]
            texts.append(_unescape(processor.decode(content)))
        return texts

    def tokens(self, ids: Iterable[int], side: Side) -> list[str]:
        """Returns the tokens as strings. A space is shown as U+2581."""
        processor = self._processor(side)
        return [processor.id_to_piece(int(token)) for token in ids]

    def unknown_characters(self, text: str, side: Side) -> set[str]:
        """Returns the characters that the vocabulary lacks: spelled in bytes, or <unk>."""
        in_vocabulary = self._characters[side]
        letters = {character for character in text if not character.isspace()}
        unseen = sorted(letters - in_vocabulary.keys())
        processor = self._processor(side)
        for character, ids in zip(unseen, self.encode(unseen, side), strict=True):
            lacking = any(processor.is_byte(token) or token == UNK for token in ids)
            in_vocabulary[character] = not lacking
        return {character for character in letters if not in_vocabulary[character]}

    def save(self, folder: Path) -> None:
        """Writes joint.model, or source.model and target.model.

        Raises:
            OSError: the folder cannot be written.
        """
        for name, model in self._models.items():
            with atomic_write(folder / f"{name}.model", mkdir=True) as file:
                file.write(model)
        # An interrupted training may have left a tokenizer of the other kind.
        for path in folder.glob("*.model"):
            if path.stem not in self._models:
                path.unlink()

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Reads what `save` wrote.

        Raises:
            UserError: files are missing or damaged.
        """
        models = {path.stem: path.read_bytes() for path in folder.glob("*.model")}
        if set(models) not in ({"joint"}, {"source", "target"}):
            raise UserError(
                f"{folder} has no tokenizer. It must contain joint.model, or source.model and "
                "target.model."
            )
        return cls(models)

    def _processor(self, side: Side) -> "SentencePieceProcessor":
        return self._processors[self._model_name(side)]

    def _sampler(self, side: Side, alpha: float) -> SubwordSampler:
        key = (self._model_name(side), alpha)
        if key not in self._samplers:
            model = read_subword_model(self._models[key[0]])
            self._samplers[key] = subword_sampler(model, alpha)
        return self._samplers[key]

    def _model_name(self, side: Side) -> str:
        return "joint" if self.joint else side


def cached_tokenizer(
    config: TokenizerConfig,
    source: Sequence[str],
    target: Sequence[str],
    cache: Path,
    reporter: Reporter = SILENT,
) -> Tokenizer:
    """Trains a tokenizer, or loads the one that was trained before on the same text.

    Args:
        config: the settings.
        source: the source side of the training split.
        target: the target side of the training split.
        cache: the folder for what can be made again.
        reporter: receives a line before the training.

    Raises:
        UserError: no tokenizer of this size can be trained on this text.
        OSError: the cache cannot be written.
    """
    # Sampling and copy tokens do not change the vocabulary.
    settings = config.model_dump_json(exclude={"sampling", "sampling_sides", "copy_prob"})
    key = settings + repr(RESERVED) + fingerprint_texts(source, target)
    folder = cache / "tokenizers" / hashlib.sha256(key.encode()).hexdigest()[:32]
    if folder.is_dir():
        return Tokenizer.load(folder)
    reporter.info(f"training the tokenizer ({config.kind}, {config.vocab_size:,} tokens)")
    tokenizer = train_tokenizer(config, source, target)
    partial = folder.with_suffix(f".partial-{uuid.uuid4().hex[:12]}")
    try:
        tokenizer.save(partial)
        if not folder.exists():
            partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return tokenizer


def train_tokenizer(
    config: TokenizerConfig, source: Sequence[str], target: Sequence[str]
) -> Tokenizer:
    """Trains a tokenizer. Pass the text of the training split only.

    Raises:
        UserError: no tokenizer of this size can be trained on this text.
    """
    if config.joint:
        return Tokenizer({"joint": _train_model(config, itertools.chain(source, target))})
    return Tokenizer(
        {"source": _train_model(config, source), "target": _train_model(config, target)}
    )


def _train_model(config: TokenizerConfig, texts: Iterable[str]) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(_escape(text) for text in texts),
            model_writer=model,
            model_type=config.kind,
            vocab_size=config.vocab_size,
            # A small corpus may have fewer useful tokens than vocab_size. Take what there is.
            hard_vocab_limit=config.kind != "unigram",
            character_coverage=config.character_coverage,
            byte_fallback=config.byte_fallback,
            # No normalization and no folding of spaces, or decoding would not restore the text.
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
            f"Cannot train a tokenizer of {config.vocab_size} tokens (tokenizer.vocab_size) on "
            f"this text: {error}"
        ) from None
    return model.getvalue()


def _load_processor(name: str, model: bytes) -> "SentencePieceProcessor":
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor()
    try:
        # The constructor would accept an empty model as one that is not loaded yet.
        processor.LoadFromSerializedProto(model)
    except RuntimeError as error:
        raise UserError(
            f"The tokenizer model '{name}' is damaged ({error}). Copy the run folder again."
        ) from None
    return processor


def _escape(text: str) -> str:
    # Lone surrogates come from broken input and cannot be written as UTF-8. U+FFFD replaces them.
    text = _SURROGATE.sub("\ufffd", text)
    for character, escaped in _ESCAPES.items():
        text = text.replace(character, escaped)
    return text


def _unescape(text: str) -> str:
    for character, escaped in reversed(_ESCAPES.items()):
        text = text.replace(escaped, character)
    return text
