"""Runs the studies that a comparison still needs, and writes its folder.

index.html               everything on one page
results.json             all numbers and claims
pictures/                one picture for each study, PNG and SVG
measurements/, runs/     finished measurements and trainings, which are not repeated
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from seq2seq.errors import UserError
from seq2seq.files import atomic_write_text
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import environment
from seq2seq.studies import pictures
from seq2seq.studies.bottleneck import BottleneckStudy
from seq2seq.studies.config import load_comparison_config
from seq2seq.studies.footprint import FootprintStudy
from seq2seq.studies.gates import GateStudy
from seq2seq.studies.gradients import GradientStudy
from seq2seq.studies.page import Chapter, render_page
from seq2seq.studies.parallel import ParallelStudy
from seq2seq.studies.quality import QualityStudy
from seq2seq.studies.recall import RecallStudy
from seq2seq.studies.study import Results, Study
from seq2seq.studies.training import train_all
from seq2seq.studies.translators import TranslatorStudy

STUDIES: tuple[type[Study], ...] = (
    GradientStudy,
    RecallStudy,
    GateStudy,
    BottleneckStudy,
    ParallelStudy,
    FootprintStudy,
    QualityStudy,
)
"""All studies, in the order of the page."""


def run_comparison(
    config_file: Path,
    folder: Path,
    *,
    quick: bool = False,
    only: Sequence[str] = (),
    data_dir: Path | None = None,
    reporter: Reporter = SILENT,
) -> Path:
    """Runs the studies and writes the page after each one.

    Args:
        config_file: a config such as configs/compare.yaml, or the name of a bundled one.
        folder: the folder of the comparison. What was measured there is not measured again.
        quick: use the small budgets of the config's section `quick`.
        only: keys of the studies to run; empty runs all. The page also shows the other studies that
            were measured before.
        data_dir: folder with corpora.
        reporter: receives messages.

    Returns:
        The file of the page.

    Raises:
        UserError: the config has mistakes, matplotlib is missing, or a training failed.
        TrainingInterrupted: Ctrl-C during a training. The same call continues it.
    """
    pictures.require_matplotlib()
    config = load_comparison_config(config_file, quick=quick)
    _check_keys(only)
    # Check the configs of all translators before the first measurement.
    for run in config.translation.runs.values():
        run.load()
    studies = [kind(config, folder, data_dir=data_dir, reporter=reporter) for kind in STUDIES]
    selected = [study for study in studies if not only or study.key in only]
    # The first study that needs translators trains those of the later studies too: this keeps all
    # cores busy until the end.
    to_train = []
    for study in selected:
        if isinstance(study, TranslatorStudy) and study.missing():
            to_train.append(study)
    chapters: list[Chapter] = []
    results: dict[str, Results] = {}
    page = folder / "index.html"
    for study in studies:
        if study in to_train:
            trainings = []
            for each in to_train:
                trainings += each.trainings()
            train_all(trainings, config.translation.at_once, data_dir, reporter)
            to_train = []
        study_results = study.run() if study in selected else study.stored_results()
        if study_results is None:
            continue
        chapter = _make_chapter(study, study_results, folder)
        chapters.append(chapter)
        results[study.key] = {
            "results": study_results,
            "claims": [asdict(claim) for claim in chapter.claims],
        }
        # The next study may take hours.
        _write(page, chapters, results, quick)
    return page


def _check_keys(only: Sequence[str]) -> None:
    keys = [kind.key for kind in STUDIES]
    for key in only:
        if key not in keys:
            raise UserError(f"--only {key}: there is no such study. Studies: {', '.join(keys)}.")


def _make_chapter(study: Study, results: Results, folder: Path) -> Chapter:
    svg = pictures.save(partial(study.draw, results), folder / "pictures" / study.key)
    return Chapter(study, study.claims(results), study.table(results), svg)


def _write(
    page: Path, chapters: Sequence[Chapter], results: Mapping[str, Results], quick: bool
) -> None:
    machine = environment()
    summary = {"quick": quick, "environment": machine, **results}
    atomic_write_text(page.with_name("results.json"), json.dumps(summary, indent=1) + "\n")
    atomic_write_text(page, render_page(chapters, machine, quick=quick))
