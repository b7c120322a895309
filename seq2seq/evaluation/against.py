"""The translations of another system, to compare with."""

from pathlib import Path
from typing import Any

from seq2seq.data.sources.files import read_lines
from seq2seq.decoding.loading import load
from seq2seq.decoding.translator import Translator
from seq2seq.errors import UserError
from seq2seq.evaluation.report import Hypotheses
from seq2seq.evaluation.test_set import TestSet
from seq2seq.onnx_folder import is_onnx_folder
from seq2seq.reporter import Reporter
from seq2seq.run import RunFolder


def other_hypotheses(
    run: RunFolder,
    against: Path,
    test_set: TestSet,
    reporter: Reporter,
    options: dict[str, Any],
) -> Hypotheses:
    """Returns the translations to compare with: of another folder, or read from a file.

    Args:
        run: the run folder or exported folder that is evaluated.
        against: another one, or a file of translations.
        test_set: what is translated.
        reporter: receives progress.
        options: options of `load`.

    Raises:
        UserError: the other folder cannot translate or has another direction, or the file has
            another number of lines.
    """
    translator = load_other(run, against, options)
    if translator is not None:
        translations = translator.translate(test_set.sources, progress=reporter.progress)
        return Hypotheses(name=str(against), lines=[one.text for one in translations])
    lines = read_lines(against)
    if len(lines) != len(test_set.sources):
        raise UserError(
            f"The numbers of lines differ: {against} has {len(lines):,}, the test set has "
            f"{len(test_set.sources):,}. Give a file with one translation for each source line. "
            "--limit takes only some of the lines."
        )
    return Hypotheses(name=str(against), lines=lines)


def load_other(run: RunFolder, against: Path, options: dict[str, Any]) -> Translator | None:
    """Returns the translator of another folder, or None if `against` is a file of translations.

    `device` and `precision` are left out for an exported folder. So a run in one number format can
    be compared with an exported folder in another.

    Args:
        run: the run folder or exported folder that is evaluated.
        against: another one, or a file of translations. The file is not read.
        options: options of `load`.

    Raises:
        UserError: there is no such folder or file, or the folder cannot translate or has another
            direction.
    """
    if not against.exists():
        raise UserError(
            f"There is no {against}. Give a run folder, an exported folder or a file of "
            "translations."
        )
    if not against.is_dir():
        return None
    other = RunFolder.open(against, exported=True)
    if other.direction != run.direction:
        raise UserError(
            f"{run.path} translates {run.direction} and {against} {other.direction}. "
            "Compare translators of one direction."
        )
    if is_onnx_folder(against):
        options = {name: options[name] for name in options if name not in ("device", "precision")}
    return load(against, **options)
