"""The report of an evaluation: building it and writing it into the run folder."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq.errors import UserError
from seq2seq.evaluation.metric_table import METRICS
from seq2seq.evaluation.metrics import (
    BOOTSTRAP_SEED,
    NUM_RESAMPLES,
    SufficientStatistics,
    compute_statistics,
    metric_score,
    one_line,
    scores_from,
)
from seq2seq.evaluation.significance import check_same_number, paired_comparison
from seq2seq.evaluation.tokenization import DEFAULT_TOKENIZATION
from seq2seq.files import atomic_write_text
from seq2seq.run import RunFolder
from seq2seq.text.scripts import count_words

Report = dict[str, Any]
"""Plain dicts, lists, strings and numbers, as in evaluation.json."""

SOURCE_LENGTHS = (
    (0, 0),
    (1, 5),
    (6, 10),
    (11, 15),
    (16, 20),
    (21, 30),
    (31, 50),
    (51, None),
)
"""Ranges of source lengths in words (see `count_words`), both ends included. None means no limit.

Empty lines have a range, so that the ranges together have all sentences."""


@dataclass(frozen=True, kw_only=True)
class Hypotheses:
    """The translations of another system, to compare with."""

    name: str
    """The system's name in the report: a run folder or a file name."""
    lines: list[str]
    """One translation for each source line of the evaluation, in the same order."""


def build_report(
    sources: list[str],
    hypotheses: list[str],
    references: list[list[str]],
    *,
    seconds: float,
    tokenization: str = DEFAULT_TOKENIZATION,
    lowercase: bool = False,
    against: Hypotheses | None = None,
    extra: dict[str, Any] | None = None,
    bootstrap: int = NUM_RESAMPLES,
    seed: int = BOOTSTRAP_SEED,
) -> Report:
    """Scores N translations.

    Args:
        sources: N source lines.
        hypotheses: N translations.
        references: R reference sets of N lines each.
        seconds: how long translating took. With 0, `sentences_per_second` is None.
        tokenization: how BLEU splits text, a name of sacreBLEU. It holds for `against` too.
        lowercase: add `bleu_lowercase`.
        against: another system. Adds a paired bootstrap test.
        extra: keys that the caller adds at the end.
        bootstrap: number of resamples. 0 means no intervals, which excludes `against`.
        seed: seed of the resamples.

    Raises:
        UserError: there is nothing to score, or the numbers of lines differ.
        ValueError: the calling code is wrong.
    """
    if len(sources) != len(hypotheses):
        raise ValueError(
            f"{len(hypotheses)} hypotheses for {len(sources)} source lines; the numbers must be "
            "equal"
        )
    if against is not None:
        check_same_number(against.name, against.lines, hypotheses)
    statistics = compute_statistics(hypotheses, references, tokenization=tokenization)
    scores = scores_from(statistics, bootstrap=bootstrap, seed=seed).to_dict()
    report: Report = {"bleu": scores.pop("bleu")}
    if lowercase:
        lowercase_statistics = compute_statistics(
            hypotheses, references, tokenization=tokenization, lowercase=True, metrics=("bleu",)
        )
        lowercase_bleu = metric_score(lowercase_statistics["bleu"], bootstrap=bootstrap, seed=seed)
        report["bleu_lowercase"] = asdict(lowercase_bleu)
    report.update(scores)
    report["tokenization"] = tokenization
    report["num_references"] = len(references)
    report["seconds"] = seconds
    report["sentences_per_second"] = len(hypotheses) / seconds if seconds > 0 else None
    report["bleu_by_source_length"] = _bleu_by_source_length(sources, statistics["bleu"])
    if against is not None:
        other_statistics = compute_statistics(against.lines, references, tokenization=tokenization)
        comparisons = _compare(statistics, other_statistics, bootstrap, seed)
        report["against"] = {"name": against.name, "resamples": bootstrap, **comparisons}
    extra = extra or {}
    duplicates = report.keys() & extra.keys()
    if duplicates:
        raise ValueError(f"extra has keys that the report has too: {sorted(duplicates)}")
    return report | extra


def write_report(
    run: RunFolder, report: Report, hypotheses: list[str], name: str
) -> tuple[Path, Path]:
    """Writes the report, and the hypotheses one a line, into the run folder.

    Each file appears complete or not at all. The report comes last, so its hypotheses exist.

    Args:
        run: the run folder. It is created if it does not exist.
        report: what `build_report` returned.
        hypotheses: the N translations of the report.
        name: name of the test set. It becomes part of the file names.

    Returns:
        The paths of the report and of the hypotheses.

    Raises:
        UserError: `name` cannot be part of a file name, or the folder cannot be written.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(
            f'"{name}" is not a valid name for an evaluation, because it becomes part of a file '
            "name. Use letters, digits, '_', '.' and '-', and start with a letter, digit or '_'."
        )
    if len(hypotheses) != report["num_sentences"]:
        raise ValueError(
            f"{len(hypotheses)} hypotheses for a report on {report['num_sentences']} sentences"
        )
    report_file = run.evaluation_file(name)
    hypotheses_file = run.hypotheses_file(name)
    lines = [f"{one_line(hypothesis)}\n" for hypothesis in hypotheses]
    report_text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        atomic_write_text(hypotheses_file, "".join(lines), mkdir=True)
        atomic_write_text(report_file, report_text + "\n")
    except OSError as error:
        raise UserError(
            f"Cannot write the evaluation into {run.path}: {error.strerror or error}. Make the "
            "folder writable, or free space on its disk."
        ) from error
    return report_file, hypotheses_file


def _compare(
    statistics: dict[str, SufficientStatistics],
    other_statistics: dict[str, SufficientStatistics],
    bootstrap: int,
    seed: int,
) -> Report:
    comparisons: Report = {}
    for metric_name in METRICS:
        comparison = paired_comparison(
            metric_name,
            statistics[metric_name],
            other_statistics[metric_name],
            bootstrap=bootstrap,
            seed=seed,
        )
        comparisons[metric_name] = comparison.to_dict()
    return comparisons


def _bleu_by_source_length(sources: list[str], statistics: SufficientStatistics) -> list[Report]:
    """Scores the sentences of each range of source lengths that has any."""
    from sacrebleu.metrics import BLEU

    # A one-word sentence has no 4-grams, so plain BLEU gives 0 even to a perfect translation. The
    # effective order stops at the longest n-gram that exists. With 4-grams it is the same number.
    metric = BLEU(effective_order=True, force=True)
    lengths = np.array([count_words(source) for source in sources])
    entries = []
    for low, high in SOURCE_LENGTHS:
        in_range = lengths >= low
        if high is not None:
            in_range &= lengths <= high
        rows = statistics.rows[in_range]
        if not len(rows):
            continue
        bleu = SufficientStatistics(metric=metric, rows=rows).score()
        entries.append(
            {
                "words": _range_label(low, high),
                "low": low,
                "high": high,
                "n": len(rows),
                "bleu": float(bleu.score),
            }
        )
    return entries


def _range_label(low: int, high: int | None) -> str:
    if high is None:
        return f"{low}+"
    return f"{low}" if low == high else f"{low}-{high}"
