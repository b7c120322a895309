"""What `seq2seq compare` measures, and how large: the typed form of configs/compare.yaml."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from seq2seq.config import Config, find_config, load_config, problem_of
from seq2seq.errors import UserError
from seq2seq.models import FAMILIES


@dataclass(frozen=True, kw_only=True)
class GradientSettings:
    """How far a gradient reaches back."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    distances: list[int] = field(default_factory=lambda: [1, 2, 5, 10, 20, 50, 100, 200, 500])
    """Steps back from the loss."""
    sequences: int = 4
    """Random sequences that are averaged over."""
    trained_delay: int = 20
    """The delay of the recall task that the trained models have learnt."""
    trained_updates: int = 600
    """Updates they were given for it."""


@dataclass(frozen=True, kw_only=True)
class MemorySettings:
    """Recall and copy over a delay."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    delays: list[int] = field(default_factory=lambda: [10, 50, 200, 500])
    """Pieces between what is to be remembered and the question."""
    updates: int = 800
    """At most so many; a task that is solved ends."""
    sequences: int = 32
    """Sequences in an update."""
    learning_rate: float = 0.003


@dataclass(frozen=True, kw_only=True)
class SpeedSettings:
    """Training speed and memory against length, of models of the size that translates."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    lengths: list[int] = field(default_factory=lambda: [16, 32, 64, 128, 256, 512, 1024, 2048])
    """Pieces of a sequence, on both sides."""
    tokens: int = 4096
    """Target pieces in an update, whatever the length."""
    repeats: int = 3
    """Updates that are timed; the median counts."""
    memory_lengths: list[int] = field(default_factory=lambda: [64, 128, 256, 512, 1024])
    """Lengths at which the peak memory of an update is measured."""
    memory_sentences: int = 4
    """Sentences of that update."""
    state_lengths: list[int] = field(default_factory=lambda: [1, 16, 64, 256, 1024])
    """Pieces written after which the state of decoding is weighed."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """A translator: a config and what is changed of it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    config: str
    """A config file, or the name of one that comes along."""
    set: list[str] = field(default_factory=list)
    """Changes, as `seq2seq train --set` takes them."""

    def load(self, *more: str) -> Config:
        """The checked config, with further changes."""
        return load_config(Path(self.config), [*self.set, *more])


@dataclass(frozen=True, kw_only=True)
class TranslationSettings:
    """Translators of equal size and equal time."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    runs: dict[str, RunSettings]
    """A name and a config for each; the name is what pictures say."""
    reference: str = "lstm"
    """The run that the others are compared with; an LSTM if there are `clamps`."""
    minutes: float = 30
    """Training of each, with and without attention."""
    short_minutes: float = 8
    """Training of those with a gate held, and of one without for comparison."""
    at_once: int = 1
    """Trainings that run side by side, each with its share of the cores. Two with a thread each get more done than one
    after the other with two threads."""
    sentences: int = 0
    """Sentences of a split that are translated; 0 is all."""
    without_attention: list[str] = field(default_factory=lambda: ["rnn", "gru", "lstm"])
    """Runs that are trained with `attention: none` too."""
    clamps: dict[str, dict[str, float]] = field(default_factory=dict)
    """Gates of the reference that are held at a value, under the name that pictures say."""


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """The whole comparison."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    probes: dict[str, dict[str, Any]]
    """Small models for gradients and memory: a name, and a `model` section for each."""
    translation: TranslationSettings
    """What is trained to translate."""
    gradients: GradientSettings = field(default_factory=GradientSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    speed: SpeedSettings = field(default_factory=SpeedSettings)
    seed: int = 1

    def probe(self, name: str) -> Any:
        """The checked `model` section of a probe."""
        return TypeAdapter(FAMILIES[self.probes[name]["family"]][0]).validate_python(self.probes[name])


def load_compare_config(path: Path, *, quick: bool) -> CompareConfig:
    """Reads the YAML file; with `quick`, what its section `quick` says replaces the rest. UserError with all mistakes."""
    path = find_config(path, of="comparison")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read as a config: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict) or "translation" not in raw:
        raise UserError(f"{path} is no config of a comparison: see configs/compare.yaml.")
    small = raw.pop("quick", None) or {}
    if quick:
        raw = _merged(raw, small)
    try:
        config: CompareConfig = TypeAdapter(CompareConfig).validate_python(raw)
        problems = []
    except ValidationError as error:
        problems = [problem_of("", CompareConfig, dict(entry)) for entry in error.errors(include_url=False)]
    else:
        problems = _across(config)
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise UserError(f"{path} has {len(problems)} mistake{'s' if len(problems) > 1 else ''}:\n{lines}")
    return config


def _merged(raw: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Sections are gone into, anything else is replaced."""
    found = dict(raw)
    for key, value in over.items():
        inner = found.get(key)
        found[key] = _merged(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return found


def _across(config: CompareConfig) -> list[str]:
    """Rules between sections, and the probes' own."""
    problems = []
    runs = config.translation.runs
    for name in [config.translation.reference, *config.translation.without_attention]:
        if name not in runs:
            problems.append(f"translation: {name!r} is none of the runs ({', '.join(runs)})")
    for name, section in config.probes.items():
        if section.get("family") not in FAMILIES:
            problems.append(f"probes.{name}.family: {section.get('family')!r} is none of {', '.join(FAMILIES)}")
            continue
        kind = FAMILIES[section["family"]][0]
        try:
            config.probe(name)
        except ValidationError as error:
            problems += [problem_of(f"probes.{name}", kind, dict(entry)) for entry in error.errors(include_url=False)]
    return problems
