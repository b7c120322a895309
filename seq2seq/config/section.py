"""The base class of all config sections, and one-line messages for mistakes in them."""

import difflib
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

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
    """A frozen, typed group of settings.

    Unknown keys, NaN and infinity are errors. So are true or false where a number is meant, and
    a text or a number where true or false is meant.
    """

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

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_other_values_as_booleans(cls, value: Any, info: ValidationInfo) -> Any:
        """pydantic also reads "no" as false and 1 as true. YAML reads an unquoted no as false."""
        if cls.model_fields[str(info.field_name)].annotation is bool:
            if not isinstance(value, bool):
                raise PydanticCustomError("bool_type", "must be true or false")
        return value

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        refuse(type(self), self.broken_rules())
        return self

    def broken_rules(self) -> Iterator[str]:
        """Yields a message for each rule between keys that the values break."""
        yield from ()

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with some fields changed. The copy is checked like a new section.

        Raises:
            pydantic.ValidationError: a change breaks a rule.
        """
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**(values | changes))


def broken_rule(message: str) -> PydanticCustomError:
    """Makes the error for a rule between keys. Its message says which values are meant."""
    return PydanticCustomError("rule", "{message}", {"message": message})


def refuse(kind: type[Section], messages: Iterable[str]) -> None:
    """Raises all of the messages at once, in a validator. Without any, it does nothing.

    Raises:
        pydantic.ValidationError: there is a message.
    """
    errors = [InitErrorDetails(type=broken_rule(message), input=None) for message in messages]
    if errors:
        raise ValidationError.from_exception_data(kind.__name__, errors)


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
        return f"{path}: unknown key{suggest(location[-1], keys_at(section, location[:-1]))}"
    if error["type"] == "missing":
        return f"{path}: required"
    if error["type"] in _RULES:
        return f"{path}: {_RULES[error['type']]} (got {error.get('input')!r})"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message.replace("Input should", "must").replace("String should", "must")
    if error["type"] == "rule" or isinstance(error.get("input"), dict | BaseModel):
        return f"{path}: {message[:1].lower()}{message[1:]}"
    return f"{path}: {message[:1].lower()}{message[1:]} (got {error.get('input')!r})"


def suggest(word: str, keys: Iterable[str]) -> str:
    """Returns "; did you mean X?" for the nearest key, or else the list of known keys."""
    keys = list(keys)
    nearest = nearest_key(word, keys)
    if nearest is not None:
        return f"; did you mean {nearest}?"
    return f"; known keys: {', '.join(keys)}" if keys else ""


def nearest_key(word: str, keys: Iterable[str]) -> str | None:
    """Returns the key that was probably meant, or None."""
    nearest = difflib.get_close_matches(word, list(keys), n=1, cutoff=0.5)
    return nearest[0] if nearest else None


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


def keys_at(section: Any, location: list[str]) -> list[str]:
    """Returns the keys that are allowed at `location` below `section`.

    Parts of the location that only name a member of a union or a place in a list are skipped.
    """
    kinds = _sections_in(section)
    for part in location:
        inner = [kind.model_fields[part].annotation for kind in kinds if part in kind.model_fields]
        if inner:
            kinds = [kind for annotation in inner for kind in _sections_in(annotation)]
    return sorted({key for kind in kinds for key in kind.model_fields})


def _sections_in(annotation: Any) -> list[type[Section]]:
    """Returns the sections that a value of this annotation may be or may have in a list."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [kind for part in typing.get_args(annotation) for kind in _sections_in(part)]
