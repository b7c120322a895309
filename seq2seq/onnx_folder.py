"""An exported folder: a translator that needs neither torch nor pydantic. It can be copied
anywhere.

encoder.onnx      reads the source (export/onnx.py documents inputs and outputs)
decoder.onnx      one step of decoding
translator.json   the settings that translating needs (settings.py)
tokenizer/        the SentencePiece model or models
shortlist.npz     target tokens for each source token, if it has a shortlist
config.yaml       every setting of the training, for the reader and for `seq2seq evaluate`

translator.json also has the checksum of every file that decides a translation. So the files of two
exports, or a copy that broke off, are noticed.
"""

import hashlib
from functools import cached_property
from pathlib import Path

from seq2seq.errors import UserError
from seq2seq.files import atomic_write_text
from seq2seq.settings import TranslatorSettings, read_content, read_settings
from seq2seq.text.case import CaseFolder
from seq2seq.text.tokenizer import Tokenizer


class OnnxFolder:
    """Owns the file names of an exported folder, and reads its settings and tokenizer once."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: Path | str) -> "OnnxFolder":
        """Opens a folder that `seq2seq export --format onnx` wrote.

        Raises:
            UserError: a file is missing, damaged or of another export.
        """
        folder = cls(path)
        for file in (folder.settings_file, folder.encoder_file, folder.decoder_file):
            if not file.is_file():
                raise UserError(f"{file} is missing. Copy the folder again, or export the run.")
        folder._check_files()
        return folder

    def write_settings(self, settings: TranslatorSettings) -> None:
        """Writes translator.json, after all other files: a folder that has it can translate."""
        checksums = {
            path.relative_to(self.path).as_posix(): _checksum(path) for path in self._model_files()
        }
        atomic_write_text(self.settings_file, settings.to_json(files=checksums))

    def _check_files(self) -> None:
        checksums = read_content(self.settings_file).get("files", {})
        if not isinstance(checksums, dict):
            raise UserError(f"{self.settings_file} is damaged. Export the run again.")
        for name, checksum in checksums.items():
            file = self.path / name
            if not file.resolve().is_relative_to(self.path.resolve()):
                raise UserError(
                    f"{self.settings_file} names a file outside of its folder: {name}. "
                    "Export the run again."
                )
            if not file.is_file():
                raise UserError(f"{file} is missing. Copy the folder again, or export the run.")
            if _checksum(file) != checksum:
                raise UserError(
                    f"{file} is damaged, or is not of the same export as {self.settings_file.name}."
                    " Copy the whole folder again, or export the run."
                )

    def _model_files(self) -> list[Path]:
        files = [self.encoder_file, self.decoder_file, *sorted(self.tokenizer_dir.iterdir())]
        return [*files, self.shortlist_file] if self.shortlist_file.is_file() else files

    @property
    def encoder_file(self) -> Path:
        return self.path / "encoder.onnx"

    @property
    def decoder_file(self) -> Path:
        return self.path / "decoder.onnx"

    @property
    def settings_file(self) -> Path:
        return self.path / "translator.json"

    @property
    def tokenizer_dir(self) -> Path:
        return self.path / "tokenizer"

    @property
    def shortlist_file(self) -> Path:
        return self.path / "shortlist.npz"

    @property
    def config_file(self) -> Path:
        return self.path / "config.yaml"

    @cached_property
    def settings(self) -> TranslatorSettings:
        """The settings of the translator.

        Raises:
            UserError: translator.json is damaged.
        """
        return read_settings(self.settings_file)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the model."""
        settings = self.settings
        case_folder = CaseFolder(settings.source) if settings.text.case == "factor" else None
        return Tokenizer.load(self.tokenizer_dir, case_folder)

    @property
    def direction(self) -> str:
        """Source and target language, such as "de-en"."""
        return f"{self.settings.source}-{self.settings.target}"

    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())


def _checksum(file: Path) -> str:
    """Returns the SHA-256 of a file. It takes a millisecond for two megabytes."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def is_onnx_folder(path: Path | str) -> bool:
    """Returns whether a folder is an exported one, and not a run folder."""
    folder = OnnxFolder(path)
    return any(file.is_file() for file in (folder.settings_file, folder.decoder_file))
