"""From an exported folder to a translator. ONNX Runtime computes, and torch is not needed."""

import os
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq.decoding.assembly import assemble
from seq2seq.decoding.engines.onnx import load_engine
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.decoding.translator import Translator
from seq2seq.errors import UserError
from seq2seq.onnx_folder import OnnxFolder


def load_onnx(
    path: Path | str,
    *,
    ensemble: Sequence[Path | str] = (),
    device: str = "auto",
    precision: str = "auto",
    **search: Any,
) -> Translator:
    """Loads the translator of an exported folder. For arguments and errors see `load`."""
    _check_options(path, ensemble, device, precision)
    folder = OnnxFolder.open(path)
    settings = folder.settings
    settings = replace(settings, search=settings.search.with_changes(search))
    # One thread for each batch: a step is too small to gain from more.
    engine = load_engine(
        folder.encoder_file, folder.decoder_file, threads=1, workers=_available_cores()
    )
    return assemble(
        engine,
        folder.tokenizer,
        settings,
        shortlist=_load_shortlist(folder),
        precision=engine.weight_format,
    )


def _check_options(
    path: Path | str, ensemble: Sequence[Path | str], device: str, precision: str
) -> None:
    """Raises UserError for options that only run folders have."""
    if ensemble:
        raise UserError(
            f"{path} is an exported folder, which predicts alone. Give the run folders of the "
            "ensemble, or export the ensemble into one folder."
        )
    if device not in ("auto", "cpu"):
        raise UserError(f"{path} is an exported folder, which runs on the CPU. Leave --device out.")
    if precision != "auto":
        raise UserError(
            f"{path} is an exported folder: its number format is fixed. Leave --precision out."
        )


def _load_shortlist(folder: OnnxFolder) -> Shortlist | None:
    if not folder.shortlist_file.is_file():
        return None
    try:
        with np.load(folder.shortlist_file) as arrays:
            loaded = dict(arrays)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{folder.shortlist_file} is damaged ({error}). Export the run again."
        ) from None
    return Shortlist.from_arrays(
        loaded,
        source_size=folder.tokenizer.size("source"),
        target_size=folder.tokenizer.size("target"),
    )


def _available_cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
