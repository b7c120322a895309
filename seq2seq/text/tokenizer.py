"""Text to token IDs and back: SentencePiece (Kudo & Richardson 2018), exact for any text.

Tokens 0 to 3 are <pad>, <unk>, <s> (start) and </s> (end).
"""

import bisect
import hashlib
import itertools
import random
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seq2seq.errors import UserError
from seq2seq.files import atomic_write
from seq2seq.text.case import CAPITALIZED, NO_CASE, NUM_CASES, CaseFolder
from seq2seq.text.escaping import escape, unescape
from seq2seq.text.processor import load_processor, token_lengths
from seq2seq.text.source_words import WORDS_FILE, load_words, save_words
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
SLOTS = (COPY, *map(chr, range(0xE010, 0xE01F)))
"""Stand for parts of the text that are copied to the translation unchanged."""
TAG = "\ue002"
"""Stands before a synthetic source text."""
RESERVED = (*SLOTS, TAG)
"""Always tokens of their own, besides those that a config names."""

_SPACE = "\u2581"
_STRETCH_WITH_CASE = re.compile(rb"[^\0]+")
# Tokens of so few letters say nothing about the meaning of a word.
_SPELLING = 2

Side = Literal["source", "target"]


class Tokenizer:
    """One SentencePiece model for both languages (joint), or one for each.

    With a case folder, a source token has a case: its ID is the token's number in the vocabulary
    plus V times its case (see text/case.py), where V is the size of the vocabulary.
    """

    def __init__(
        self,
        models: dict[str, bytes],
        case_folder: CaseFolder | None = None,
        source_words: frozenset[str] | None = None,
    ) -> None:
        """Loads serialized SentencePiece models.

        Args:
            models: {"joint": …}, or {"source": …, "target": …}.
            case_folder: separates the case of source words from their letters.
            source_words: the words of the source text that it was trained on, in lower case. None
                if they are not known.

        Raises:
            UserError: a model is damaged.
        """
        self._models = models
        self._case_folder = case_folder
        self.source_words = source_words
        self._processors = {name: load_processor(name, model) for name, model in models.items()}
        # (name of a model, alpha) -> sampler
        self._samplers: dict[tuple[str, float], SubwordSampler] = {}
        # Side -> the characters that were looked up, and those that the vocabulary lacks.
        self._characters: dict[Side, tuple[set[str], set[str]]] = {
            "source": (set(), set()),
            "target": (set(), set()),
        }
        # Name of a model -> the characters that each token stands for.
        self._token_lengths: dict[str, list[int]] = {}

    @property
    def joint(self) -> bool:
        """Whether both sides share one vocabulary."""
        return "joint" in self._models

    @property
    def source_cases(self) -> int:
        """How many cases a source token can have; 1 if case is not separated from the letters."""
        return 1 if self._case_folder is None else NUM_CASES

    @property
    def slots(self) -> list[str]:
        """The characters of SLOTS that are tokens. The first one always is."""
        processor = self._processor("source")
        return [slot for slot in SLOTS if processor.piece_to_id(slot) != UNK]

    def token_of(self, symbol: str, side: Side) -> int:
        """Returns the token of a reserved or user symbol."""
        return int(self._processor(side).piece_to_id(symbol))

    @property
    def fingerprint(self) -> str:
        """A hash that changes when any token or what it stands for changes."""
        digest = hashlib.sha256()
        for name in sorted(self._models):
            digest.update(name.encode() + self._models[name])
        if self.source_cases > 1:
            digest.update(b"cases")
        return digest.hexdigest()

    def size(self, side: Side) -> int:
        """Returns the number of tokens in the vocabulary."""
        return int(self._processor(side).get_piece_size())

    def encode(self, texts: Sequence[str], side: Side) -> list[list[int]]:
        """Returns the best segmentation of each text, without start and end tokens."""
        # One by one: for a list, the library starts threads. That takes milliseconds, and a text
        # takes microseconds.
        processor = self._processor(side)
        rows = []
        for text in texts:
            folded, cases = self._fold(text, side)
            rows.append(self._with_cases(processor.encode(folded), cases))
        return rows

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
        rows = []
        for text in texts:
            folded, cases = self._fold(text, side)
            tokens = sampler.sample(processor.normalize(folded), rng)
            rows.append(self._with_cases(tokens, cases))
        return rows

    def decode(self, ids: Sequence[Sequence[int]], side: Side = "target") -> list[str]:
        """Returns the text of each row of token IDs. Start, end and padding tokens are ignored."""
        processor = self._processor(side)
        texts = []
        for row in ids:  # one by one, as in `encode`
            content = [token for token in row if token not in (PAD, BOS, EOS)]
            numbers, cases = self._without_cases(content, side)
            text = processor.decode(numbers)
            if self._case_folder is not None and any(cases):
                text = self._case_folder.unfold(text, self._character_cases(numbers, cases))
            texts.append(unescape(text))
        return texts

    def tokens(self, ids: Iterable[int], side: Side) -> list[str]:
        """Returns the tokens as strings. A space is shown as U+2581."""
        processor = self._processor(side)
        numbers, cases = self._without_cases([int(token) for token in ids], side)
        tokens = [processor.id_to_piece(number) for number in numbers]
        if self._case_folder is None or not any(cases):
            return tokens
        unfold = self._case_folder.unfold
        shown = []
        for position, (token, case) in enumerate(zip(tokens, cases, strict=True)):
            # Within a capitalized word, only its first token has the capital.
            starts_word = position == 0 or token.startswith(_SPACE) or not cases[position - 1]
            inside_capitalized = case == CAPITALIZED and not starts_word
            if inside_capitalized or processor.is_byte(numbers[position]):
                case = NO_CASE
            shown.append(unfold(token, bytes([case]) * len(token)))
        return shown

    def offsets(self, ids: Sequence[int], side: Side) -> list[tuple[int, int]]:
        """Returns where the text of each token starts and ends in the text of `decode`.

        The space before a word is not part of it. Start, end and padding tokens are empty. Where
        `decode` has to unescape a character, the offsets after it are one too large.
        """
        numbers, _ = self._without_cases(list(ids), side)
        lengths = self._lengths(side)
        pieces = self._processor(side).id_to_piece(numbers) if numbers else []
        offsets = []
        position = -1  # SentencePiece puts a space before the text, which `decode` drops
        for number, piece in zip(numbers, pieces, strict=True):
            start = position + piece.startswith(_SPACE)
            position += lengths[number]
            offsets.append((max(start, 0), max(position, 0)))
        return offsets

    def unknown_characters(self, text: str, side: Side) -> set[str]:
        """Returns the characters that the vocabulary lacks: spelled in bytes, or <unk>."""
        characters = set(text)
        seen, unknown = self._characters[side]
        unseen = characters - seen
        if unseen:
            processor = self._processor(side)
            letters = [character for character in sorted(unseen) if not character.isspace()]
            for character, ids in zip(letters, self.encode(letters, side), strict=True):
                numbers, _ = self._without_cases(ids, side)
                if any(processor.is_byte(token) or token == UNK for token in numbers):
                    unknown.add(character)
            seen |= unseen
        return characters & unknown

    def is_spelled(self, word: str) -> bool:
        """Tells whether a source word is new and would be read letter by letter.

        A new word of known parts, such as a compound, can be translated by its parts. One of single
        letters cannot: the model would invent a translation.
        """
        if self.source_words is None:
            return False
        folded, _ = self._fold(word, "source")
        if folded.lower() in self.source_words:
            return False
        offsets = self.offsets(self.encode([word], "source")[0], "source")
        lengths = [end - start for start, end in offsets]
        return sum(length for length in lengths if length <= _SPELLING) * 2 >= sum(lengths)

    def bytes_of(self, side: Side) -> dict[int, int]:
        """Returns the tokens that stand for bytes, without case, and the byte of each."""
        processor = self._processor(side)
        bytes_of = {}
        for token, text in enumerate(processor.id_to_piece(list(range(len(processor))))):
            # The first test is only quicker. A user symbol may look like a byte.
            if text.startswith("<0x") and processor.is_byte(token):
                bytes_of[token] = int(text[1:-1], 16)
        return bytes_of

    def save(self, folder: Path) -> None:
        """Writes joint.model, or source.model and target.model, and words.txt.gz.

        Raises:
            OSError: the folder cannot be written.
        """
        for name, model in self._models.items():
            with atomic_write(folder / f"{name}.model", mkdir=True) as file:
                file.write(model)
        if self.source_words is not None:
            save_words(self.source_words, folder / WORDS_FILE)
        # An interrupted training may have left a tokenizer of the other kind.
        for path in folder.glob("*.model"):
            if path.stem not in self._models:
                path.unlink()

    @classmethod
    def load(cls, folder: Path, case_folder: CaseFolder | None = None) -> "Tokenizer":
        """Reads what `save` wrote.

        Args:
            folder: where `save` wrote it.
            case_folder: the one that it was trained with.

        Raises:
            UserError: files are missing or damaged.
        """
        models = {path.stem: path.read_bytes() for path in folder.glob("*.model")}
        if set(models) not in ({"joint"}, {"source", "target"}):
            raise UserError(
                f"{folder} has no tokenizer. It must contain joint.model, or source.model and "
                "target.model."
            )
        return cls(models, case_folder, load_words(folder / WORDS_FILE))

    # -- case --------------------------------------------------------------------------------------

    def _fold(self, text: str, side: Side) -> tuple[str, bytes]:
        """Returns what SentencePiece reads, and the case of each of its characters."""
        escaped = escape(text)
        if side == "target" or self._case_folder is None:
            return escaped, b""
        return self._case_folder.fold(escaped)

    def _with_cases(self, tokens: list[int], cases: bytes) -> list[int]:
        """Adds its case to each token, which is that of its letters.

        Args:
            tokens: the tokens of a text.
            cases: the case of each character of the text.
        """
        if not any(cases):
            return tokens
        size = self.size("source")
        lengths = self._lengths("source")
        # SentencePiece puts a space before the text, so the first token starts before it.
        ends = list(itertools.accumulate((lengths[token] for token in tokens), initial=-1))
        with_cases = list(tokens)
        # Few characters have a case, so the tokens are looked up from there.
        for match in _STRETCH_WITH_CASE.finditer(cases):
            number = bisect.bisect_right(ends, match.start()) - 1
            while number < len(tokens) and ends[number] < match.end():
                part = cases[max(ends[number], 0) : ends[number + 1]]
                with_cases[number] = tokens[number] + size * max(part, default=NO_CASE)
                number += 1
        return with_cases

    def _without_cases(self, ids: list[int], side: Side) -> tuple[list[int], bytes]:
        """Returns the numbers of tokens in the vocabulary, and their cases."""
        if side == "target" or self._case_folder is None:
            return ids, bytes(len(ids))
        size = self.size("source")
        return [token % size for token in ids], bytes(token // size for token in ids)

    def _character_cases(self, numbers: list[int], cases: bytes) -> bytes:
        """Returns the case of each character of a source text, from those of its tokens."""
        lengths = self._lengths("source")
        of_characters = bytearray()
        for number, case in zip(numbers, cases, strict=True):
            of_characters += bytes([case]) * lengths[number]
        return bytes(of_characters[1:])  # without the space before the text

    def _lengths(self, side: Side) -> list[int]:
        """Returns the number of characters that each token stands for.

        The bytes of a character count for the first of them.
        """
        name = self._model_name(side)
        if name not in self._token_lengths:
            self._token_lengths[name] = token_lengths(self._processors[name])
        return self._token_lengths[name]

    # -- models ------------------------------------------------------------------------------------

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
