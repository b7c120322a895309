"""Figures about a corpus, as lines of text for the terminal: counts, lengths, overlap, samples."""

import random
from collections import Counter
from dataclasses import dataclass

from seq2seq.data.cleaning import sentence_key
from seq2seq.data.corpus import Corpus
from seq2seq.data.pairs import Pairs
from seq2seq.data.splitting import keys_of

_BLOCKS = " ▏▎▍▌▋▊▉█"
"""A bar's last cell, in eighths."""


@dataclass(frozen=True, kw_only=True)
class SideStats:
    """One language of one split."""

    words: int
    """Words divided by white space, over all sentences."""
    characters: int
    """Characters over all sentences."""
    distinct_words: int
    """Different words, as written."""
    longest: int
    """Words of the longest sentence."""


def side_stats(texts: list[str]) -> SideStats:
    """Figures about the texts of one side."""
    counts: Counter[str] = Counter()
    longest = 0
    for text in texts:
        words = text.split()
        counts.update(words)
        longest = max(longest, len(words))
    return SideStats(words=counts.total(), characters=sum(map(len, texts)), distinct_words=len(counts), longest=longest)


def count_lines(corpus: Corpus) -> list[str]:
    """A table: for each split the pairs, and for each language words, mean length and different words."""
    rows = [("split", "pairs", "language", "words", "words/pair", "characters/pair", "longest", "different words")]
    for split, pairs in corpus.splits.items():
        sides = ((corpus.source_language, pairs.source), (corpus.target_language, pairs.target))
        for number, (language, texts) in enumerate(sides):
            stats = side_stats(texts)
            size = max(1, len(pairs))
            rows.append(
                (
                    split if number == 0 else "",
                    f"{len(pairs):,}" if number == 0 else "",
                    language,
                    f"{stats.words:,}",
                    f"{stats.words / size:.1f}",
                    f"{stats.characters / size:.1f}",
                    f"{stats.longest:,}",
                    f"{stats.distinct_words:,}",
                )
            )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = (0, 2)  # columns of names; the others are numbers
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def histogram_lines(lengths: list[int], *, width: int = 50, max_bins: int = 12) -> list[str]:
    """How many sentences are how long: a bar for each range of words, the last for all that are longer.

    The ranges are of equal size and reach to where 99 % of the sentences lie, so that one very long sentence does not
    flatten the picture.
    """
    if not lengths:
        return ["(no sentences)"]
    high = sorted(lengths)[min(len(lengths) - 1, int(len(lengths) * 0.99))]
    step = max(1, -(-(high + 1) // max_bins))
    num_bins = high // step + 1
    counts = Counter(min(length // step, num_bins) for length in lengths)
    tallest = max(counts.values())
    lines = []
    for index in range(num_bins + (1 if counts[num_bins] else 0)):
        low, top = index * step, index * step + step - 1
        name = f"{low}+" if index == num_bins else str(low) if step == 1 else f"{low}-{top}"
        share = counts[index] / len(lengths)
        lines.append(f"{name:>9} {_bar(counts[index] / tallest, width):<{width}} {counts[index]:>9,} {share:>6.1%}")
    return lines


def _bar(fraction: float, width: int) -> str:
    """A bar of `fraction` times `width` cells, exact to an eighth; something is seen of every number but 0."""
    eighths = round(fraction * width * 8)
    if fraction > 0:
        eighths = max(1, eighths)
    return (_BLOCKS[8] * (eighths // 8) + _BLOCKS[eighths % 8]).rstrip()


def overlap_lines(corpus: Corpus) -> list[str]:
    """For each split but train: how many of its sentences train has too, apart from case and punctuation."""
    if "train" not in corpus.splits:
        return []
    sources, targets = keys_of([corpus.splits["train"]])
    lines = []
    for split, pairs in corpus.splits.items():
        if split == "train" or not len(pairs):
            continue
        source_shared = [sentence_key(text) in sources for text in pairs.source]
        target_shared = [sentence_key(text) in targets for text in pairs.target]
        either = sum(a or b for a, b in zip(source_shared, target_shared, strict=True))
        lines.append(
            f"{split}: {sum(source_shared):,} {corpus.source_language} and {sum(target_shared):,} "
            f"{corpus.target_language} sentences are in train too, in {either:,} of {len(pairs):,} pairs "
            f"({either / len(pairs):.1%})"
        )
    return lines


def sample_lines(corpus: Corpus, split: str = "train", *, count: int = 5, seed: int = 1) -> list[str]:
    """Some pairs of a split, chosen by `seed`."""
    pairs = corpus.splits.get(split, Pairs(source=[], target=[]))
    chosen = sorted(random.Random(seed).sample(range(len(pairs)), min(count, len(pairs))))
    lines = []
    for index in chosen:
        lines += [
            f"{corpus.source_language}: {pairs.source[index]}",
            f"{corpus.target_language}: {pairs.target[index]}",
            "",
        ]
    return lines[:-1]
