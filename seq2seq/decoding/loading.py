"""From any folder that can translate to a translator.

What the folder holds decides which libraries are imported: a run folder needs torch, an exported
one needs ONNX Runtime.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seq2seq.decoding.translator import Translator
from seq2seq.errors import UserError, missing_library
from seq2seq.onnx_folder import OnnxFolder, is_onnx_folder


def load(
    folder: Path | str,
    *,
    ensemble: Sequence[Path | str] = (),
    device: str = "auto",
    precision: str = "auto",
    **search: Any,
) -> Translator:
    """Loads the translator of a folder.

    Args:
        folder: a folder that `seq2seq train` or `seq2seq export` wrote.
        ensemble: more run folders, whose models predict together with the first one. The settings
            of the first one are used.
        device: "auto" (CUDA if available), "cpu" or "cuda".
        precision: number format of the weights: "auto", "float32", "bfloat16", "float16", "int8".
        **search: fields of SearchSettings that replace the run's, such as beam=1 or nbest=5.

    Raises:
        TypeError: the folder is no path.
        UserError: the folder cannot translate, an option has a bad value, or a library is missing
            that the folder needs.
    """
    if isinstance(ensemble, str | Path):
        ensemble = [ensemble]
    for path in (folder, *ensemble):
        if not isinstance(path, str | Path):
            raise TypeError(
                "The folder of a run must be a path (str or pathlib.Path), "
                f"not {type(path).__name__}."
            )
    options: dict[str, Any] = {"device": device, "precision": precision, **search}
    try:
        if is_onnx_folder(folder):
            from seq2seq.decoding.onnx_loading import load_onnx

            return load_onnx(folder, ensemble=ensemble, **options)
        from seq2seq.decoding.run_loading import load_run
    except ModuleNotFoundError as error:
        _check_is_run(folder)
        raise missing_library(error) from None
    return load_run(folder, ensemble=ensemble, **options)


def _check_is_run(folder: Path | str) -> None:
    """Raises UserError if a folder cannot be a run folder. Then no library would help."""
    path = Path(folder)
    if not path.exists():
        raise UserError(f"There is no folder {path}. Check the path.")
    if not OnnxFolder(path).config_file.is_file():
        raise UserError(
            f"{path} is neither an exported folder nor a run folder: it has no translator.json and "
            "no config.yaml."
        )


def direction(folder: Path | str) -> str:
    """Returns source and target language of a folder that can translate, such as "de-en"."""
    if is_onnx_folder(folder):
        return OnnxFolder(folder).direction
    from seq2seq.run import RunFolder

    return RunFolder(folder).direction
