"""One typed config for a run: put together from the sections' dataclasses, which live beside their owners.

A section's fields, their units and defaults are documented there: DataConfig (data/corpora.py), TokenizerConfig
(data/tokenizer.py), BatchingConfig (data/batching.py), LSTMConfig (models/lstm.py), TrainingConfig
(training/settings.py), SearchConfig (decoding/search.py).
"""

import difflib
import math
import typing
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from seq2seq.data.batching import BatchingConfig
from seq2seq.data.corpora import DataConfig
from seq2seq.data.places import checkout_dir
from seq2seq.data.tokenizer import TokenizerConfig
from seq2seq.decoding.search import SearchConfig
from seq2seq.errors import UserError
from seq2seq.models import FAMILIES
from seq2seq.training.settings import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that decides what a run does."""

    data: DataConfig
    """The corpus, the direction, the cleaning."""
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    """Text to pieces."""
    batching: BatchingConfig = field(default_factory=BatchingConfig)
    """Pairs to batches."""
    model: Any
    """The family and its sizes; a dataclass of FAMILIES."""
    training: TrainingConfig
    """Budget, optimiser, validation."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """Beam search when translating and evaluating."""


def load_config(path: Path, overrides: typing.Sequence[str] = ()) -> Config:
    """Reads a YAML file and applies `section.key=value` overrides. Raises UserError with all that is wrong at once."""
    path = find_config(path)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a config: {error}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path} is no config: it must hold the sections {', '.join(_sections())}.")
    for override in overrides:
        _apply(raw, override)
    return parse_config(raw, str(path))


def find_config(path: Path, *, of: str = "run") -> Path:
    """The file itself, or, for a bare name such as `demo`, the config of that name that comes along: of a run, or of a
    `comparison`."""
    if path.is_file():
        return path
    own = config_dir() / f"{path.name.removesuffix('.yaml')}.yaml"
    if path.parent == Path() and own.is_file():
        return own
    # compare.yaml is a config of a comparison (seq2seq/comparison/settings.py), not of a run.
    fitting = [file.stem for file in config_dir().glob("*.yaml") if (file.stem == "compare") == (of == "comparison")]
    there = ", ".join(sorted(fitting))
    raise UserError(f"There is no config {path} (seen from {Path.cwd()}). Those that come along are: {there}.")


def config_dir() -> Path:
    """`configs/` of a checkout, or the copy in an installed package."""
    checkout = checkout_dir()
    return Path(__file__).with_name("configs") if checkout is None else checkout / "configs"


def parse_config(raw: dict[str, Any], where: str) -> Config:
    """Checks a config as it was read. Raises UserError with all that is wrong at once."""
    problems = [
        f"{name}: unknown section{_nearest(str(name), list(_sections()))}" for name in raw if name not in _sections()
    ]
    sections: dict[str, Any] = {}
    for name, kind in _sections().items():
        given = raw.get(name)
        if given is None and name in ("data", "model", "training"):
            problems.append(f"{name}: this section is missing")
            continue
        given = {} if given is None else given
        if not isinstance(given, dict):
            problems.append(f"{name}: must be a section with keys, not {given!r}")
            continue
        if name == "model":
            if not isinstance(given.get("family"), str) or given["family"] not in FAMILIES:
                near = _nearest(str(given.get("family")), list(FAMILIES))
                problems.append(f"model.family: {given.get('family')!r} is no family{near}")
                continue
            kind = FAMILIES[given["family"]][0]
        try:
            sections[name] = TypeAdapter(kind).validate_python(given)
        except ValidationError as error:
            problems += [problem_of(name, kind, dict(entry)) for entry in error.errors(include_url=False)]
    problems += [f"{path}: {value} is no number that can be used" for path, value in _not_finite(raw, "")]
    problems += _across(sections)
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise UserError(f"{where} has {len(problems)} mistake{'s' if len(problems) > 1 else ''}:\n{lines}")
    return Config(**sections)


def _not_finite(value: Any, path: str) -> Iterator[tuple[str, float]]:
    """(path, value) of every nan and infinity: they pass comparisons with limits, and train to nothing."""
    if isinstance(value, float) and not math.isfinite(value):
        yield path, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _not_finite(part, f"{path}.{key}" if path else str(key))


def dump_config(config: Config) -> str:
    """The whole config, defaults included, as YAML that `load_config` reads."""
    return yaml.safe_dump(_plain(asdict(config)), sort_keys=False, allow_unicode=True)


def _sections() -> dict[str, Any]:
    kinds = typing.get_type_hints(Config)
    return {entry.name: kinds[entry.name] for entry in fields(Config)}


def _apply(raw: dict[str, Any], override: str) -> None:
    """Sets one value by its dotted path; a path into what is no section is left to the check."""
    dotted, equals, text = override.partition("=")
    if not equals or not dotted.strip():
        raise UserError(f"--set {override}: write it as section.key=value, for example model.hidden_size=256.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    *parents, last = dotted.strip().split(".")
    place = raw
    for parent in parents:
        inner = place.get(parent)
        if inner is None:  # absent, or a section left empty
            inner = place[parent] = {}
        if not isinstance(inner, dict):
            raise UserError(f"--set {override}: {parent} is not a section but {inner!r}.")
        place = inner
    # A budget is one of three: setting one replaces what the file gave.
    if parents[-1:] == ["budget"]:
        place.clear()
    place[last] = value


def problem_of(section: str, kind: Any, entry: dict[str, Any]) -> str:
    """One line for one error: dotted path, value, rule, and the nearest key for an unknown one."""
    place = [str(part) for part in entry["loc"]]
    path = ".".join([section, *place] if section else place)
    if entry["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{path}: unknown key{_nearest(place[-1], _keys(kind, place[:-1]))}"
    if entry["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"{path}: must be given"
    message = entry["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    given = entry.get("input")
    shown = "" if isinstance(given, dict) or type(given).__name__ == "ArgsKwargs" else f" (it is {given!r})"
    return f"{path}: {message[:1].lower()}{message[1:]}{shown}"


def _keys(kind: Any, place: list[str]) -> list[str]:
    """The keys of the dataclass at `place` below `kind`; parts that only name a member of a union are passed over."""
    for part in place:
        if is_dataclass(kind) and part in (entry.name for entry in fields(kind)):
            kind = typing.get_type_hints(kind)[part]
    members = [kind, *typing.get_args(kind)]
    return sorted({entry.name for member in members if is_dataclass(member) for entry in fields(member)})


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known)}" if known else ""


def _across(sections: dict[str, Any]) -> list[str]:
    """Rules between sections."""
    problems = []
    model, tokenizer = sections.get("model"), sections.get("tokenizer")
    if getattr(model, "tie_embeddings", None) == "all" and tokenizer is not None and not tokenizer.joint:
        problems.append("model.tie_embeddings: 'all' needs tokenizer.joint: true; use 'target' or 'none'")
    return problems


def _plain(value: Any) -> Any:
    """Tuples as lists and paths as text, for YAML."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value
