"""An exported folder: ONNX graphs and everything else that translating needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq.config import dump_config
from seq2seq.decoding.run_loading import load_models
from seq2seq.export.onnx import export_onnx, require_onnx
from seq2seq.export.package import learn_shortlist, new_folder
from seq2seq.files import atomic_write, atomic_write_text
from seq2seq.onnx_folder import OnnxFolder
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder


def export_onnx_run(
    run: RunFolder,
    into: OnnxFolder,
    *,
    ensemble: Sequence[Path] = (),
    int8: bool = False,
    shortlist: bool = False,
    data_dir: Path | None = None,
    reporter: Reporter = SILENT,
) -> int:
    """Writes a folder `into` that translates without torch.

    Args:
        run: a trained run.
        into: the folder to create.
        ensemble: more runs, whose models predict together with the first one.
        int8: whether matrices are stored and multiplied as 8-bit integers.
        shortlist: learn a shortlist from the run's training text, which must be available.
        data_dir: a folder with corpora that is searched first.
        reporter: receives what was learned.

    Returns:
        The size of the new folder in bytes.

    Raises:
        UserError: `into` exists, the models do not fit together, or a package is missing.
    """
    require_onnx()
    model = load_models(run, [RunFolder.open(member) for member in ensemble])
    learned = learn_shortlist(run, data_dir, reporter) if shortlist else None
    with new_folder(into.path):
        export_onnx(model, into.path, int8=int8)
        run.tokenizer.save(into.tokenizer_dir)
        if learned is not None:
            arrays: dict[str, Any] = dict(learned.arrays())
            with atomic_write(into.shortlist_file) as file:
                np.savez_compressed(file, **arrays)
        atomic_write_text(into.config_file, dump_config(run.config))
        into.write_settings(run.settings)
    return into.size()
