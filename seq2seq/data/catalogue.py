"""The catalogue: the corpora that can be named, where each comes from, and under which licence."""

import difflib
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from seq2seq.data.places import catalogue_file
from seq2seq.data.sources import AnySource
from seq2seq.data.sources.hub import HubSpec
from seq2seq.errors import UserError

PLACEHOLDER = "LL"
"""In the name of an entry that stands for several corpora: the place of the language code."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A corpus of the catalogue, or with `LL` in its name and languages a family of them."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    """What a config or `seq2seq data fetch` calls it."""
    languages: tuple[str, str]
    """The two languages; either can be the source."""
    choices: tuple[str, ...] = ()
    """The codes that may stand for `LL`."""
    description: str
    """A line for `seq2seq data list`."""
    size: str
    """About how many training pairs, and how long they are."""
    licence: str
    """Short name of the licence."""
    attribution: str
    """Whom to name."""
    files: dict[str, str] = field(default_factory=dict)
    """Split -> the beginning of its file's name, where the two differ: `test: test2016`."""
    source: AnySource
    """Where `fetch` gets it."""


@cache
def load_catalogue() -> dict[str, Entry]:
    """The entries by name. Raises UserError if the file is missing or broken."""
    path = catalogue_file()
    try:
        raw: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = [{"name": name, **entry} for name, entry in raw.items()]
        return {entry.name: entry for entry in TypeAdapter(list[Entry]).validate_python(entries)}
    except FileNotFoundError:
        raise UserError(f"The catalogue {path} does not exist. Install seq2seq again, or restore the file.") from None
    except (yaml.YAMLError, ValidationError, AttributeError, TypeError) as error:
        raise UserError(f"The catalogue {path} is broken: {error}") from error


def find_entry(name: str) -> Entry | None:
    """The entry of that name, with `LL` filled in; None if there is none."""
    catalogue = load_catalogue()
    if name in catalogue and PLACEHOLDER not in name:
        return catalogue[name]
    for entry in catalogue.values():
        before, found, after = entry.name.partition(PLACEHOLDER)
        code = name.removeprefix(before).removesuffix(after)
        if found and name == before + code + after and code in entry.choices:
            return _filled_in(entry, code)
    return None


def _filled_in(entry: Entry, code: str) -> Entry:
    """The entry with the language code in the place of `LL`, also in what its source names."""
    first, second = (code if language == PLACEHOLDER else language for language in entry.languages)
    source = entry.source
    if isinstance(source, HubSpec):
        columns = {code if key == PLACEHOLDER else key: column for key, column in (source.columns or {}).items()}
        config = None if source.config is None else source.config.replace(PLACEHOLDER, code)
        source = replace(source, config=config, columns=columns or None)
    name = entry.name.replace(PLACEHOLDER, code)
    return replace(entry, name=name, languages=(first, second), choices=(), source=source)


def unknown_corpus(name: str) -> UserError:
    """The error for a name that is neither in the catalogue nor a folder of data, with the nearest names."""
    catalogue = load_catalogue()
    if name in catalogue:  # with the placeholder in it, or it would have been found
        choices = catalogue[name].choices
        example = name.replace(PLACEHOLDER, choices[0])
        return UserError(
            f"In {name!r} {PLACEHOLDER} stands for a language: write for example {example}. "
            f"There are {', '.join(choices)}."
        )
    names = [known for known in catalogue if PLACEHOLDER not in known]
    for entry in catalogue.values():
        names += [entry.name.replace(PLACEHOLDER, code) for code in entry.choices]
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
    return UserError(
        f"There is no corpus {name!r} in the catalogue, nor a folder of that name with train files.{hint} "
        "`seq2seq data list` shows all."
    )
