"""Translates words that the model cannot know, each alone, and counts what it makes of them.

    python benchmarks/hallucination.py RUN
    python benchmarks/hallucination.py RUN --words FILE --into FILE

foreign-words.txt has 300 words of ten languages, and none of them is German. Another list has one
text a line, and its language after a tab if it is known. Each translation is of one kind:

    given back  the source, ignoring case and punctuation
    short       at most three words, and at most three times the characters of the source
    made up     longer
    empty       no word at all

The best a model can do is to give a word back. A long translation is always made up.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from seq2seq.text.normalization import sentence_key

WORDS = Path(__file__).resolve().parent / "foreign-words.txt"

_MOST_WORDS = 3
_MOST_TIMES = 3

Kind = Literal["given back", "short", "made up", "empty"]
KINDS: tuple[Kind, ...] = ("given back", "short", "made up", "empty")


@dataclass(frozen=True)
class Judgment:
    """A translation and its kind."""

    source: str
    language: str
    translation: str
    kind: Kind


def read_words(path: Path) -> list[tuple[str, str]]:
    """Reads lines of a text, and its language after a tab. The language may be left out."""
    words = []
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, language = line.partition("\t")
        if word.strip():
            words.append((word, language))
    return words


def kind_of(source: str, translation: str) -> Kind:
    """Returns the kind of a translation. A source of several words may be given back as well."""
    key = sentence_key(translation)
    if not any(character.isalnum() for character in key):
        return "empty"
    if key == sentence_key(source):
        return "given back"
    is_long = len(translation) > _MOST_TIMES * len(source)
    return "made up" if is_long or len(translation.split()) > _MOST_WORDS else "short"


def shares(judgments: Sequence[Judgment]) -> dict[Kind, float]:
    """Returns the share of each kind, 0 to 1."""
    counts = dict.fromkeys(KINDS, 0)
    for judgment in judgments:
        counts[judgment.kind] += 1
    return {kind: count / max(len(judgments), 1) for kind, count in counts.items()}


def evaluate(run_path: Path, words: Sequence[tuple[str, str]]) -> list[Judgment]:
    """Translates the words with a run, and judges the translations."""
    import seq2seq  # torch is imported only when something is translated

    translations = seq2seq.load(run_path)([word for word, _ in words])
    judgments = []
    for (word, language), translation in zip(words, translations, strict=True):
        judgments.append(Judgment(word, language, translation, kind_of(word, translation)))
    return judgments


def summary(judgments: Sequence[Judgment]) -> str:
    """Returns the line to print."""
    parts = [f"{kind} {share:.1%}" for kind, share in shares(judgments).items()]
    return f"{len(judgments)} texts: {', '.join(parts)}"


def main() -> None:
    """Judges a run, prints the result and writes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--words", type=Path, default=WORDS, help="one text a line")
    parser.add_argument(
        "--into", type=Path, help="the JSON file; RUN/hallucination.json by default"
    )
    arguments = parser.parse_args()
    judgments = evaluate(arguments.run, read_words(arguments.words))
    by_language = {}
    for language in sorted({judgment.language for judgment in judgments}):
        by_language[language] = shares([item for item in judgments if item.language == language])
    result = {
        "shares": shares(judgments),
        "by_language": by_language,
        "translations": [asdict(judgment) for judgment in judgments],
    }
    into = arguments.into or arguments.run / "hallucination.json"
    into.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(summary(judgments))


if __name__ == "__main__":
    main()
