"""Corpora in the user's own files: line-aligned text, TSV, CSV, JSON lines, Parquet.

JSON and Parquet are read by Hugging Face `datasets`. The other formats are read here:
the text loader of `datasets` also ends a line at a lone "\\r", which shifts all later lines
against the other file, and its CSV loader turns the words "null" and "NA" into missing values.
Here a line ends at "\\n" only.
"""

import csv
import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq.config.sources import FilesSource, HoldOutConfig, TableFile
from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.sources.tables import load_table, pairs_from_table
from seq2seq.data.splitting import split_by_group
from seq2seq.errors import UserError
from seq2seq.reporter import SILENT, Reporter

if TYPE_CHECKING:
    import datasets

_FORMATS = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "json",
    ".json": "json",
    ".parquet": "parquet",
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def collect(
    settings: FilesSource,
    *,
    name: str,
    source: str,
    target: str,
    reporter: Reporter = SILENT,
) -> Corpus:
    """Reads the files.

    Raises:
        UserError: a file is missing or unreadable, or two files are not line-aligned.
    """
    paths = {"train": settings.train, "valid": settings.valid, "test": settings.test}
    splits = {}
    for split, path in paths.items():
        if path is not None:
            splits[split] = _read_split(path, source, target, settings.columns)
    notes = hold_out_missing(splits, settings.hold_out, name)
    return Corpus(
        name=name,
        source_language=source,
        target_language=target,
        splits=splits,
        license=settings.license,
        attribution=settings.attribution,
        notes=notes,
    )


def _read_split(
    paths: dict[str, str] | TableFile,
    source: str,
    target: str,
    columns: Mapping[str, str | int] | None,
) -> Pairs:
    if isinstance(paths, str):
        return read_table(Path(paths).expanduser(), source, target, columns)
    for language in (source, target):
        if language not in paths:
            raise UserError(
                f"The corpus has files for {' and '.join(paths)}, but none for {language!r}. "
                f"Add the path under `{language}:`, or correct `source` and `target`."
            )
    return read_aligned(Path(paths[source]).expanduser(), Path(paths[target]).expanduser())


def hold_out_missing(splits: dict[str, Pairs], hold_out: HoldOutConfig, name: str) -> list[str]:
    """Moves pairs from "train" to "valid" and "test" if `splits` has no such split.

    Args:
        splits: changed in place.
        hold_out: how many pairs to hold out.
        name: the name of the corpus, for messages.

    Returns:
        A sentence for each new split.
    """
    missing = [split for split in ("valid", "test") if split not in splits]
    if not missing:
        return []
    sizes = {"valid": 0, "test": 0}
    for split in missing:
        sizes[split] = hold_out.pairs(len(splits["train"]), split)
    new_splits = split_by_group(
        splits["train"],
        valid=sizes["valid"],
        test=sizes["test"],
        seed=hold_out.seed,
        name=name,
    )
    splits["train"] = new_splits["train"]
    notes = []
    for split in missing:
        splits[split] = new_splits[split]
        size = len(new_splits[split])
        notes.append(f"{split}: {size:,} pairs held out of train; no sentence is in two splits.")
    return notes


# -- line-aligned text -----------------------------------------------------------------------------


def read_aligned(source: Path, target: Path) -> Pairs:
    """Reads two text files (plain or .gz) in which equal line numbers are translations.

    Raises:
        UserError: a file cannot be read, the numbers of lines differ, or both files are empty.
    """
    source_lines = read_lines(source)
    target_lines = read_lines(target)
    if len(source_lines) != len(target_lines):
        raise UserError(
            f"{source} has {len(source_lines):,} lines, but {target} has {len(target_lines):,}. "
            "Line-aligned files must have the same number of lines. Check for a missing line, or "
            "whether one of the files belongs to another corpus."
        )
    if not source_lines:
        raise UserError(f"{source} and {target} are empty. A corpus needs at least one pair.")
    return Pairs(source=source_lines, target=target_lines)


def read_lines(path: Path) -> list[str]:
    """Reads the lines of a UTF-8 file, plain or .gz.

    A line ends at "\\n" only. A "\\r" before it is removed; other "\\r" are kept.

    Raises:
        UserError: the file is missing, unreadable, binary, or not UTF-8.
    """
    raw = _read_bytes(path)
    if b"\x00" in raw[:4096] and not path.name.endswith(".gz"):
        raise UserError(f"{path} is a binary file. Give text in UTF-8, plain or .gz.")
    # Editors on Windows write a byte order mark at the start.
    raw = raw.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not UTF-8: line {line:,} has the byte 0x{raw[error.start]:02x}. "
            "Convert it first, for example with `iconv -f latin1 -t utf-8`."
        ) from None
    lines = text.split("\n")
    # The text after the last "\n" is not a line if it is empty.
    if not lines[-1]:
        lines.pop()
    # The check saves a pass over files from Unix.
    if "\r" in text:
        return [line.removesuffix("\r") for line in lines]
    return lines


def _read_bytes(path: Path) -> bytes:
    _require_file(path)
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} is not a complete gzip file ({error}). Copy or download it again."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a file. Check the path.")
    if not path.is_file():
        raise UserError(f"{path} does not exist (current folder: {Path.cwd()}). Check the path.")


# -- tables ----------------------------------------------------------------------------------------


def table_format(path: Path) -> str:
    """Returns the format that the file name stands for: "tsv", "csv", "json" or "parquet".

    Raises:
        UserError: the extension is unknown.
    """
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in _FORMATS:
        raise UserError(
            f"{path} has the unknown extension {path.suffix!r}. A table must end in "
            f"{', '.join(_FORMATS)}. Give line-aligned text files by language: "
            "{de: FILE, en: FILE}."
        )
    return _FORMATS[suffix]


def read_table(
    path: Path,
    source: str,
    target: str,
    columns: Mapping[str, str | int] | None,
) -> Pairs:
    """Reads the pairs of one TSV, CSV, JSON lines or Parquet file.

    Args:
        path: the file. Its extension gives the format.
        source: code of the source language.
        target: code of the target language.
        columns: language -> column name, or column number (from 0) for files without a header.

    Raises:
        UserError: the file is missing, empty or malformed, or lacks a column.
    """
    file_format = table_format(path)
    _require_file(path)
    if not path.stat().st_size:
        raise _empty_table(path)
    by_number = columns is not None and any(isinstance(column, int) for column in columns.values())
    is_text = file_format in ("tsv", "csv")
    if is_text:
        rows = _tsv_rows(path) if file_format == "tsv" else _csv_rows(path)
        separator = "tab" if file_format == "tsv" else "comma or quote"
        table = _text_table(path, rows, has_header=not by_number, separator=separator)
    elif by_number:
        raise UserError(
            f"{path}: column numbers work for TSV and CSV files only. Give column names."
        )
    else:
        table = load_table(file_format, description=str(path), data_files=str(path), split="train")
    return pairs_from_table(
        table,
        description=str(path),
        source=source,
        target=target,
        columns=columns,
        may_lack_header=is_text and not by_number,
    )


def _empty_table(path: Path) -> UserError:
    return UserError(f"{path} is empty. A corpus needs at least one pair.")


def _tsv_rows(path: Path) -> list[list[str]]:
    # Quotes have no meaning in a TSV file.
    return [line.split("\t") for line in read_lines(path)]


def _csv_rows(path: Path) -> list[list[str]]:
    # Cells in quotes may contain "\n", so the reader gets the lines with their ends.
    reader = csv.reader(line + "\n" for line in read_lines(path))
    try:
        return [row for row in reader if row]
    except csv.Error as error:
        raise UserError(
            f"{path} is not a valid CSV file: line {reader.line_num:,}: {error}."
        ) from error


def _text_table(
    path: Path,
    rows: list[list[str]],
    *,
    has_header: bool,
    separator: str,
) -> "datasets.Dataset":
    """Returns a dataset in which every cell is text.

    The CSV loader of `datasets` would silently shift the cells of a row that has one too many.
    """
    import datasets

    if not rows:
        raise _empty_table(path)
    names = rows.pop(0) if has_header else [str(number) for number in range(len(rows[0]))]
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"{path} has two columns named {name!r}. Rename one, or give column numbers."
            )
    for number, row in enumerate(rows, start=2 if has_header else 1):
        if len(row) != len(names):
            raise UserError(
                f"{path}: row {number:,} has {len(row)} columns, but the first row has "
                f"{len(names)}. Check the row for a missing or extra {separator}."
            )
    cells: dict[str, list[str]] = {}
    for index, name in enumerate(names):
        cells[name] = [row[index] for row in rows]
    return datasets.Dataset.from_dict(cells)
