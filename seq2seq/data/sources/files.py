"""Corpora from a person's own files: line-aligned texts, TSV, CSV, JSON lines, Parquet.

Tables are read through Hugging Face `datasets`. Line-aligned texts are not: its text loader also ends a line at a lone
"\\r", which shifts every line after it against the other file. Here a line ends at "\\n" and nowhere else.
"""

import csv
import gzip
import logging
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict

from seq2seq.data.corpus import Corpus, Say
from seq2seq.data.pairs import Pairs
from seq2seq.data.places import cache_dir
from seq2seq.data.splitting import HoldOut, split_by_group
from seq2seq.errors import UserError

if TYPE_CHECKING:
    import datasets

TableFile = str
"""One file that holds both languages: .tsv, .csv, .jsonl, .json or .parquet (a further .gz on all but the last)."""

_FORMATS = {".tsv": "tsv", ".csv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}


@dataclass(frozen=True, kw_only=True)
class FilesSpec:
    """A corpus in files of yours. Paths are seen from the folder in which the program is started."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kept: ClassVar[bool] = False
    """Whether a copy is kept in the data folder: not needed for files that are already here."""

    kind: Literal["files"] = "files"
    """What tells this kind of source from the others."""
    train: dict[str, str] | TableFile
    """Either two line-aligned text files, `{de: a.de.gz, en: a.en.gz}`, or one table, `pairs.tsv`."""
    valid: dict[str, str] | TableFile | None = None
    """The same for the validation split; without it pairs of `train` are held out."""
    test: dict[str, str] | TableFile | None = None
    """The same for the test split; without it pairs of `train` are held out."""
    columns: dict[str, str | int] | None = None
    """Where a table keeps each language: `{de: german, en: english}`, or numbers from 0 for TSV and CSV files without a
    heading line. By default columns named like the languages, or a column `translation` that holds both."""
    hold_out: HoldOut = field(default_factory=HoldOut)
    """How many pairs are held out for the splits that have no file of their own."""
    licence: str = "not stated"
    """Noted in the run."""
    attribution: str = "not stated"
    """Noted in the run."""

    def collect(self, *, name: str, source: str, target: str, say: Say) -> Corpus:
        """Read the files. Raises UserError for files that are missing, unreadable or not aligned."""
        splits = {}
        for split, files in (("train", self.train), ("valid", self.valid), ("test", self.test)):
            if files is not None:
                splits[split] = self._read(files, source, target)
        notes = hold_out_missing(splits, self.hold_out, name)
        return Corpus(
            name=name,
            source_language=source,
            target_language=target,
            splits=splits,
            licence=self.licence,
            attribution=self.attribution,
            notes=notes,
        )

    def _read(self, files: dict[str, str] | TableFile, source: str, target: str) -> Pairs:
        if isinstance(files, str):
            return read_table(Path(files).expanduser(), source, target, self.columns)
        for language in (source, target):
            if language not in files:
                raise UserError(
                    f"The corpus has files for {' and '.join(files)}, but none for {language!r}. "
                    f"Give the path under `{language}:`, or correct source and target."
                )
        return read_aligned(Path(files[source]).expanduser(), Path(files[target]).expanduser())


def hold_out_missing(splits: dict[str, Pairs], hold_out: HoldOut, name: str) -> list[str]:
    """Fill in "valid" and "test", where absent, with pairs held out of "train"; the notes say what was done."""
    missing = [split for split in ("valid", "test") if split not in splits]
    if not missing:
        return []
    parts = split_by_group(
        splits["train"],
        valid=hold_out.pairs(len(splits["train"]), "valid") if "valid" in missing else 0,
        test=hold_out.pairs(len(splits["train"]), "test") if "test" in missing else 0,
        seed=hold_out.seed,
        name=name,
    )
    splits["train"] = parts["train"]
    notes = []
    for split in missing:
        splits[split] = parts[split]
        notes.append(f"{split}: {len(parts[split]):,} pairs held out of train; no sentence stands in two splits.")
    return notes


def read_aligned(source: Path, target: Path) -> Pairs:
    """Two text files (plain or .gz) of which line i of one translates line i of the other."""
    source_lines, target_lines = read_lines(source), read_lines(target)
    if len(source_lines) != len(target_lines):
        raise UserError(
            f"{source} has {len(source_lines):,} lines and {target} has {len(target_lines):,}: line-aligned files have "
            "equally many. Look for a lost line, or whether one of them belongs to another corpus."
        )
    if not source_lines:
        raise UserError(f"{source} and {target} are empty: there is nothing to learn from.")
    return Pairs(source=source_lines, target=target_lines)


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file, plain or .gz, divided at "\\n" alone; a "\\r" before it is no part of the line."""
    raw = _read_bytes(path)
    if b"\x00" in raw[:4096] and not path.name.endswith(".gz"):
        raise UserError(f"{path} is a binary file; line-aligned text in UTF-8 (plain or .gz) is expected.")
    raw = raw.removeprefix(b"\xef\xbb\xbf")  # the byte order mark that editors on Windows put first
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not UTF-8: line {line:,} has the byte 0x{raw[error.start]:02x}. "
            "Convert it first, for example with `iconv -f latin1 -t utf-8`."
        ) from None
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()  # what follows the last line end is no line
    return [line.removesuffix("\r") for line in lines] if "\r" in text else lines


def _read_bytes(path: Path) -> bytes:
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise UserError(f"{path} {what} (seen from {Path.cwd()}). Correct the path.")
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} is no whole gzip file ({error}). Was it cut short? Copy or download it again."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None


def table_format(path: Path) -> str:
    """The format by the file's name: "tsv", "csv", "json" or "parquet"."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in _FORMATS:
        raise UserError(
            f"{path} has the unknown ending {path.suffix!r}. A table ends in {', '.join(_FORMATS)}; two line-aligned "
            "text files are given by language: {de: FILE, en: FILE}."
        )
    return _FORMATS[suffix]


def read_table(path: Path, source: str, target: str, columns: Mapping[str, str | int] | None) -> Pairs:
    """The pairs of one TSV, CSV, JSON lines or Parquet file."""
    form = table_format(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist (seen from {Path.cwd()}). Correct the path.")
    if not path.stat().st_size:
        raise UserError(f"{path} is empty: there is nothing to learn from.")
    numbered = columns is not None and any(isinstance(column, int) for column in columns.values())
    if form in ("tsv", "csv"):
        table = _delimited_table(path, tabs=form == "tsv", has_heading=not numbered)
    elif numbered:
        raise UserError(f"{path}: columns are given by number, which TSV and CSV files allow; here they have names.")
    else:
        table = load_quietly(form, what=str(path), data_files=str(path), split="train")
    return pairs_of(table, what=str(path), source=source, target=target, columns=columns)


def _delimited_table(path: Path, *, tabs: bool, has_heading: bool) -> "datasets.Dataset":
    """A TSV or CSV file, every cell a text.

    Read here and not by the loader of `datasets`, which takes "null" and "NA" for missing, and of a row with one cell
    too many shifts the cells without a word. In a TSV file quotes mean nothing; in a CSV file they may hold line ends.
    """
    import datasets

    lines = read_lines(path)
    if tabs:
        rows = [line.split("\t") for line in lines]
    else:
        reader = csv.reader(line + "\n" for line in lines)
        try:
            rows = [row for row in reader if row]
        except csv.Error as error:
            raise UserError(f"{path} is no proper CSV file: line {reader.line_num:,}: {error}.") from error
    if not rows:
        raise UserError(f"{path} is empty: there is nothing to learn from.")
    names = rows.pop(0) if has_heading else [str(number) for number in range(len(rows[0]))]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"{path} has two columns named {twice[0]!r}. Rename one, or give columns by number.")
    for number, row in enumerate(rows, start=1 + has_heading):
        if len(row) != len(names):
            raise UserError(
                f"{path}: row {number:,} has {len(row)} columns, where the first has {len(names)}. "
                f"Is there a {'tab' if tabs else 'comma or a quote'} too many or too few?"
            )
    cells = list(zip(*rows, strict=True)) or [()] * len(names)
    return datasets.Dataset.from_dict({name: list(column) for name, column in zip(names, cells, strict=True)})


def load_quietly(loader: str, *, what: str, **options: Any) -> Any:
    """`datasets.load_dataset` without its progress bars, its failures told as UserError about `what`."""
    import datasets

    had_bars, level = datasets.utils.logging.is_progress_bar_enabled(), datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)  # what it logs as errors is raised too, and told below
    try:
        with telling_failures(what):
            return datasets.load_dataset(loader, cache_dir=str(cache_dir() / "datasets"), **options)
    finally:
        datasets.logging.set_verbosity(level)
        if had_bars:
            datasets.enable_progress_bars()


@contextmanager
def telling_failures(what: str) -> Iterator[None]:
    """Turns what `datasets` raises, when loading or (in streaming) when reading rows, into a UserError about `what`."""
    import datasets

    try:
        yield
    except (datasets.exceptions.DatasetGenerationError, ValueError, OSError, RuntimeError, StopIteration) as error:
        cause = error.__cause__ or error
        reason = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise UserError(f"{what} cannot be read: {reason}") from error


def pairs_of(
    table: "datasets.Dataset | datasets.IterableDataset",
    *,
    what: str,
    source: str,
    target: str,
    columns: Mapping[str, str | int] | None,
    max_pairs: int | None = None,
) -> Pairs:
    """The pairs of a dataset: two text columns, or a column of dictionaries from language to text."""
    names = [str(name) for name in table.column_names or []]
    chosen = {language: str(column) for language, column in (columns or {}).items()}
    if columns is None and not {source, target} <= set(names) and "translation" in names:
        chosen = dict.fromkeys((source, target), "translation")
    for language in (source, target):
        if chosen.get(language, language) not in names:
            raise UserError(
                f"{what} has no column {chosen.get(language, language)!r} for {language!r}; it has "
                f"{', '.join(names) or 'no columns'}. "
                f"Name the right one in the config: columns: {{{source}: COLUMN, {target}: COLUMN}}."
            )
    lines: dict[str, list[str]] = {source: [], target: []}
    rows = table if max_pairs is None else table.take(max_pairs)
    with telling_failures(what):
        for batch in rows.iter(batch_size=1000):
            for language, texts in lines.items():
                column = chosen.get(language, language)
                for value in batch[column]:
                    text = value.get(language) if isinstance(value, Mapping) else value
                    if not isinstance(text, str):
                        raise UserError(
                            f"{what}: row {len(texts) + 1:,} has {text!r} in column {column!r}, where text in "
                            f"{language!r} is expected. Choose another column, or mend the row."
                        )
                    texts.append(text)
    if not lines[source]:
        raise UserError(f"{what} has no rows: there is nothing to learn from.")
    return Pairs(source=lines[source], target=lines[target])
