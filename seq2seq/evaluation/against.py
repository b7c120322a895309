"""The translations of another system, to compare with."""

from pathlib import Path
from typing import Any

from seq2seq.data.sources.files import read_lines
from seq2seq.decoding.loading import load
from seq2seq.errors import UserError
from seq2seq.evaluation.report import Hypotheses
from seq2seq.evaluation.test_set import TestSet
from seq2seq.reporter import Reporter
from seq2seq.run import RunFolder


def other_hypotheses(
    run: RunFolder,
    against: Path,
    test_set: TestSet,
    reporter: Reporter,
    options: dict[str, Any],
) -> Hypotheses:
    """Returns the translations to compare with: of another run, or read from a file.

    Args:
        run: the run that is evaluated.
        against: the folder of another run, or a file of translations.
        test_set: what is translated.
        reporter: receives progress.
        options: options of `load`.

    Raises:
        UserError: the other run has another direction, or the file another number of lines.
    """
    if against.is_dir():
        other = RunFolder.open(against)
        if other.direction != run.direction:
            raise UserError(
                f"{run.path} translates {run.direction} and {against} {other.direction}. "
                "Compare runs of one direction."
            )
        translator = load(against, **options)
        translations = translator.translate(test_set.sources, progress=reporter.progress)
        return Hypotheses(name=str(against), lines=[one.text for one in translations])
    lines = read_lines(against)
    if len(lines) != len(test_set.sources):
        raise UserError(
            f"The numbers of lines differ: {against} has {len(lines):,}, the test set has "
            f"{len(test_set.sources):,}. Give a file with one translation for each source line."
        )
    return Hypotheses(name=str(against), lines=lines)
