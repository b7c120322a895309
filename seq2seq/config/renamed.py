"""Keys that had another name in earlier versions.

A run folder keeps its old config.yaml, so its old keys are read as the new ones. In a config that
the user writes, an old key is a mistake, and the message names the new key.
"""

from typing import Any

from seq2seq.config.augment import AugmentConfig
from seq2seq.errors import UserError

# Dotted path of the old key -> dotted path of the new one.
RENAMED_KEYS = {
    "data.added": "data.extra_pairs",
    "data.corpus.licence": "data.corpus.license",
    "batching.tokens": "batching.max_tokens",
    "batching.sentences": "batching.max_sentences",
    "batching.multiple": "batching.pad_to_multiple_of",
    "training.ema": "training.ema_decay",
    "training.optimizer.final_share": "training.optimizer.min_lr_ratio",
    "training.optimizer.clip_norm": "training.optimizer.max_grad_norm",
    "search.max_length": "search.max_length_ratio",
    "search.no_repeat_ngram": "search.no_repeat_ngram_size",
}

# Keys that are gone, with the value that changed nothing. Old run folders may still have them.
_REMOVED_KEYS: dict[str, Any] = {"model.clamp": {}}

# Keys that are gone and that translating does not depend on.
_FORGOTTEN_KEYS = ("tokenizer.copy_share", "tokenizer.copy_prob")

# Settings that earlier versions did not have. Their runs were trained without.
_ADDED_SETTINGS: dict[str, dict[str, Any]] = {
    "text": {"case": "cased", "spans": False},
    "tokenizer": {"split_digits": False},
    "data": {"augment": dict.fromkeys(AugmentConfig.model_fields, 0.0)},
}


def upgrade(raw: dict[str, Any]) -> dict[str, Any]:
    """Returns the config of an old run folder with the keys of today.

    Raises:
        UserError: the run depends on a setting that no longer exists.
    """
    upgraded = _copy(raw)
    for old, new in RENAMED_KEYS.items():
        section, key = _find(upgraded, old)
        if section is not None and key in section:
            section[new.rpartition(".")[2]] = section.pop(key)
    for old, neutral in _REMOVED_KEYS.items():
        section, key = _find(upgraded, old)
        if section is None or key not in section:
            continue
        value = section.pop(key)
        if value != neutral:
            raise UserError(
                f"This run was trained with {old}: {value}, which no longer exists. Train it again."
            )
    for old in _FORGOTTEN_KEYS:
        section, key = _find(upgraded, old)
        if section is not None:
            section.pop(key, None)
    # The program writes every setting into config.yaml, so one that is not there is newer.
    for name, settings in _ADDED_SETTINGS.items():
        section = upgraded.setdefault(name, {})
        if isinstance(section, dict):
            for key, value in settings.items():
                section.setdefault(key, value)
    # Patterns had no effect without spans. Together they are a mistake.
    text = upgraded["text"]
    if isinstance(text, dict) and text.get("spans") is False:
        text.pop("protect", None)
    return upgraded


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return value


def _find(raw: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
    """Returns the section that would hold the key at `path`, or None, and the key's own name."""
    *parents, key = path.split(".")
    section: Any = raw
    for parent in parents:
        section = section.get(parent) if isinstance(section, dict) else None
    return (section if isinstance(section, dict) else None), key
