"""The test set of an evaluation: a split of the run's corpus, or the user's own files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seq2seq.data.sources.files import read_lines
from seq2seq.data.store import load_corpus
from seq2seq.errors import UserError
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder


@dataclass(frozen=True)
class TestSet:
    """N source texts and R reference sets of N texts, raw as in their files."""

    __test__ = False  # keeps pytest from collecting this class

    name: str
    sources: list[str]
    references: list[list[str]]

    def __post_init__(self) -> None:
        if not self.sources:
            raise UserError(f"The test set '{self.name}' is empty: there is nothing to translate.")
        for number, lines in enumerate(self.references, start=1):
            if len(lines) != len(self.sources):
                raise UserError(
                    f"The numbers of lines differ: reference {number} has {len(lines):,}, the "
                    f"source has {len(self.sources):,}. Each line of a reference must translate "
                    "the same line of the source."
                )

    def first(self, count: int) -> "TestSet":
        """Returns the first `count` sentences."""
        references = [lines[:count] for lines in self.references]
        return TestSet(self.name, self.sources[:count], references)


def load_split(
    run: RunFolder, split: str, data_dir: Path | None = None, reporter: Reporter = SILENT
) -> TestSet:
    """Returns a split of the corpus that a run was trained on.

    A test split of the first of several corpora is read without the others, which need not be
    there.

    Raises:
        UserError: there is no such split or corpus, or a corpus has mistakes.
    """
    if split not in ("train", "valid") and not split.startswith("test"):
        # Fetching a corpus may take long.
        raise UserError(
            f"There is no split '{split}'. A corpus has the splits train, valid and test, and more "
            "test splits if it has other test files, such as test-help."
        )
    data = run.config.data
    # The fallback replaces all corpora, so whether it is needed depends on all of them.
    first_is_enough = split.startswith("test") and data.fallback is None
    shares = data.corpora[:1] if first_is_enough else data.corpora
    corpus = load_corpus(data.replace(corpora=shares), data_dir=data_dir, reporter=reporter)
    if split not in corpus.splits and shares != data.corpora:
        corpus = load_corpus(data, data_dir=data_dir, reporter=reporter)
    if split not in corpus.splits:
        raise UserError(
            f"{corpus.name} has no split '{split}'. Its splits are: {', '.join(corpus.splits)}."
        )
    pairs = corpus.splits[split]
    return TestSet(split, pairs.source, [pairs.target])


def load_test_splits(
    run: RunFolder, data_dir: Path | None = None, reporter: Reporter = SILENT
) -> list[TestSet]:
    """Returns all test splits of the corpus that a run was trained on, `test` first."""
    corpus = load_corpus(run.config.data, data_dir=data_dir, reporter=reporter)
    return [
        TestSet(name, pairs.source, [pairs.target])
        for name, pairs in corpus.splits.items()
        if name.startswith("test")
    ]


def load_files(source: Path, references: Sequence[Path]) -> TestSet:
    """Returns a test set of the user's own files."""
    # "file-" keeps a file called test.de apart from the corpus's own test split.
    name = "file-" + re.sub(r"[^\w.-]+", "-", source.stem)
    return TestSet(name, read_lines(source), [read_lines(file) for file in references])
