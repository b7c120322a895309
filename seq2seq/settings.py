"""The settings that translating needs, as plain values.

A config (config/) has many more, and checks them with pydantic. These are read from
translator.json, which an exported folder has, without pydantic and in a millisecond.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

import regex

from seq2seq.errors import UserError

NormalForm = Literal["nfc", "nfkc", "none"]
"""The Unicode form of text; see `CleaningConfig.normalize`."""

FORMAT = 1
"""The version of translator.json. It grows when an older program could misread the file."""

_FEWEST_SOURCE_TOKENS = 2
"""One and </s>."""

# Field of SearchSettings -> its smallest and its largest value.
_RANGES: dict[str, tuple[float, float]] = {
    "beam": (1, math.inf),
    "nbest": (1, math.inf),
    "length_penalty": (0, 10),
    "max_length_ratio": (0, 1000),
    "no_repeat_ngram_size": (0, math.inf),
    "prune": (0, math.inf),
    "batch_tokens": (1, math.inf),
}


@dataclass(frozen=True)
class SearchSettings:
    """How translations are searched for. The fields are those of `SearchConfig`.

    Raises:
        UserError: a value is out of its range. The message has a line for each mistake.
    """

    beam: int = 5
    nbest: int = 1
    length_penalty: float = 1.0
    max_length_ratio: float = 2.0
    no_repeat_ngram_size: int = 6
    prune: float = 1.5
    batch_tokens: int = 12000

    def __post_init__(self) -> None:
        mistakes: list[str] = []
        for setting in fields(self):
            mistakes += _mistakes(setting.name, getattr(self, setting.name), setting.type)
        if not mistakes:
            mistakes = self._mistakes_across()
        if mistakes:
            raise UserError("\n".join(mistakes))

    def _mistakes_across(self) -> list[str]:
        mistakes = []
        if self.nbest > self.beam:
            mistakes.append(f"nbest must be at most beam ({self.beam}); give a larger beam")
        if self.no_repeat_ngram_size == 1:
            mistakes.append("no_repeat_ngram_size must be 0 (off) or at least 2")
        if self.max_length_ratio == 0:
            mistakes.append("max_length_ratio must be greater than 0")
        return mistakes

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with some fields changed.

        Raises:
            UserError: there is no such field, or a value is out of its range.
        """
        names = [setting.name for setting in fields(self)]
        for name in changes:
            if name not in names:
                raise UserError(f"{name}: unknown search setting; known ones: {', '.join(names)}")
        return replace(self, **changes)

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Returns a copy with some fields changed. A larger `nbest` alone raises the beam."""
        nbest = changes.get("nbest")
        if isinstance(nbest, int) and "beam" not in changes:
            changes = {**changes, "beam": max(self.beam, nbest)}
        return self.replace(**changes)


def _mistakes(name: str, value: object, kind: Any) -> list[str]:
    """Returns what is wrong with the value of one search setting."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [f"{name} must be a number (got {value!r})"]
    if not math.isfinite(value):
        return [f"{name} must be a finite number (got {value!r})"]
    if kind is int and not isinstance(value, int):
        return [f"{name} must be a whole number (got {value!r})"]
    least, most = _RANGES[name]
    if value < least:
        return [f"{name} must be at least {least:g} (got {value!r})"]
    if value > most:
        return [f"{name} must be at most {most:g} (got {value!r})"]
    return []


@dataclass(frozen=True)
class TextSettings:
    """How a line is prepared for the model. The fields are those of `TextConfig`."""

    sentences: bool = True
    case: Literal["factor", "cased"] = "factor"
    spans: bool = True
    unknown_words: Literal["copy", "translate"] = "copy"
    protect: tuple[str, ...] = ()
    numbers: Literal["copy", "localize"] = "copy"


@dataclass(frozen=True, kw_only=True)
class TranslatorSettings:
    """Everything besides the model and the tokenizer that a translation depends on.

    Attributes:
        source: code of the source language, such as "de".
        target: code of the target language.
        normalize: the Unicode form of the training text; see `CleaningConfig.normalize`.
        max_source_tokens: longer sentences are divided. </s> counts.
        text: how a line is prepared.
        search: how translations are searched for.
    """

    source: str
    target: str
    normalize: NormalForm = "nfc"
    max_source_tokens: int = 128
    text: TextSettings = field(default_factory=TextSettings)
    search: SearchSettings = field(default_factory=SearchSettings)

    def to_json(self, **others: Any) -> str:
        """Returns the content of translator.json.

        Args:
            **others: what else the file says.
        """
        content = {"format": FORMAT, **asdict(self), **others}
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read_settings(path: Path) -> TranslatorSettings:
    """Reads translator.json. Keys that this version does not know are ignored.

    Raises:
        UserError: the file is damaged, or a newer version of this program wrote it.
    """
    content = read_content(path)
    try:
        text = {**content["text"]}
        if isinstance(text.get("protect"), list):
            text["protect"] = tuple(text["protect"])
        values = {
            **content,
            "text": _known(TextSettings, text),
            "search": _known(SearchSettings, content["search"]),
        }
        settings = _known(TranslatorSettings, values)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"a setting is missing or has the wrong type ({error})") from None
    except UserError as error:
        raise _damaged(path, str(error).replace("\n", "; ")) from None
    mistakes = [*_wrong_values(settings), *_wrong_values(settings.text)]
    if not mistakes and settings.max_source_tokens < _FEWEST_SOURCE_TOKENS:
        mistakes.append(f"max_source_tokens must be at least {_FEWEST_SOURCE_TOKENS}")
    for pattern in settings.text.protect:
        try:
            regex.compile(pattern)
        except (regex.error, TypeError):
            mistakes.append(f"protect: {pattern!r} is not a pattern")
    if mistakes:
        raise _damaged(path, "; ".join(mistakes))
    return settings


def read_content(path: Path) -> dict[str, Any]:
    """Returns the object in translator.json, of a version that this program can read.

    Raises:
        UserError: the file cannot be read, or a newer version of this program wrote it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError):
        raise _damaged(path, "it is not JSON") from None
    if not isinstance(content, dict) or type(content.get("format")) is not int:
        raise _damaged(path, "it has no format")
    if content["format"] > FORMAT:
        raise UserError(
            f"{path} was written by a newer version of this program (format "
            f"{content['format']}). Install that version."
        )
    return content


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"{path} is damaged: {why}. Export the run again.")


def _wrong_values(settings: object) -> list[str]:
    """Returns what is wrong with the fields that have plain types or a choice of values."""
    mistakes = []
    for name, kind in get_type_hints(type(settings)).items():
        value = getattr(settings, name)
        if get_origin(kind) is Literal:
            if value not in get_args(kind):
                choices = ", ".join(map(str, get_args(kind)))
                mistakes.append(f"{name} must be one of {choices} (got {value!r})")
        elif kind in (str, int, bool):
            if type(value) is not kind:
                mistakes.append(f"{name} must be of type {kind.__name__} (got {value!r})")
        elif get_origin(kind) is tuple and not isinstance(value, tuple):
            mistakes.append(f"{name} must be a list (got {value!r})")
    return mistakes


T = TypeVar("T")


def _known(kind: type[T], values: Mapping[str, Any]) -> T:
    """Makes a `kind` of the values that are fields of it."""
    names = {setting.name for setting in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in dict(values).items() if name in names})
