"""All mistakes of a section at once."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from seq2seq.config.renamed import RENAMED_KEYS
from seq2seq.config.section import Section, describe_error, keys_at, nearest_key
from seq2seq.config.sources import KINDS as SOURCE_KINDS

AnySection = TypeVar("AnySection", bound=Section)

Location = tuple[int | str, ...]
"""The keys and list positions that lead to a value."""


def validate(
    kind: type[AnySection], raw: Mapping[str, Any], path: str
) -> tuple[AnySection | None, list[str]]:
    """Checks a section.

    Args:
        kind: the type of the section.
        raw: its keys and values.
        path: its dotted path in the file, for the messages.

    Returns:
        The section, or None and a line for each of its mistakes.
    """
    try:
        return kind.model_validate(raw), []
    except ValidationError as error:
        problems = _describe(path, kind, error)
        unknown = _unknown_keys(error)
    if not unknown:
        return None, problems
    # Rules between keys are checked only if every key is known.
    corrected, meant = _corrected(raw, kind, unknown, path)
    try:
        kind.model_validate(corrected)
    except ValidationError as error:
        more = _describe(path, kind, error, guessed=meant)
        problems += [line for line in more if line not in problems]
    return None, problems


def _describe(
    prefix: str, kind: type[Section], error: ValidationError, guessed: Sequence[Location] = ()
) -> list[str]:
    """Returns a line for each mistake.

    Args:
        prefix: the dotted path of the section.
        kind: its type.
        error: what pydantic found.
        guessed: the keys that were probably meant. Where a value has the wrong type for one, the
            guess is wrong, and not the value.
    """
    lines = []
    for details in error.errors(include_url=False):
        location = _without_kind(details["loc"])
        has_wrong_type = details["type"].endswith(("_type", "_parsing", "_from_float"))
        if has_wrong_type and location in guessed:
            continue
        entry = {**details, "loc": location}
        path = ".".join([prefix, *map(str, location)])
        if entry["type"] == "extra_forbidden" and path in RENAMED_KEYS:
            lines.append(f"{path}: this key is now called {RENAMED_KEYS[path]}")
        else:
            lines.append(describe_error(prefix, kind, entry))
    return lines


def _without_kind(location: Location) -> Location:
    """Leaves out the kind of a source, which pydantic adds after `corpus` and `corpora.0.name`.

    It is not part of the path in the file.
    """
    end = {"corpus": 1, "corpora": 3}.get(str(location[0]), 0) if location else 0
    if end and location[end : end + 1] and location[end] in SOURCE_KINDS:
        return (*location[:end], *location[end + 1 :])
    return location


def _unknown_keys(error: ValidationError) -> list[Location]:
    return [
        _without_kind(details["loc"])
        for details in error.errors(include_url=False)
        if details["type"] == "extra_forbidden"
    ]


def _corrected(
    raw: Mapping[str, Any], kind: type[Section], unknown: Sequence[Location], path: str
) -> tuple[dict[str, Any], list[Location]]:
    """Returns a copy in which unknown keys have the names that were probably meant, and where these
    are.

    Keys that resemble no other are left out.
    """
    corrected = copy.deepcopy(dict(raw))
    guessed: list[Location] = []
    for *parents, key in unknown:
        section: Any = corrected
        for part in parents:
            section = section[part]
        value = section.pop(key)
        names = [str(part) for part in parents]
        new_path = RENAMED_KEYS.get(".".join([path, *names, str(key)]))
        if new_path is not None:
            meant: str | None = new_path.rpartition(".")[2]
        else:
            meant = nearest_key(str(key), keys_at(kind, names))
        if meant is not None:
            section.setdefault(meant, value)
            guessed.append((*parents, meant))
    return corrected, guessed
