"""What is translated and scored: a split of the corpus that a run was trained on, or files of a person's own."""

import re
from dataclasses import dataclass
from pathlib import Path

from seq2seq.data.corpora import load_corpus
from seq2seq.data.corpus import Say
from seq2seq.data.sources.files import read_lines
from seq2seq.errors import UserError
from seq2seq.run import RunFolder


@dataclass(frozen=True)
class TestSet:
    """N source texts and R reference sets of N texts, raw as in their files."""

    __test__ = False  # no test class, whatever pytest thinks of its name

    name: str
    sources: list[str]
    references: list[list[str]]

    def __post_init__(self) -> None:
        if not self.sources:
            raise UserError(f"The test set '{self.name}' is empty: there is nothing to translate and score.")
        for number, lines in enumerate(self.references, start=1):
            if len(lines) != len(self.sources):
                raise UserError(
                    f"Reference {number} has {len(lines):,} lines, the source {len(self.sources):,}: they must be "
                    "line by line."
                )


def split_of(run_folder: Path, split: str, data_dir: Path | None, say: Say) -> TestSet:
    """A split of the corpus that a run was trained on."""
    corpus = load_corpus(RunFolder.open(run_folder).config().data, data_dir=data_dir, say=say)
    if split not in corpus.splits:
        raise UserError(f"{corpus.name} has no split '{split}'; there are: {', '.join(corpus.splits)}.")
    pairs = corpus.splits[split]
    return TestSet(split, pairs.source, [pairs.target])


def test_sets_of(run_folder: Path, data_dir: Path | None, say: Say) -> list[TestSet]:
    """All test parts of the corpus that a run was trained on, `test` first."""
    splits = load_corpus(RunFolder.open(run_folder).config().data, data_dir=data_dir, say=say).splits
    return [TestSet(name, p.source, [p.target]) for name, p in splits.items() if name.startswith("test")]


def files_of(source: Path, references: list[Path]) -> TestSet:
    """A test set of a person's own files."""
    # "file-" keeps a file called test.de apart from the corpus's own test split.
    name = "file-" + re.sub(r"[^\w.-]+", "-", source.stem)
    return TestSet(name, read_lines(source), [read_lines(reference) for reference in references])
