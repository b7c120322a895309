"""The settings that translating needs: the same as in a config, and safe in translator.json."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seq2seq.config import SearchConfig, TextConfig
from seq2seq.errors import UserError
from seq2seq.settings import (
    SearchSettings,
    TextSettings,
    TranslatorSettings,
    read_settings,
)

SETTINGS = TranslatorSettings(
    source="de",
    target="en",
    normalize="nfkc",
    max_source_tokens=90,
    text=TextSettings(case="cased", protect=(r"ACME-\w+", "ü")),
    search=SearchSettings(beam=3, prune=0.5),
)


@pytest.mark.parametrize(
    ("config", "settings"), [(SearchConfig, SearchSettings), (TextConfig, TextSettings)]
)
def test_fields_and_defaults_are_those_of_the_config(config: Any, settings: Any) -> None:
    assert dataclasses.asdict(settings()) == config().model_dump()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"beam": 0}, "beam must be at least 1 (got 0)"),
        ({"beam": 2.5}, "beam must be a whole number (got 2.5)"),
        ({"beam": "5"}, "beam must be a number (got '5')"),
        ({"beam": True}, "beam must be a number (got True)"),
        ({"nbest": 0}, "nbest must be at least 1 (got 0)"),
        ({"beam": 2, "nbest": 3}, "nbest must be at most beam (2)"),
        ({"length_penalty": -1}, "length_penalty must be at least 0 (got -1)"),
        ({"length_penalty": 11}, "length_penalty must be at most 10 (got 11)"),
        ({"length_penalty": float("nan")}, "length_penalty must be a finite number (got nan)"),
        ({"max_length_ratio": 0.0}, "max_length_ratio must be greater than 0"),
        ({"max_length_ratio": 1e308}, "max_length_ratio must be at most 1000 (got 1e+308)"),
        ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size must be at least 0 (got -1)"),
        ({"no_repeat_ngram_size": 1}, "no_repeat_ngram_size must be 0 (off) or at least 2"),
        ({"prune": float("inf")}, "prune must be a finite number (got inf)"),
        ({"prune": -1.0}, "prune must be at least 0 (got -1.0)"),
        ({"batch_tokens": 0}, "batch_tokens must be at least 1 (got 0)"),
        ({"beem": 3}, "beem: unknown search setting; known ones: beam, nbest"),
    ],
)
def test_a_bad_search_setting_is_an_error(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(UserError, match=re.escape(rule)):
        SearchSettings().replace(**changes)
    if changes != {"beam": "5"}:  # a config reads numbers from text
        with pytest.raises(ValidationError):
            SearchConfig(**changes)


def test_all_mistakes_are_named() -> None:
    with pytest.raises(UserError, match=r"beam must .*\nprune must "):
        SearchSettings(beam=0, prune=-1)


def test_a_larger_nbest_raises_the_beam() -> None:
    assert SearchSettings(beam=2).with_changes({"nbest": 4}).beam == 4
    with pytest.raises(UserError, match="nbest must be at most beam"):
        SearchSettings(beam=2).with_changes({"nbest": 4, "beam": 3})


def test_settings_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "translator.json"
    path.write_text(SETTINGS.to_json(), encoding="utf-8")
    assert read_settings(path) == SETTINGS


def test_keys_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    content = json.loads(SETTINGS.to_json())
    content["new"] = content["text"]["new"] = content["search"]["new"] = 1
    path = tmp_path / "translator.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert read_settings(path) == SETTINGS


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "translator.json"
    path.write_text('{"format": 99}', encoding="utf-8")
    with pytest.raises(UserError, match=r"newer version of this program \(format 99\)"):
        read_settings(path)


@pytest.mark.parametrize(
    "content",
    [
        *["", "[]", "{}", '{"format": 1}', '{"format": "x", "text": {}, "search": {}}', "\xff"],
        '{"format": 1, "source": "de", "target": "en", "text": [], "search": 3}',
        '{"format": 1, "text": {}, "search": {}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file(content: str, tmp_path: Path) -> None:
    path = tmp_path / "translator.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match="is damaged"):
        read_settings(path)


@pytest.mark.parametrize(
    ("section", "key", "value", "reason"),
    [
        ("", "source", 5, "source must be of type str"),
        ("", "target", None, "target must be of type str"),
        ("", "normalize", "bla", "normalize must be one of nfc, nfkc, none"),
        ("", "max_source_tokens", "128", "max_source_tokens must be of type int"),
        ("", "max_source_tokens", 1e9, "max_source_tokens must be of type int"),
        ("", "max_source_tokens", 1, "max_source_tokens must be at least 2"),
        ("", "format", True, "it has no format"),
        ("", "text", [], "has the wrong type"),
        ("text", "case", "factor2", "case must be one of factor, cased"),
        ("text", "numbers", None, "numbers must be one of copy, localize"),
        ("text", "spans", 1, "spans must be of type bool"),
        ("text", "protect", "abc", "protect must be a list"),
        ("text", "protect", ["("], "'[(]' is not a pattern"),
        ("text", "protect", [1], "1 is not a pattern"),
        ("search", "beam", "x", "beam must be a number"),
    ],
)
def test_each_value_is_checked(
    section: str, key: str, value: object, reason: str, tmp_path: Path
) -> None:
    content = json.loads(SETTINGS.to_json())
    (content[section] if section else content)[key] = value
    path = tmp_path / "translator.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=rf"is damaged: .*({reason}).*Export the run again"):
        read_settings(path)
