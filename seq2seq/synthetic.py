"""Synthetic training text: back-translation and sequence-level distillation.

Back-translation (Sennrich et al. 2016, "Improving Neural Machine Translation Models with
Monolingual Data") pairs real targets with synthetic sources. Distillation (Kim & Rush 2016) pairs
real sources with synthetic targets. Both write two line-aligned files for `data.extra_pairs` of a
config.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seq2seq.data.preparation import training_corpus
from seq2seq.data.sources.files import read_lines
from seq2seq.decoding.loading import load
from seq2seq.errors import UserError
from seq2seq.files import atomic_paths, nearest_existing
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder


@dataclass(frozen=True)
class SyntheticPairs:
    """Two line-aligned files.

    `count` pairs were written; `skipped` texts were left out because one side was empty.
    """

    source: Path
    target: Path
    count: int
    skipped: int
    tagged: bool

    def config_lines(self) -> str:
        """Returns the lines that make a config train on these pairs too."""
        tagged = ", tagged: true" if self.tagged else ""
        return (
            f"data:\n  extra_pairs:\n    - {{source: {self.source}, target: {self.target}{tagged}}}"
        )


def backtranslate(
    run: RunFolder,
    text: Path,
    folder: Path,
    *,
    ensemble: Sequence[Path] = (),
    reporter: Reporter = SILENT,
    **options: Any,
) -> SyntheticPairs:
    """Translates text of the target language with a model of the opposite direction.

    Args:
        run: a run that translates from the target language into the source language.
        text: one sentence per line, plain or .gz.
        folder: where the two files go.
        ensemble: more runs that predict together with the first one.
        reporter: receives progress.
        **options: options of `load`, such as beam=1.
    """
    _check_writable(folder)
    languages = run.config.data
    targets = read_lines(text)
    sources = _translate(run, ensemble, targets, reporter, options)
    # The target language of the reverse model is the source language of the model to train.
    source_file = folder / f"synthetic.{languages.target}"
    target_file = folder / f"synthetic.{languages.source}"
    return _write(sources, targets, source_file, target_file, tagged=True)


def distill(
    run: RunFolder,
    folder: Path,
    *,
    ensemble: Sequence[Path] = (),
    data_dir: Path | None = None,
    reporter: Reporter = SILENT,
    **options: Any,
) -> SyntheticPairs:
    """Translates the training sources of a run's corpus with the run, or an ensemble.

    Args:
        run: the teacher.
        folder: where the two files go.
        ensemble: more teachers that predict together with the first one.
        data_dir: a folder with corpora that is searched first.
        reporter: receives progress.
        **options: options of `load`, such as beam=1.
    """
    _check_writable(folder)
    languages = run.config.data
    corpus = training_corpus(run, data_dir=data_dir, reporter=reporter)
    sources = corpus.splits["train"].source
    targets = _translate(run, ensemble, sources, reporter, options)
    source_file = folder / f"synthetic.{languages.source}"
    target_file = folder / f"synthetic.{languages.target}"
    return _write(sources, targets, source_file, target_file, tagged=False)


def _check_writable(folder: Path) -> None:
    """Raises UserError before hours of translating if the folder cannot be created or written."""
    nearest = nearest_existing(folder.absolute())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UserError(
            f"{folder} cannot be written, because {nearest} is not a writable folder. "
            "Choose another folder."
        )


def _translate(
    run: RunFolder,
    ensemble: Sequence[Path],
    texts: list[str],
    reporter: Reporter,
    options: dict[str, Any],
) -> list[str]:
    if not any(text.strip() for text in texts):
        raise UserError("There is nothing to translate: the text is empty.")
    translator = load(run.path, ensemble=ensemble, **options)
    translations = translator.translate(texts, progress=reporter.progress)
    return [translation.text for translation in translations]


def _write(
    sources: list[str],
    targets: list[str],
    source_file: Path,
    target_file: Path,
    *,
    tagged: bool,
) -> SyntheticPairs:
    """Writes the pairs with text on both sides. Both files appear complete or not at all."""
    stripped = [(s.strip(), t.strip()) for s, t in zip(sources, targets, strict=True)]
    pairs = [(source, target) for source, target in stripped if source and target]
    if not pairs:
        raise UserError("Every translation is empty, so there are no pairs. Is the model trained?")
    source_text = "".join(f"{source}\n" for source, _ in pairs)
    target_text = "".join(f"{target}\n" for _, target in pairs)
    with atomic_paths(source_file, target_file, mkdir=True) as (source_part, target_part):
        source_part.write_bytes(source_text.encode("utf-8"))
        target_part.write_bytes(target_text.encode("utf-8"))
    return SyntheticPairs(
        source_file,
        target_file,
        count=len(pairs),
        skipped=len(sources) - len(pairs),
        tagged=tagged,
    )
