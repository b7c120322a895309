"""How much worse a translator gets when text is not written like its test set.

Each form of the test set (see perturbations.py) is translated and scored. BLEU and chrF ignore
case, because nobody knows in which case a text in capitals should be translated.
"""

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from seq2seq.errors import UserError
from seq2seq.evaluation.faults import count_faults
from seq2seq.evaluation.metrics import compute_statistics
from seq2seq.evaluation.perturbations import Perturbation, join_groups, perturb, remove_span
from seq2seq.evaluation.report import Report
from seq2seq.evaluation.test_set import TestSet
from seq2seq.evaluation.tokenization import DEFAULT_TOKENIZATION
from seq2seq.files import atomic_write_text
from seq2seq.run import RunFolder
from seq2seq.text.spans import SpanFinder

SEED = 1
"""Chooses typing errors, spans and groups. The same for all runs, so that they can be compared."""


def measure_robustness(
    translate: Callable[[list[str]], list[str]],
    test_set: TestSet,
    source_language: str,
    target_language: str,
    *,
    finder: SpanFinder | None = None,
    tokenization: str = DEFAULT_TOKENIZATION,
    seed: int = SEED,
) -> Report:
    """Translates and scores a test set in every form.

    Args:
        translate: returns one translation for each text. It is called once, with all texts.
        test_set: N sentences with R reference sets.
        source_language: code such as "de".
        target_language: likewise.
        finder: finds what must not change. By default, without patterns of the user.
        tokenization: how BLEU splits text, a name of sacreBLEU.
        seed: chooses what is changed.

    Returns:
        The report, as in robustness.json. `rows` has one entry for each form, `clean` first:

        bleu, chrf: ignoring case. Where spans were inserted, they are removed before.
        clean_bleu: BLEU of the unchanged text; where sentences were joined, of their translations
            one by one, which are then joined.
        share_of_clean: bleu / clean_bleu, or None if that is 0.
        num_spans, spans_kept, num_numbers, numbers_kept, loops, empty: see `Faults`.
    """
    scoring = _Scoring(
        source_language=source_language,
        target_language=target_language,
        finder=finder or SpanFinder(),
        tokenization=tokenization,
    )
    forms = perturb(test_set, source_language, target_language, seed)
    started_at = time.monotonic()
    # One call for all texts: one progress bar, and full batches.
    translations = iter(translate([text for form in forms for text in form.sources]))
    seconds = time.monotonic() - started_at
    translated = [list(itertools.islice(translations, len(form.sources))) for form in forms]
    clean = translated[0]
    clean_bleu, _ = scoring.bleu_and_chrf(clean, test_set.references)
    rows = []
    for form, hypotheses in zip(forms, translated, strict=True):
        base = clean_bleu
        if form.groups:
            # Joined lines are compared with the same sentences, translated one by one.
            base, _ = scoring.bleu_and_chrf(join_groups(clean, form.groups), form.references)
        rows.append(scoring.row(form, hypotheses, base))
    return {
        "test_set": test_set.name,
        "num_sentences": len(test_set.sources),
        "tokenization": tokenization,
        "seed": seed,
        "seconds": seconds,
        "rows": rows,
    }


def write_robustness(run: RunFolder, report: Report, name: str) -> Path:
    """Writes the report into the run folder and returns its path.

    Args:
        run: the run folder.
        report: what `measure_robustness` returned, and more keys.
        name: name of the test set. It becomes part of the file name.

    Raises:
        UserError: the folder cannot be written.
    """
    path = run.robustness_file(name)
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        atomic_write_text(path, text + "\n", mkdir=True)
    except OSError as error:
        raise UserError(
            f"Cannot write the evaluation into {run.path}: {error.strerror or error}. Make the "
            "folder writable, or free space on its disk."
        ) from error
    return path


@dataclass(frozen=True, kw_only=True)
class _Scoring:
    """How translations are scored."""

    source_language: str
    target_language: str
    finder: SpanFinder
    tokenization: str

    def row(self, form: Perturbation, hypotheses: list[str], clean_bleu: float) -> Report:
        """Scores the translations of a form.

        Args:
            form: the form of the test set.
            hypotheses: the L translations of its sources.
            clean_bleu: BLEU of the unchanged test set, to compare with.
        """
        scored = []
        references = []
        for line, text in enumerate(hypotheses):
            spans = form.forms_of_inserted(line, self.source_language, self.target_language)
            scored.append(remove_span(text, spans))
            # An inserted number should be in the translation like those of the reference.
            references.append(" ".join([form.references[0][line], *spans[:1]]))
        bleu, chrf = self.bleu_and_chrf(scored, form.references)
        faults = count_faults(
            form.sources,
            hypotheses,
            references,
            finder=self.finder,
            source_language=self.source_language,
            target_language=self.target_language,
        )
        return {
            "name": form.name,
            "label": form.label,
            "num_lines": len(form.sources),
            "bleu": bleu,
            "clean_bleu": clean_bleu,
            "share_of_clean": bleu / clean_bleu if clean_bleu > 0 else None,
            "chrf": chrf,
            **asdict(faults),
        }

    def bleu_and_chrf(
        self, hypotheses: list[str], references: list[list[str]]
    ) -> tuple[float, float]:
        """Returns BLEU and chrF, ignoring case."""
        statistics = compute_statistics(
            hypotheses,
            references,
            tokenization=self.tokenization,
            lowercase=True,
            metrics=("bleu", "chrf"),
        )
        return float(statistics["bleu"].score().score), float(statistics["chrf"].score().score)
