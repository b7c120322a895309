"""What differs between two configs, in lines for a message."""

from typing import Any

import yaml

from seq2seq.config.section import Section


def describe_changes(before: Section, after: Section, prefix: str = "") -> list[str]:
    """Returns one line for each key that differs: "training.label_smoothing: 0.0 -> 0.1".

    Args:
        before: the old settings.
        after: the new settings, of the same type.
        prefix: the dotted path of the section, with a dot at its end; empty for a whole config.
    """
    lines = []
    for name in type(before).model_fields:
        old = getattr(before, name)
        new = getattr(after, name)
        if isinstance(old, Section) and type(old) is type(new):
            lines += describe_changes(old, new, f"{prefix}{name}.")
        elif old != new:
            lines.append(f"{prefix}{name}: {_as_yaml(old)} -> {_as_yaml(new)}")
    return lines


def _as_yaml(value: Any) -> str:
    """Returns a value as it is written in a config, on one line."""
    if isinstance(value, Section):
        value = value.model_dump(mode="json")
    if isinstance(value, tuple):
        value = list(value)
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)
    # YAML marks the end of a document that is a single value.
    return text.removesuffix("...\n").strip()
