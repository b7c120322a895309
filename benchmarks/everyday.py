"""Translates 100 German words, greetings and short sentences that a visitor types first.

    python benchmarks/everyday.py RUN
    python benchmarks/everyday.py RUN --data-dir DIR --into FILE

everyday.de-en.tsv has them, each with the translations that count as right. It was written before
anybody looked whether a corpus has them. Each translation is of one kind:

    right        an accepted translation, ignoring case and punctuation
    unchanged    the source, left as it is
    empty        no word at all
    known words  every word occurs in the English side of the training text
    German left  a word occurs on the German side only
    invented     a word occurs neither in the training text nor in the source

It prints the shares, the invented translations and the other wrong ones. All of them go into a JSON
file.
"""

import argparse
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from seq2seq.text.normalization import sentence_key

HERE = Path(__file__).resolve().parent
ITEMS = HERE / "everyday.de-en.tsv"

Kind = Literal["right", "unchanged", "empty", "known words", "German left", "invented"]
KINDS: tuple[Kind, ...] = (
    "right",
    "unchanged",
    "empty",
    "known words",
    "German left",
    "invented",
)


@dataclass(frozen=True)
class Item:
    """A German text and the translations that count as right."""

    german: str
    accepted: tuple[str, ...]


@dataclass(frozen=True)
class Judgment:
    """A translation of an item, and its kind."""

    german: str
    translation: str
    kind: Kind
    invented: tuple[str, ...]
    """The words that neither the training text nor the source has."""


def read_items(path: Path = ITEMS) -> list[Item]:
    """Reads lines of a German text, a tab, and accepted translations separated by " | "."""
    items = []
    for line in path.read_text(encoding="utf-8").splitlines():
        german, accepted = line.split("\t")
        items.append(Item(german, tuple(accepted.split(" | "))))
    return items


def words_of(texts: Iterable[str]) -> set[str]:
    """Returns the words of texts, without case and punctuation."""
    words: set[str] = set()
    for text in texts:
        words.update(_words(text))
    return words


def judge(
    item: Item, translation: str, german_words: Collection[str], english_words: Collection[str]
) -> Judgment:
    """Returns the kind of a translation.

    Args:
        item: what was translated.
        translation: the result.
        german_words: `words_of` the German side of the training text.
        english_words: the same for the English side.
    """
    words = _words(translation)
    key = " ".join(words)
    source = set(_words(item.german))
    unknown = [word for word in words if word not in english_words]
    invented = [word for word in unknown if word not in german_words and word not in source]
    kind: Kind
    if key in {" ".join(_words(text)) for text in item.accepted}:
        kind = "right"
    elif not words:
        kind = "empty"
    elif key == " ".join(_words(item.german)):
        kind = "unchanged"
    elif invented:
        kind = "invented"
    elif unknown:
        kind = "German left"
    else:
        kind = "known words"
    return Judgment(item.german, translation, kind, tuple(invented))


def shares(judgments: Sequence[Judgment]) -> dict[Kind, float]:
    """Returns the share of each kind, 0 to 1."""
    counts = dict.fromkeys(KINDS, 0)
    for judgment in judgments:
        counts[judgment.kind] += 1
    return {kind: count / len(judgments) for kind, count in counts.items()}


def evaluate(run_path: Path, data_dir: Path | None) -> list[Judgment]:
    """Translates the items with a run, and judges the translations."""
    # torch is imported only when something is translated.
    import seq2seq
    from seq2seq.data.store import load_corpus
    from seq2seq.run import RunFolder

    run = RunFolder.open(run_path)
    if run.direction != "de-en":
        raise SystemExit(f"{run_path} translates {run.direction}. Give a run from de to en.")
    train = load_corpus(run.config.data, data_dir=data_dir).splits["train"]
    german_words = words_of(train.source)
    english_words = words_of(train.target)
    items = read_items()
    translations = seq2seq.load(run_path)([item.german for item in items])
    judgments = []
    for item, translation in zip(items, translations, strict=True):
        judgments.append(judge(item, translation, german_words, english_words))
    return judgments


def report_lines(judgments: Sequence[Judgment]) -> list[str]:
    """Returns the lines to print."""
    lines = [f"{kind:12} {share:6.1%}" for kind, share in shares(judgments).items()]
    for kind in reversed(KINDS[1:]):
        for judgment in judgments:
            if judgment.kind == kind:
                words = f"  ({', '.join(judgment.invented)})" if judgment.invented else ""
                lines.append(f"{kind}: {judgment.german} -> {judgment.translation}{words}")
    return lines


def _words(text: str) -> list[str]:
    return sentence_key(text.replace("'", "").replace("’", "")).split() if _has_word(text) else []


def _has_word(text: str) -> bool:
    return any(character.isalnum() for character in text)


def main() -> None:
    """Judges a run, prints the result and writes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--data-dir", type=Path, help="a folder with the training corpus")
    parser.add_argument("--into", type=Path, help="the JSON file; RUN/everyday.json by default")
    arguments = parser.parse_args()
    judgments = evaluate(arguments.run, arguments.data_dir)
    print("\n".join(report_lines(judgments)))
    result = {
        "shares": shares(judgments),
        "translations": [asdict(judgment) for judgment in judgments],
    }
    into = arguments.into or arguments.run / "everyday.json"
    into.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
