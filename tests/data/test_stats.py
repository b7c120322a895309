"""Statistics of a corpus as lines of text."""

from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.stats import (
    count_lines,
    histogram_lines,
    overlap_lines,
    sample_lines,
    side_stats,
)

CORPUS = Corpus(
    name="tiny",
    source_language="de",
    target_language="en",
    splits={
        "train": Pairs(
            source=["Hallo Welt!", "Guten Tag", "Ja ja ja"],
            target=["Hello world!", "Good day", "Yes"],
        ),
        "test": Pairs(source=["hallo welt", "Nein"], target=["Greetings", "yes!"]),
    },
)


def test_side_stats() -> None:
    stats = side_stats(CORPUS.splits["train"].source)
    assert stats.words == 7
    assert stats.characters == 28
    assert stats.distinct_words == 6
    assert stats.longest == 3


def test_count_lines_have_one_row_for_each_side() -> None:
    rows = [line.split() for line in count_lines(CORPUS)]
    assert rows[1] == ["train", "3", "de", "7", "2.3", "9.3", "3", "6"]
    assert rows[2] == ["en", "5", "1.7", "7.7", "2", "5"]
    assert rows[3][:2] == ["test", "2"]


def test_count_lines_are_aligned() -> None:
    header, first, *_ = count_lines(CORPUS)
    assert header.index("language") == first.index("de")
    assert header.index("pairs") + len("pairs") == first.index("3") + 1


def test_overlap_is_found_on_either_side() -> None:
    (line,) = overlap_lines(CORPUS)
    assert line == "test: 1 de and 1 en sentences also occur in train, in 2 of 2 pairs (100.0%)"


LENGTHS = [1] * 50 + [2] * 100 + [30] * 25 + [500]


def test_a_histogram_counts_every_sentence_once() -> None:
    lines = histogram_lines(LENGTHS, width=10)
    counts = [int(line.split()[-2].replace(",", "")) for line in lines]
    assert sum(counts) == len(LENGTHS)


def test_the_last_bar_counts_the_longest_sentences() -> None:
    *_, last = histogram_lines(LENGTHS, width=10)
    name, *_, count, _ = last.split()
    assert name.endswith("+")
    assert count == "1"


def test_the_longest_bar_fills_the_width() -> None:
    assert histogram_lines(LENGTHS, width=10)[0].count("█") == 10


def test_a_histogram_has_few_lines() -> None:
    assert len(histogram_lines(LENGTHS, width=10)) <= 14


def test_a_histogram_of_nothing() -> None:
    assert histogram_lines([]) == ["(no sentences)"]


def test_a_histogram_of_one_length() -> None:
    (line,) = [line for line in histogram_lines([3, 3]) if "100.0%" in line]
    assert line.split()[0] == "3"


def test_samples_depend_only_on_the_seed() -> None:
    assert sample_lines(CORPUS, count=1, seed=5) == sample_lines(CORPUS, count=1, seed=5)


def test_samples_show_both_sides() -> None:
    lines = sample_lines(CORPUS, count=10)
    assert lines[:2] == ["de: Hallo Welt!", "en: Hello world!"]
    assert len(lines) == 3 * 3 - 1


def test_samples_of_a_missing_split() -> None:
    assert sample_lines(CORPUS, "valid") == []
