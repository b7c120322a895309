"""What all measurements share: the text, the vocabulary, the sizes.

Multi30k de-en; one joint unigram vocabulary of 8,000 tokens; embeddings of 256, an encoder of 2
layers of 2 x 256, a decoder of 2 layers of 512, dropout 0.3; batches of 128 sentences; 2 threads.
The text is written once into a work folder, plain and as tokens, and every system reads it there.
"""

import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq.config.augment import NO_NOISE

if TYPE_CHECKING:
    from seq2seq.text.tokenizer import Side, Tokenizer

THREADS = 2
BATCH_SENTENCES = 128
VOCAB_SIZE = 8000
WORK = Path(__file__).resolve().parent / "work"  # git-ignored
SPLITS = ("train", "valid", "test")

OUR_CONFIG: dict[str, Any] = {
    "data": {
        "corpus": "multi30k-de-en",
        "source": "de",
        "target": "en",
        "augment": NO_NOISE.model_dump(),
    },
    "tokenizer": {"vocab_size": VOCAB_SIZE},
    # The other systems read the same tokens, without slots and cases.
    "text": {"case": "cased", "spans": False, "unknown_words": "translate"},
    "batching": {"max_tokens": BATCH_SENTENCES * 128, "max_sentences": BATCH_SENTENCES},
    "model": {
        "family": "lstm",
        "embedding_size": 256,
        "hidden_size": 512,
        "encoder_layers": 2,
        "dropout": 0.3,
        "word_dropout": 0.0,
        "tie_embeddings": "none",
    },
    "training": {"budget": {"steps": 1000}},
}
"""The config of this project at the sizes of all systems."""


@dataclass(frozen=True)
class EncodedSplit:
    """The pairs of a split as token IDs, without start and end tokens."""

    source: list[list[int]]
    target: list[list[int]]


def write_text() -> Path:
    """Writes the text and the vocabulary, and returns their folder.

    For every split there are SPLIT.de and SPLIT.en (plain lines) and SPLIT.sp.de and SPLIT.sp.en
    (tokens of this project's tokenizer), and for all of them vocabulary.txt and tokenizer/.
    """
    from seq2seq import api
    from seq2seq.config import parse_config

    folder = WORK / "data"
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    prepared = api.prepare(parse_config(OUR_CONFIG, "the benchmark's config"))
    tokenizer = prepared.tokenizer
    tokenizer.save(folder / "tokenizer")
    for name in SPLITS:
        pairs = prepared.corpus.splits[name]
        for language, texts in (("de", pairs.source), ("en", pairs.target)):
            _write_lines(folder / f"{name}.{language}", texts)
            side: Side = "source" if language == "de" else "target"
            _write_lines(folder / f"{name}.sp.{language}", to_tokens(tokenizer, texts, side))
    # The first four tokens are special, and every toolkit adds its own.
    vocabulary = tokenizer.tokens(range(4, tokenizer.size("source")), "source")
    _write_lines(folder / "vocabulary.txt", vocabulary)
    (folder / "done").touch()
    return folder


def to_tokens(tokenizer: "Tokenizer", texts: Sequence[str], side: "Side") -> list[str]:
    """Returns each text as its tokens, with spaces between them. A space in it is U+2581."""
    return [" ".join(tokenizer.tokens(ids, side)) for ids in tokenizer.encode(texts, side)]


def from_tokens(tokenizer: "Tokenizer", lines: Iterable[str]) -> list[str]:
    """Returns the text of each line of target tokens, which have spaces between them."""
    ids = []
    for line in lines:
        tokens = line.split(" ") if line else []
        ids.append([tokenizer.token_of(token, "target") for token in tokens])
    return tokenizer.decode(ids, "target")


def read_tokenizer() -> "Tokenizer":
    """The tokenizer that all systems share."""
    from seq2seq.text.tokenizer import Tokenizer

    return Tokenizer.load(write_text() / "tokenizer")


def read_test_sources() -> list[str]:
    """The source sentences of the test split."""
    return (write_text() / "test.de").read_text(encoding="utf-8").splitlines()


def read_encoded(split: str) -> EncodedSplit:
    """A split as token IDs."""
    folder = write_text()
    tokenizer = read_tokenizer()
    source = (folder / f"{split}.de").read_text(encoding="utf-8").splitlines()
    target = (folder / f"{split}.en").read_text(encoding="utf-8").splitlines()
    return EncodedSplit(tokenizer.encode(source, "source"), tokenizer.encode(target, "target"))


def describe_machine() -> dict[str, Any]:
    """Machine, versions, commit, date and load."""
    from seq2seq.run import environment

    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False)
    return {
        **environment(),
        "threads": THREADS,
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.system(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def summarize(values: Sequence[float]) -> dict[str, Any]:
    """Median, lowest and highest of some repeats, and the repeats."""
    return {
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
        "repeats": list(values),
    }


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
