from seq2seq.data.corpus import Corpus
from seq2seq.data.pairs import Pairs
from seq2seq.data.stats import count_lines, histogram_lines, overlap_lines, sample_lines, side_stats

CORPUS = Corpus(
    name="made-up",
    source_language="de",
    target_language="en",
    splits={
        "train": Pairs(source=["Hallo Welt!", "Guten Tag", "Ja ja ja"], target=["Hello world!", "Good day", "Yes"]),
        "test": Pairs(source=["hallo welt", "Nein"], target=["Greetings", "yes!"]),
    },
)


def test_side_stats() -> None:
    stats = side_stats(CORPUS.splits["train"].source)
    assert (stats.words, stats.characters, stats.distinct_words, stats.longest) == (7, 28, 6, 3)


def test_count_lines() -> None:
    lines = [line.split() for line in count_lines(CORPUS)]
    assert lines[1] == ["train", "3", "de", "7", "2.3", "9.3", "3", "6"]
    assert lines[2] == ["en", "5", "1.7", "7.7", "2", "5"]
    assert lines[3][:2] == ["test", "2"]


def test_overlap_is_found_on_either_side() -> None:
    assert overlap_lines(CORPUS) == ["test: 1 de and 1 en sentences are in train too, in 2 of 2 pairs (100.0%)"]


def test_histogram_counts_every_sentence_once() -> None:
    lengths = [1] * 50 + [2] * 100 + [30] * 25 + [500]
    lines = histogram_lines(lengths, width=10)
    counts = [int(line.split()[-2].replace(",", "")) for line in lines]
    assert sum(counts) == len(lengths)
    assert counts[-1] == 1
    assert lines[-1].split()[0].endswith("+")
    assert lines[0].count("█") == 10  # the tallest bar fills the width
    assert len(lines) <= 14


def test_histogram_of_nothing_and_of_one_length() -> None:
    assert histogram_lines([]) == ["(no sentences)"]
    (line,) = [line for line in histogram_lines([3, 3]) if "100.0%" in line]
    assert line.split()[0] == "3"


def test_samples_depend_on_the_seed_alone() -> None:
    assert sample_lines(CORPUS, count=1, seed=5) == sample_lines(CORPUS, count=1, seed=5)
    lines = sample_lines(CORPUS, count=10)
    assert lines[:2] == ["de: Hallo Welt!", "en: Hello world!"]
    assert len(lines) == 3 * 3 - 1
    assert sample_lines(CORPUS, "valid") == []
