"""The base class of all config sections, and one-line messages for mistakes in them."""

import difflib
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

_TYPE_NAMES = {"str", "int", "float", "bool"}
# pydantic's error type -> the rule as a user would say it.
_RULES = {
    "model_type": "must be a section with keys",
    "model_attributes_type": "must be a section with keys",
    "dict_type": "must be a section with keys",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list",
}


class Section(BaseModel):
    """A frozen, typed group of settings. Unknown keys, NaN, infinity, and true or false where a
    number is meant are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_booleans_as_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """pydantic reads true as 1. Its strict mode would also refuse "1e-3", which YAML takes for
        text."""
        kinds = _plain_types(cls.model_fields[str(info.field_name)].annotation)
        if bool in kinds or not {int, float} & kinds or not _has_boolean(value):
            return value
        number = "a number" if float in kinds else "a whole number"
        raise ValueError(f"must be {'text or ' if str in kinds else ''}{number}")

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with some fields changed. The copy is checked like a new section.

        Raises:
            pydantic.ValidationError: a change breaks a rule.
        """
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**(values | changes))


def describe_error(prefix: str, section: Any, error: Mapping[str, Any]) -> str:
    """Describes one pydantic error in one line: dotted path, rule, value, nearest key.

    Args:
        prefix: dotted path of the section in the file; empty for the top level.
        section: the section's type, used to suggest the nearest key.
        error: one entry of `ValidationError.errors()`.
    """
    # pydantic puts the member of a union behind a field: "dict[str,str]", "str".
    parts = [str(part) for part in error["loc"]]
    location = [part for part in parts if part not in _TYPE_NAMES and "[" not in part]
    path = ".".join([prefix, *location] if prefix else location)
    if error["type"] == "extra_forbidden":
        return f"{path}: unknown key{suggest(location[-1], _keys_at(section, location[:-1]))}"
    if error["type"] == "missing":
        return f"{path}: required"
    if error["type"] in _RULES:
        return f"{path}: {_RULES[error['type']]} (got {error.get('input')!r})"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message.replace("Input should", "must").replace("String should", "must")
    if isinstance(error.get("input"), dict | BaseModel):
        return f"{path}: {message[:1].lower()}{message[1:]}"
    return f"{path}: {message[:1].lower()}{message[1:]} (got {error.get('input')!r})"


def suggest(word: str, keys: Iterable[str]) -> str:
    """Returns "; did you mean X?" for the nearest key, or else the list of known keys."""
    keys = list(keys)
    nearest = difflib.get_close_matches(word, keys, n=1, cutoff=0.5)
    if nearest:
        return f"; did you mean {nearest[0]}?"
    return f"; known keys: {', '.join(keys)}" if keys else ""


def mistakes_message(where: str, problems: list[str]) -> str:
    """Joins all problems of one file into one message."""
    noun = "mistake" if len(problems) == 1 else "mistakes"
    lines = "\n".join(f"  {problem}" for problem in problems)
    return f"{where} has {len(problems)} {noun}:\n{lines}"


def _plain_types(annotation: Any) -> set[type]:
    """Returns the types that a value of this annotation consists of: `tuple[int, ...] | None` ->
    tuple, int, None."""
    kinds = {annotation} if isinstance(annotation, type) else set()
    for argument in typing.get_args(annotation):
        kinds |= _plain_types(argument)
    return kinds


def _has_boolean(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_boolean, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_boolean, value))
    return isinstance(value, bool)


def _keys_at(section: Any, location: list[str]) -> list[str]:
    """Returns the keys that are allowed at `location` below `section`.

    Parts of the location that only name a member of a union are skipped.
    """
    kind = section
    for part in location:
        fields = getattr(kind, "model_fields", {})
        if part in fields:
            kind = fields[part].annotation
    members = [kind, *typing.get_args(kind)]
    keys = {key for member in members for key in getattr(member, "model_fields", {})}
    return sorted(keys)
