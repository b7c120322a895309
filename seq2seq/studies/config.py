"""Settings of `seq2seq compare`: the typed form of configs/compare.yaml."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, ValidationError

from seq2seq.config import Config, ModelConfig, find_config, load_config, parse_model, read_yaml
from seq2seq.config.section import Section, describe_error, mistakes_message
from seq2seq.errors import UserError

Count = Annotated[int, Field(ge=1)]
Counts = Annotated[tuple[Count, ...], Field(min_length=1)]
Minutes = Annotated[float, Field(gt=0)]
Gate = Literal["input", "forget", "output"]
GateValue = Annotated[float, Field(ge=0, le=1)]


class GradientConfig(Section):
    """How far a gradient reaches back."""

    distances: Counts = (1, 2, 5, 10, 20, 50, 100, 200, 500)
    """Steps back from the loss."""
    sequences: Count = 4
    """Random sequences in the average."""
    trained_delay: Count = 20
    """The delay of the recall task that the trained models learned."""
    trained_updates: Count = 600
    """Most updates of that training."""


class RecallConfig(Section):
    """Recall and copy over a delay."""

    delays: Counts = (10, 50, 200, 500)
    """Tokens between what the model must remember and the question."""
    updates: Count = 800
    """Most updates. Training ends earlier when the task is solved."""
    sequences: Count = 32
    """Sequences in an update."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.003
    """Learning rate of Adam after warmup."""


class LengthConfig(Section):
    """Training speed and memory against length, of models as large as the translators."""

    lengths: Counts = (16, 32, 64, 128, 256, 512, 1024, 2048)
    """Tokens in a sentence, on both sides."""
    tokens: Count = 4096
    """Target tokens in an update, at every length."""
    repeats: Count = 3
    """Timed updates. The result is their median."""
    memory_lengths: Counts = (64, 128, 256, 512, 1024)
    """Sentence lengths at which the peak memory of an update is measured."""
    memory_sentences: Count = 4
    """Sentences in that update."""
    state_lengths: Counts = (1, 16, 64, 256, 1024)
    """Numbers of written tokens after which the size of the decoder state is measured."""


class TranslatorConfig(Section):
    """A translator to train: a config and changes to it."""

    config: str
    """A config file, or the name of a bundled one."""
    set: tuple[str, ...] = ()
    """Overrides, as in `seq2seq train --set`."""

    def load(self, *overrides: str) -> Config:
        """Returns the checked config, with more overrides."""
        return load_config(Path(self.config), [*self.set, *overrides])


class TranslationConfig(Section):
    """Translators of equal size, trained for an equal time."""

    runs: Annotated[dict[str, TranslatorConfig], Field(min_length=1)]
    """A config for each name. Pictures and tables show the name."""
    reference: str
    """The run that the others are compared with. `held_gates` needs an LSTM here."""
    minutes: Minutes = 30
    """Training time of each run, with and without attention."""
    short_minutes: Minutes = 8
    """Training time of the runs with a gate held, and of one run without for comparison."""
    at_once: Count = 1
    """Trainings that run side by side, each with its share of the cores. On two cores, two
    trainings with one thread each get more done than two threads for one after the other."""
    sentences: Annotated[int, Field(ge=0)] = 0
    """Sentences of a split to translate; 0 takes all."""
    without_attention: tuple[str, ...] = ()
    """Runs that are also trained with `attention: none`."""
    held_gates: dict[str, dict[Gate, GateValue]] = Field(default_factory=dict)
    """Gates of the reference that are held at a value, by the label in tables and pictures."""


class ComparisonConfig(Section):
    """The whole comparison."""

    probes: dict[str, SerializeAsAny[ModelConfig]]
    """Small models for gradients and recall: a `model` section for each name."""
    translation: TranslationConfig
    """What is trained to translate."""
    gradients: GradientConfig = GradientConfig()
    """How far a gradient reaches back."""
    memory: RecallConfig = RecallConfig()
    """How long a model can learn to remember."""
    speed: LengthConfig = LengthConfig()
    """What length costs."""
    seed: int = 1
    """Seed of the small models and of random input."""


def load_comparison_config(path: Path, *, quick: bool) -> ComparisonConfig:
    """Reads the YAML file. With `quick`, the section `quick` replaces what it names.

    Raises:
        UserError: the file cannot be read, or it has mistakes; the message lists all of them.
    """
    path = find_config(path, kind="comparison")
    raw = read_yaml(path)
    if not isinstance(raw, dict) or "translation" not in raw:
        raise UserError(
            f"{path} is not a config of a comparison: it has no section `translation`. "
            "See configs/compare.yaml."
        )
    quick_changes = raw.pop("quick", None) or {}
    if quick:
        raw = _merge(raw, quick_changes)
    probes, problems = _parse_probes(raw.get("probes"))
    try:
        config = ComparisonConfig.model_validate(raw | {"probes": probes})
    except ValidationError as error:
        for entry in error.errors(include_url=False):
            problems.append(describe_error("", ComparisonConfig, entry))
        raise UserError(mistakes_message(str(path), problems)) from None
    problems += _check_run_names(config.translation)
    if problems:
        raise UserError(mistakes_message(str(path), problems))
    return config


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Returns `base` with `changes`. Sections are merged, anything else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        previous = merged.get(key)
        if isinstance(value, dict) and isinstance(previous, dict):
            merged[key] = _merge(previous, value)
        else:
            merged[key] = value
    return merged


def _parse_probes(raw: Any) -> tuple[dict[str, ModelConfig], list[str]]:
    """Returns the probes without mistakes, and the mistakes of the others."""
    if not isinstance(raw, dict):
        return {}, ["probes: must be a section with a model for each name"]
    probes = {}
    problems = []
    for name, section in raw.items():
        if not isinstance(section, dict):
            problems.append(f"probes.{name}: must be a section with keys, not {section!r}")
            continue
        probe, mistakes = parse_model(section, f"probes.{name}")
        problems += mistakes
        if probe is not None:
            probes[str(name)] = probe
    return probes, problems


def _check_run_names(translation: TranslationConfig) -> list[str]:
    """Checks that other settings only name runs that exist."""
    names = ", ".join(translation.runs)
    problems = []
    if translation.reference not in translation.runs:
        problems.append(
            f"translation.reference: {translation.reference!r} is not one of the runs ({names})"
        )
    for name in translation.without_attention:
        if name not in translation.runs:
            problems.append(
                f"translation.without_attention: {name!r} is not one of the runs ({names})"
            )
    return problems
