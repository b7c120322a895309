"""Statistics of a corpus as lines of text: counts, lengths, overlap, samples."""

import random
from collections import Counter
from dataclasses import dataclass

from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.splitting import sentence_keys
from seq2seq.text.normalization import sentence_key

# The last cell of a bar, in eighths.
_BLOCKS = " ▏▎▍▌▋▊▉█"
_HEADER = (
    "split",
    "pairs",
    "language",
    "words",
    "words/pair",
    "characters/pair",
    "longest",
    "distinct words",
)
_LEFT_ALIGNED = ("split", "language")


@dataclass(frozen=True, kw_only=True)
class SideStats:
    """One language of one split. Words are separated by white space."""

    words: int
    """Words in all sentences."""
    characters: int
    """Characters in all sentences."""
    distinct_words: int
    """Different words, as written."""
    longest: int
    """Words in the longest sentence."""


def side_stats(texts: list[str]) -> SideStats:
    """Counts the words and characters of one side."""
    counts: Counter[str] = Counter()
    longest = 0
    for text in texts:
        words = text.split()
        counts.update(words)
        longest = max(longest, len(words))
    return SideStats(
        words=counts.total(),
        characters=sum(map(len, texts)),
        distinct_words=len(counts),
        longest=longest,
    )


def count_lines(corpus: Corpus) -> list[str]:
    """Makes a table of the pairs in each split and of the words in each language."""
    rows = [_HEADER]
    for split, pairs in corpus.splits.items():
        size = f"{len(pairs):,}"
        rows.append((split, size, *_side_cells(corpus.source_language, pairs.source)))
        rows.append(("", "", *_side_cells(corpus.target_language, pairs.target)))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for title, cell, width in zip(_HEADER, row, widths, strict=True):
            cells.append(cell.ljust(width) if title in _LEFT_ALIGNED else cell.rjust(width))
        lines.append("  ".join(cells).rstrip())
    return lines


def _side_cells(language: str, texts: list[str]) -> tuple[str, str, str, str, str, str]:
    stats = side_stats(texts)
    size = max(1, len(texts))
    return (
        language,
        f"{stats.words:,}",
        f"{stats.words / size:.1f}",
        f"{stats.characters / size:.1f}",
        f"{stats.longest:,}",
        f"{stats.distinct_words:,}",
    )


def histogram_lines(lengths: list[int], *, width: int = 50, max_bins: int = 12) -> list[str]:
    """Draws how many sentences have which length.

    There is one bar for each range of lengths. The ranges have the same size and cover 99% of the
    sentences; one more bar counts the longer ones, so that a very long sentence does not flatten
    the picture.

    Args:
        lengths: the length of each sentence.
        width: the width of the longest bar, in characters.
        max_bins: most ranges, without the last bar.
    """
    if not lengths:
        return ["(no sentences)"]
    percentile = sorted(lengths)[min(len(lengths) - 1, int(len(lengths) * 0.99))]
    step = max(1, -(-(percentile + 1) // max_bins))
    num_bins = percentile // step + 1
    counts = Counter(min(length // step, num_bins) for length in lengths)
    highest = max(counts.values())
    lines = []
    for index in range(num_bins + 1):
        is_rest = index == num_bins
        if is_rest and not counts[index]:
            continue
        name = _range_name(index * step, step, is_rest)
        bar = _bar(counts[index] / highest, width)
        share = counts[index] / len(lengths)
        lines.append(f"{name:>9} {bar:<{width}} {counts[index]:>9,} {share:>6.1%}")
    return lines


def _range_name(low: int, step: int, is_rest: bool) -> str:
    if is_rest:
        return f"{low}+"
    return str(low) if step == 1 else f"{low}-{low + step - 1}"


def _bar(fraction: float, width: int) -> str:
    """Draws a bar of `fraction` times `width` cells, exact to an eighth of a cell.

    Only the bar of 0 is empty.
    """
    eighths = round(fraction * width * 8)
    if fraction > 0:
        eighths = max(1, eighths)
    return (_BLOCKS[8] * (eighths // 8) + _BLOCKS[eighths % 8]).rstrip()


def overlap_lines(corpus: Corpus) -> list[str]:
    """Counts the sentences of the other splits that also occur in train.

    Case and punctuation are ignored.
    """
    if "train" not in corpus.splits:
        return []
    sources, targets = sentence_keys([corpus.splits["train"]])
    lines = []
    for split, pairs in corpus.splits.items():
        if split == "train" or not len(pairs):
            continue
        in_source = [sentence_key(text) in sources for text in pairs.source]
        in_target = [sentence_key(text) in targets for text in pairs.target]
        either = sum(a or b for a, b in zip(in_source, in_target, strict=True))
        lines.append(
            f"{split}: {sum(in_source):,} {corpus.source_language} and {sum(in_target):,} "
            f"{corpus.target_language} sentences also occur in train, in {either:,} of "
            f"{len(pairs):,} pairs ({either / len(pairs):.1%})"
        )
    return lines


def sample_lines(
    corpus: Corpus, split: str = "train", *, count: int = 5, seed: int = 1
) -> list[str]:
    """Shows `count` pairs of a split. The same seed chooses the same pairs."""
    pairs = corpus.splits.get(split, Pairs(source=[], target=[]))
    count = min(count, len(pairs))
    lines = []
    for index in sorted(random.Random(seed).sample(range(len(pairs)), count)):
        lines += [
            f"{corpus.source_language}: {pairs.source[index]}",
            f"{corpus.target_language}: {pairs.target[index]}",
            "",
        ]
    return lines[:-1]
