"""Sentence pairs from tables of Hugging Face `datasets`."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from seq2seq.data.corpus import Pairs
from seq2seq.errors import UserError
from seq2seq.paths import cache_dir

if TYPE_CHECKING:
    import datasets

    Table: TypeAlias = datasets.Dataset | datasets.IterableDataset

_ROWS_PER_BATCH = 1000


def load_table(loader: str, *, description: str, **options: Any) -> "Table":
    """Calls `datasets.load_dataset` without its progress bars and log messages.

    Args:
        loader: a dataset ID, a folder, or a file format such as "json".
        description: how error messages name the table.
        options: passed to `datasets.load_dataset`.

    Raises:
        UserError: the table cannot be loaded.
    """
    import datasets

    had_progress_bar = datasets.utils.logging.is_progress_bar_enabled()
    verbosity = datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    # What `datasets` logs as an error it also raises.
    datasets.logging.set_verbosity(logging.CRITICAL)
    try:
        with _user_errors(description):
            folder = str(cache_dir() / "datasets")
            return datasets.load_dataset(loader, cache_dir=folder, **options)
    finally:
        datasets.logging.set_verbosity(verbosity)
        if had_progress_bar:
            datasets.enable_progress_bars()


def pairs_from_table(
    table: "Table",
    *,
    description: str,
    source: str,
    target: str,
    columns: Mapping[str, str | int] | None,
    max_pairs: int | None = None,
    may_lack_header: bool = False,
) -> Pairs:
    """Reads two text columns, or one column of dictionaries from language to text.

    Args:
        table: the table.
        description: how error messages name the table.
        source: code of the source language.
        target: code of the target language.
        columns: language -> column. By default, columns named like the languages, or else a
            column `translation` that holds both.
        max_pairs: read the first rows only.
        may_lack_header: the first row, which gave the columns their names, may be a pair.

    Raises:
        UserError: a column is missing, a cell is not text, or there are no rows.
    """
    columns = _choose_columns(
        table, description, source, target, columns, may_lack_header=may_lack_header
    )
    texts: dict[str, list[str]] = {source: [], target: []}
    rows = table if max_pairs is None else table.take(max_pairs)
    # A streamed table is read here, so errors of the network appear here too.
    with _user_errors(description):
        for batch in rows.iter(batch_size=_ROWS_PER_BATCH):
            for language, language_texts in texts.items():
                column = columns[language]
                for cell in batch[column]:
                    text = cell.get(language) if isinstance(cell, Mapping) else cell
                    if not isinstance(text, str):
                        raise UserError(
                            f"{description}: row {len(language_texts) + 1:,} has {text!r} in "
                            f"column {column!r}, but text in {language!r} is required. Choose "
                            "another column, or correct the row."
                        )
                    language_texts.append(text)
    if not texts[source]:
        raise UserError(f"{description} has no rows. A corpus needs at least one pair.")
    return Pairs(source=texts[source], target=texts[target])


def _choose_columns(
    table: "Table",
    description: str,
    source: str,
    target: str,
    columns: Mapping[str, str | int] | None,
    *,
    may_lack_header: bool,
) -> dict[str, str]:
    """Returns the column of each language."""
    names = [str(name) for name in table.column_names or []]
    chosen = {source: source, target: target}
    if columns is not None:
        for language, column in columns.items():
            chosen[language] = str(column)
    elif not {source, target} <= set(names) and "translation" in names:
        chosen = {source: "translation", target: "translation"}
    for language in (source, target):
        if chosen[language] not in names:
            message = (
                f"{description} has no column {chosen[language]!r} for {language!r}. Its columns: "
                f"{', '.join(names) or 'none'}. Name the right ones in the config: "
                f"columns: {{{source}: COLUMN, {target}: COLUMN}}."
            )
            if may_lack_header:
                message += (
                    " If the file has no header, give numbers: "
                    f"columns: {{{source}: 0, {target}: 1}}."
                )
            raise UserError(message)
    return chosen


@contextmanager
def _user_errors(description: str) -> Iterator[None]:
    """Turns the errors of `datasets` into a UserError."""
    import datasets

    try:
        yield
    except (
        datasets.exceptions.DatasetGenerationError,
        ValueError,
        OSError,
        RuntimeError,
        StopIteration,
    ) as error:
        cause = error.__cause__ or error
        lines = str(cause).strip().splitlines()
        reason = lines[0] if lines else type(cause).__name__
        raise UserError(f"{description} cannot be read: {reason}") from error
