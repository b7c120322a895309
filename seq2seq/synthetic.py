"""Training text that models make: back-translation (Sennrich et al. 2016b) and sequence-level distillation (Kim & Rush
2016). Both write two line-aligned files for `data.added` of a config."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seq2seq.data.sources.files import read_lines
from seq2seq.errors import UserError
from seq2seq.pipeline import Say, load_translator, training_corpus
from seq2seq.run import RunFolder

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class MadePairs:
    """Two line-aligned files, the pairs in them, and the texts that were left out because one side was empty."""

    source: Path
    target: Path
    count: int
    left_out: int
    tagged: bool

    def config_lines(self) -> str:
        """What makes a config train on them too."""
        tagged = ", tagged: true" if self.tagged else ""
        return f"data:\n  added:\n    - {{source: {self.source}, target: {self.target}{tagged}}}"


def backtranslate(
    run: Path, text: Path, folder: Path, *, together_with: Sequence[Path] = (), progress: Progress, **search: Any
) -> MadePairs:
    """Translates text of the target language by a model of the other direction: made sources for real targets."""
    _check_place(folder)
    config, real = RunFolder.open(run).config().data, read_lines(text)
    found = _translate(run, together_with, real, progress, search)
    # The reverse model's target language is the source language of what will be trained.
    files = folder / f"made.{config.target}", folder / f"made.{config.source}"
    return _write(found, real, files, tagged=True)


def distill(
    run: Path,
    folder: Path,
    *,
    together_with: Sequence[Path] = (),
    data_dir: Path | None,
    say: Say,
    progress: Progress,
    **search: Any,
) -> MadePairs:
    """Translates the training sources of a run's corpus by the run (or an ensemble): real sources, made targets."""
    _check_place(folder)
    opened = RunFolder.open(run)
    config = opened.config().data
    real = training_corpus(opened, data_dir=data_dir, say=say).splits["train"].source
    found = _translate(run, together_with, real, progress, search)
    files = folder / f"made.{config.source}", folder / f"made.{config.target}"
    return _write(real, found, files, tagged=False)


def _check_place(folder: Path) -> None:
    """Before hours of translating: can the folder be made, or written into?"""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(f"{folder} cannot be written: {there} is no folder that can be. Choose another one.")


def _translate(
    run: Path, together_with: Sequence[Path], texts: list[str], progress: Progress, search: dict[str, Any]
) -> list[str]:
    if not any(text.strip() for text in texts):
        raise UserError("There is nothing to translate: the text is empty.")
    translator = load_translator(run, together_with=together_with, **search)
    return [translation.text for translation in translator.translate(texts, progress=progress)]


def _write(source: list[str], target: list[str], files: tuple[Path, Path], *, tagged: bool) -> MadePairs:
    """Both files appear whole or not at all."""
    kept = [(s.strip(), t.strip()) for s, t in zip(source, target, strict=True) if s.strip() and t.strip()]
    if not kept:
        raise UserError("No pair is left to be written: every translation is empty. Is the model trained?")
    partial = [file.with_name(file.name + ".partial") for file in files]
    try:
        files[0].parent.mkdir(parents=True, exist_ok=True)
        for file, texts in zip(partial, zip(*kept, strict=True) if kept else ((), ()), strict=True):
            with file.open("w", encoding="utf-8", newline="\n") as out:
                out.writelines(f"{text}\n" for text in texts)
        for file, final in zip(partial, files, strict=True):
            os.replace(file, final)
    finally:
        for file in partial:
            file.unlink(missing_ok=True)
    return MadePairs(*files, count=len(kept), left_out=len(source) - len(kept), tagged=tagged)
