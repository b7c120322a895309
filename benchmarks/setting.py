"""What every measurement shares: the text, the vocabulary, the sizes.

Multi30k de-en; one joint unigram vocabulary of 8,000 pieces; embeddings 256, encoder 2 layers of 2 x 256, decoder 2 layers
of 512, dropout 0.3; batches of 128 sentences; 2 threads. The text is written once, plain and in pieces, into a work
folder, and every system reads it from there.
"""

import os
import platform
import statistics
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

THREADS = 2
BATCH = 128
PIECES = 8000
WORK = Path(__file__).resolve().parent / "work"  # git-ignored
SPLITS = ("train", "valid", "test")

OURS: dict[str, Any] = {
    "data": {"corpus": "multi30k-de-en", "source": "de", "target": "en"},
    "tokenizer": {"vocab_size": PIECES, "copy_share": 0.0},
    "batching": {"tokens": BATCH * 128, "sentences": BATCH},
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


@dataclass(frozen=True)
class Encoded:
    """The pairs of a split as piece numbers, without start and end."""

    source: list[list[int]]
    target: list[list[int]]


def write_text() -> Path:
    """The corpus as plain lines (SPLIT.de, SPLIT.en), in pieces (SPLIT.sp.de, …), and the vocabulary, into WORK/data.

    The pieces are those of this project's tokenizer for the same text; returns the folder.
    """
    from seq2seq import pipeline
    from seq2seq.config import parse_config

    folder = WORK / "data"
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    prepared = pipeline.prepare(parse_config(OURS, "the benchmark's config"), say=print)
    tokenizer = prepared.tokenizer
    tokenizer.save(folder / "tokenizer")
    for name in SPLITS:
        pairs = prepared.corpus.splits[name]
        for language, texts in (("de", pairs.source), ("en", pairs.target)):
            (folder / f"{name}.{language}").write_text("".join(f"{t}\n" for t in texts), encoding="utf-8")
            encoded = tokenizer.encode(texts, "source" if language == "de" else "target")
            rows = (" ".join(tokenizer.pieces(ids, "source")) for ids in encoded)
            (folder / f"{name}.sp.{language}").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    pieces = tokenizer.pieces(range(4, tokenizer.size("source")), "source")
    (folder / "vocabulary.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    (folder / "done").touch()
    return folder


def encoded(split: str) -> Encoded:
    """A split in numbers."""
    from seq2seq.data.tokenizer import Tokenizer

    folder = write_text()
    tokenizer = Tokenizer.load(folder / "tokenizer")
    source, target = ((folder / f"{split}.{code}").read_text(encoding="utf-8").splitlines() for code in ("de", "en"))
    return Encoded(tokenizer.encode(source, "source"), tokenizer.encode(target, "target"))


def about() -> dict[str, Any]:
    """The machine, the versions, the commit, the day."""
    from seq2seq.run import environment

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        **environment(),
        "threads": THREADS,
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.system(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def spread(values: list[float]) -> dict[str, Any]:
    """Median, lowest and highest of some repeats, and the repeats."""
    return {
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
        "repeats": values,
    }
