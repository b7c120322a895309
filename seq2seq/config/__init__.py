"""One typed config for a run, put together from its sections.

Each section documents its keys, units and defaults: data.py, tokenizer.py, text.py, training.py,
model.py and search.py in this folder. Loading a config imports neither torch nor NumPy.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import SerializeAsAny

from seq2seq.config.data import (
    CleaningConfig,
    DataConfig,
    ExtraPairsConfig,
    missing_files,
    unknown_corpora,
    usable_data,
)
from seq2seq.config.mistakes import validate
from seq2seq.config.model import FAMILY_CONFIGS, ModelConfig
from seq2seq.config.renamed import upgrade
from seq2seq.config.search import SearchConfig
from seq2seq.config.section import Section, mistakes_message, suggest
from seq2seq.config.text import TextConfig
from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.config.training import (
    BatchingConfig,
    Budget,
    OptimizerConfig,
    Precision,
    TrainingConfig,
    ValidationConfig,
)
from seq2seq.config.yaml_text import parse_yaml
from seq2seq.errors import UserError
from seq2seq.paths import config_dir
from seq2seq.settings import NormalForm

__all__ = [
    "FAMILY_CONFIGS",
    "BatchingConfig",
    "Budget",
    "CleaningConfig",
    "Config",
    "DataConfig",
    "ExtraPairsConfig",
    "ModelConfig",
    "NormalForm",
    "OptimizerConfig",
    "Precision",
    "SearchConfig",
    "Section",
    "TextConfig",
    "TokenizerConfig",
    "TrainingConfig",
    "ValidationConfig",
    "dump_config",
    "find_config",
    "load_config",
    "load_run_config",
    "parse_config",
    "parse_model",
    "read_yaml",
]


class Config(Section):
    """Everything that determines a run."""

    data: DataConfig
    """Corpus, direction, cleaning."""
    tokenizer: TokenizerConfig = TokenizerConfig()
    """How text is split into tokens."""
    text: TextConfig = TextConfig()
    """How a line to translate is prepared."""
    batching: BatchingConfig = BatchingConfig()
    """How sentence pairs are grouped into batches."""
    model: SerializeAsAny[ModelConfig]
    """The family and its sizes."""
    training: TrainingConfig
    """Budget, optimizer, validation."""
    search: SearchConfig = SearchConfig()
    """Beam search for translation and evaluation."""


_SECTIONS: dict[str, type[Section]] = {
    "data": DataConfig,
    "tokenizer": TokenizerConfig,
    "text": TextConfig,
    "batching": BatchingConfig,
    "model": ModelConfig,
    "training": TrainingConfig,
    "search": SearchConfig,
}
_REQUIRED = ("data", "model", "training")


def load_config(
    path: Path,
    overrides: Sequence[str] = (),
    *,
    corpus_mistake: Callable[[str], str | None] = lambda name: None,
) -> Config:
    """Reads a YAML file and applies `section.key=value` overrides.

    Args:
        path: a file, or the name of a bundled config such as `demo`.
        overrides: values of `--set`.
        corpus_mistake: says what is wrong with the name of a corpus, or None. The catalog is a
            matter of data/, which is above this layer.

    Raises:
        UserError: the file cannot be read, or it has mistakes; the message lists all of them. A
            file to train on that is not there is one of them.
    """
    path = find_config(path)
    raw = _read_sections(path)
    for override in overrides:
        _apply_override(raw, override)
    return parse_config(raw, str(path), needs_files=True, corpus_mistake=corpus_mistake)


def load_run_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Reads the config.yaml of a run folder, which may have been written by an earlier version."""
    raw = upgrade(_read_sections(path))
    for override in overrides:
        _apply_override(raw, override)
    return parse_config(raw, str(path))


def find_config(path: Path, *, kind: str = "run") -> Path:
    """Returns `path` if it is a file, or the bundled config of that name.

    Args:
        path: a file, or a name such as `demo`.
        kind: "run", or "comparison" for configs of `seq2seq compare`; used in the message.
    """
    if path.is_file():
        return path
    bundled = config_dir() / f"{path.name.removesuffix('.yaml')}.yaml"
    if path.parent == Path() and bundled.is_file():
        return bundled
    # compare.yaml configures a comparison (see studies/config.py), not a run.
    wants_comparison = kind == "comparison"
    names = [file.stem for file in config_dir().glob("*.yaml")]
    fitting = sorted(name for name in names if (name == "compare") == wants_comparison)
    raise UserError(
        f"There is no config {path} (looked in {Path.cwd()}). "
        f"Bundled configs: {', '.join(fitting)}."
    )


def parse_config(
    raw: Mapping[str, Any],
    where: str,
    *,
    needs_files: bool = False,
    corpus_mistake: Callable[[str], str | None] = lambda name: None,
) -> Config:
    """Checks a config.

    Args:
        raw: its sections.
        where: the file that it was read from, for the message.
        needs_files: whether the files to train on must exist. A run folder is also used on
            machines that do not have them.
        corpus_mistake: see `load_config`.

    Raises:
        UserError: lists all mistakes at once.
    """
    problems = [
        f"{name}: unknown section{suggest(str(name), _SECTIONS)}"
        for name in raw
        if name not in _SECTIONS
    ]
    sections: dict[str, Section] = {}
    for name in _SECTIONS:
        section, mistakes = _parse_section(name, raw.get(name))
        problems += mistakes
        if section is not None:
            sections[name] = section
    problems += _check_across(sections)
    if isinstance(raw.get("data"), dict):
        # A mistake elsewhere in the section does not hide these.
        data = usable_data(raw["data"])
        problems += unknown_corpora(data, corpus_mistake)
        problems += missing_files(data) if needs_files else []
    if problems:
        raise UserError(mistakes_message(where, problems))
    return Config.model_validate(sections)


def parse_model(
    raw: Mapping[str, Any], path: str = "model"
) -> tuple[ModelConfig | None, list[str]]:
    """Checks a `model` section. Returns the section, or None and its mistakes."""
    family = raw.get("family")
    if not isinstance(family, str) or family not in FAMILY_CONFIGS:
        return None, [
            f"{path}.family: unknown model family {family!r}{suggest(str(family), FAMILY_CONFIGS)}"
        ]
    return validate(FAMILY_CONFIGS[family], raw, path)


def dump_config(config: Config) -> str:
    """Returns the whole config, defaults included, as YAML that `load_config` reads."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def read_yaml(path: Path) -> Any:
    """Returns the content of a YAML file.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read as a config: {error}") from None
    try:
        return parse_yaml(text)
    except ValueError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None


def _read_sections(path: Path) -> dict[str, Any]:
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise UserError(
            f"{path} is not a config: it must have the sections {', '.join(_SECTIONS)}."
        )
    return raw


def _parse_section(name: str, raw: Any) -> tuple[Section | None, list[str]]:
    """Checks one section. Returns the section, or None and its mistakes."""
    if raw is None:
        if name in _REQUIRED:
            return None, [f"{name}: this section is missing"]
        raw = {}
    if not isinstance(raw, dict):
        return None, [f"{name}: must be a section with keys, not {raw!r}"]
    if name == "model":
        return parse_model(raw)
    return validate(_SECTIONS[name], raw, name)


def _apply_override(raw: dict[str, Any], override: str) -> None:
    """Sets one value by its dotted path."""
    dotted, equals, text = override.partition("=")
    if not equals or not dotted.strip():
        raise UserError(
            f"--set {override}: write it as section.key=value, for example model.hidden_size=256."
        )
    try:
        value = parse_yaml(text)
    except ValueError:
        value = text
    *parents, key = dotted.strip().split(".")
    section = raw
    for parent in parents:
        inner = section.get(parent)
        if inner is None:  # absent, or a section left empty
            inner = section[parent] = {}
        if not isinstance(inner, dict):
            raise UserError(f"--set {override}: {parent} is not a section but {inner!r}.")
        section = inner
    # A budget has one of three keys: setting one replaces the key in the file.
    if parents[-1:] == ["budget"]:
        section.clear()
    section[key] = value


def _check_across(sections: Mapping[str, Section]) -> list[str]:
    """Checks rules between sections."""
    model = sections.get("model")
    tokenizer = sections.get("tokenizer")
    if not isinstance(model, ModelConfig) or not isinstance(tokenizer, TokenizerConfig):
        return []
    if model.tie_embeddings == "all" and not tokenizer.joint:
        return ["model.tie_embeddings: 'all' needs tokenizer.joint: true; use 'target' or 'none'"]
    return []
