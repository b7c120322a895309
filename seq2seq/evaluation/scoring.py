"""Scores the translator of a folder on a test set."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seq2seq.decoding.loading import load
from seq2seq.decoding.translator import Translator
from seq2seq.evaluation.against import other_hypotheses
from seq2seq.evaluation.report import Report, build_report, write_report
from seq2seq.evaluation.robustness import measure_robustness, write_robustness
from seq2seq.evaluation.test_set import TestSet
from seq2seq.evaluation.tokenization import AUTO, resolve_tokenization
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder
from seq2seq.text.scripts import count_words
from seq2seq.text.spans import SpanFinder

Sample = dict[str, str]
"""source, reference and translation of one sentence."""


def evaluate(
    run: RunFolder,
    test_set: TestSet,
    *,
    tokenize: str = AUTO,
    lowercase: bool = False,
    ensemble: Sequence[Path] = (),
    against: Path | None = None,
    reporter: Reporter = SILENT,
    **options: Any,
) -> tuple[Report, list[str]]:
    """Translates a test set, scores it, and writes scores and translations into the run folder.

    Args:
        run: the run, the first one of an ensemble.
        test_set: sources and references.
        tokenize: how BLEU splits text, a name of sacreBLEU; "auto": as fits the target language.
        lowercase: add BLEU that ignores case.
        ensemble: more run folders that predict together with the first one.
        against: a run folder, or a file of translations, to compare with by a paired test.
        reporter: receives progress.
        **options: options of `load`: device, precision, fields of SearchConfig.

    Returns:
        The report, as in evaluation.json, and one translation for each source.

    Raises:
        UserError: sacreBLEU cannot use the tokenization, or `against` does not fit.
    """
    tokenization = resolve_tokenization(run.config.data.target, tokenize, reporter)
    translator = load(run.path, ensemble=ensemble, **options)
    other = None if against is None else other_hypotheses(run, against, test_set, reporter, options)
    started_at = time.monotonic()
    hypotheses = _translate(translator, test_set.sources, reporter)
    seconds = time.monotonic() - started_at
    report = build_report(
        test_set.sources,
        hypotheses,
        test_set.references,
        seconds=seconds,
        tokenization=tokenization,
        lowercase=lowercase,
        against=other,
        extra={"test_set": test_set.name, **_settings(run, translator, ensemble)},
    )
    write_report(run, report, hypotheses, _evaluation_name(test_set, ensemble))
    return report, hypotheses


def evaluate_robustness(
    run: RunFolder,
    test_set: TestSet,
    *,
    tokenize: str = AUTO,
    ensemble: Sequence[Path] = (),
    reporter: Reporter = SILENT,
    **options: Any,
) -> Report:
    """Scores a test set as it is and in other forms, and writes RUN/robustness.json.

    The forms are capitals, typing errors, inserted addresses and so on. The arguments and the
    errors are those of `evaluate`. The report is that of `measure_robustness`.
    """
    data = run.config.data
    tokenization = resolve_tokenization(data.target, tokenize, reporter)
    translator = load(run.path, ensemble=ensemble, **options)
    report = measure_robustness(
        lambda texts: _translate(translator, texts, reporter),
        test_set,
        data.source,
        data.target,
        finder=SpanFinder(run.config.text.protect),
        tokenization=tokenization,
    )
    report |= _settings(run, translator, ensemble)
    write_robustness(run, report, _evaluation_name(test_set, ensemble))
    return report


def _settings(run: RunFolder, translator: Translator, ensemble: Sequence[Path]) -> dict[str, Any]:
    """Returns what scores depend on besides the test set."""
    settings: dict[str, Any] = {
        "search": asdict(translator.search),
        "precision": translator.precision,
    }
    if ensemble:
        settings["models"] = [str(run.path), *map(str, ensemble)]
    return settings


def _evaluation_name(test_set: TestSet, ensemble: Sequence[Path]) -> str:
    # The scores of an ensemble must not be mistaken for those of its first model.
    return test_set.name + (f"-ensemble-of-{1 + len(ensemble)}" if ensemble else "")


def _translate(translator: Translator, texts: list[str], reporter: Reporter) -> list[str]:
    translations = translator.translate(texts, progress=reporter.progress)
    return [translation.text for translation in translations]


def pick_samples(test_set: TestSet, hypotheses: list[str], count: int) -> list[Sample]:
    """Returns up to `count` translations, spread evenly over the sentences of 5 to 20 words."""
    medium = [i for i, text in enumerate(test_set.sources) if 5 <= count_words(text) <= 20]
    candidates = medium or list(range(len(hypotheses)))
    count = min(count, len(candidates))
    samples = []
    for number in range(count):
        # The middle of each of `count` equal parts.
        index = candidates[len(candidates) * (2 * number + 1) // (2 * count)]
        samples.append(
            {
                "source": test_set.sources[index],
                "reference": test_set.references[0][index],
                "translation": hypotheses[index],
            }
        )
    return samples
