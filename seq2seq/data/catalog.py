"""The catalog: the corpora that have a name, where each comes from, and its license."""

import difflib
from functools import cache
from typing import Any

import yaml
from pydantic import Field, ValidationError

from seq2seq.config.section import Section
from seq2seq.config.sources import AnySource, HubSource
from seq2seq.errors import UserError
from seq2seq.paths import catalog_file

PLACEHOLDER = "LL"
"""Stands for a language code in the name of an entry that describes several corpora."""


class CatalogEntry(Section):
    """A corpus of the catalog, or several if its name and languages contain `LL`."""

    name: str
    """The name in a config or in `seq2seq data fetch`."""
    languages: tuple[str, str]
    """The two languages. Either can be the source."""
    choices: tuple[str, ...] = ()
    """The language codes that may stand for `LL`."""
    description: str
    """A line for `seq2seq data list`."""
    size: str
    """How many training pairs there are, roughly, and how long they are."""
    license: str
    """Short name of the license."""
    attribution: str
    """Whom to credit."""
    files: dict[str, str] = Field(default_factory=dict)
    """Split -> the start of its file names, if it is not the split's name: `test: test2016`."""
    source: AnySource
    """Where `fetch` gets it."""


@cache
def load_catalog() -> dict[str, CatalogEntry]:
    """Returns the entries by name.

    Raises:
        UserError: the catalog is missing or broken.
    """
    path = catalog_file()
    try:
        raw: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {name: CatalogEntry(**{"name": name, **entry}) for name, entry in raw.items()}
    except FileNotFoundError:
        raise UserError(
            f"The catalog {path} does not exist. Install seq2seq again, or restore the file."
        ) from None
    except (yaml.YAMLError, ValidationError, AttributeError, TypeError) as error:
        raise UserError(f"The catalog {path} is broken: {error}") from error


def find_entry(name: str) -> CatalogEntry | None:
    """Returns the entry of a corpus, with `LL` filled in, or None."""
    catalog = load_catalog()
    if name in catalog and PLACEHOLDER not in name:
        return catalog[name]
    for entry in catalog.values():
        if PLACEHOLDER not in entry.name:
            continue
        before, _, after = entry.name.partition(PLACEHOLDER)
        code = name.removeprefix(before).removesuffix(after)
        if name == before + code + after and code in entry.choices:
            return _fill_in(entry, code)
    return None


def unknown_corpus(name: str) -> UserError:
    """Makes the error for a name that is neither in the catalog nor a folder of a corpus."""
    catalog = load_catalog()
    if name in catalog:  # `find_entry` finds all but those with the placeholder
        choices = catalog[name].choices
        example = name.replace(PLACEHOLDER, choices[0])
        return UserError(
            f"{PLACEHOLDER} in {name!r} stands for a language. Write {example}, for example. "
            f"Choose one of {', '.join(choices)}."
        )
    names = [entry_name for entry_name in catalog if PLACEHOLDER not in entry_name]
    for entry in catalog.values():
        names += [entry.name.replace(PLACEHOLDER, code) for code in entry.choices]
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
    return UserError(
        f"There is no corpus {name!r}: it is not in the catalog, and no data folder has a folder "
        f"of that name with training files.{hint} Run `seq2seq data list` to see all corpora."
    )


def _fill_in(entry: CatalogEntry, code: str) -> CatalogEntry:
    """Replaces `LL` with a language code, also in the settings of the source."""
    languages = tuple(_fill_in_text(language, code) for language in entry.languages)
    source = entry.source
    if isinstance(source, HubSource):
        columns = None
        if source.columns is not None:
            columns = {_fill_in_text(key, code): name for key, name in source.columns.items()}
        config = None if source.config is None else _fill_in_text(source.config, code)
        source = source.replace(config=config, columns=columns)
    name = _fill_in_text(entry.name, code)
    return entry.replace(name=name, languages=languages, choices=(), source=source)


def _fill_in_text(text: str, code: str) -> str:
    return text.replace(PLACEHOLDER, code)
