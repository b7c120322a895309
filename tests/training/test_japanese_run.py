"""A run whose target language has no spaces between words, from training to evaluation."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import RecordingReporter
from mecab import install_fake_mecab, uninstall_mecab
from tiny_runs import journal_events

from seq2seq import api
from seq2seq.config import Config, parse_config
from seq2seq.errors import UserError
from seq2seq.evaluation.test_set import load_split
from seq2seq.run import RunFolder
from seq2seq.training.checkpoint import load_training_state

ADJECTIVES = {"big": "大きい", "small": "小さい", "old": "古い", "new": "新しい", "red": "赤い"}
NOUNS = {"chair": "椅子", "bag": "鞄", "clock": "時計", "cat": "猫", "book": "本", "car": "車"}
VERBS = {"saw": "を見ました", "bought": "を買いました", "like": "が好きです"}


def write_corpus(folder: Path) -> None:
    """Writes 90 sentences of the kind "I saw the big chair."."""
    english = []
    japanese = []
    for adjective in ADJECTIVES:
        for noun in NOUNS:
            for verb in VERBS:
                english.append(f"I {verb} the {adjective} {noun}.\n")
                japanese.append(f"私は{ADJECTIVES[adjective]}{NOUNS[noun]}{VERBS[verb]}。\n")
    for name, lines in (("text.en", english), ("text.ja", japanese)):
        # The same seed gives both the same order.
        random.Random(1).shuffle(lines)
        (folder / name).write_text("".join(lines), encoding="utf-8")


def config_of(folder: Path) -> Config:
    files = {"en": str(folder / "text.en"), "ja": str(folder / "text.ja")}
    corpus = {"kind": "files", "train": files, "hold_out": {"valid": 10, "test": 10}}
    settings = {
        "budget": {"steps": 60},
        "threads": 1,
        "precision": "float32",
        "optimizer": {"learning_rate": 0.01, "warmup_steps": 10},
        "validation": {"every_steps": 20},
    }
    raw = {
        "data": {"corpus": corpus, "source": "en", "target": "ja"},
        "tokenizer": {"vocab_size": 400},
        "model": {"family": "lstm", "embedding_size": 32, "hidden_size": 32},
        "training": settings,
    }
    return parse_config(raw, "a test")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RecordingReporter]:
    """A folder with the texts and a run that was trained without MeCab; and its messages."""
    folder = tmp_path_factory.mktemp("japanese")
    write_corpus(folder)
    reporter = RecordingReporter()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SEQ2SEQ_CACHE", str(folder / "cache"))
        uninstall_mecab(monkeypatch)
        api.train(config_of(folder), RunFolder(folder / "run"), reporter=reporter)
    return folder, reporter


@pytest.fixture
def run(
    trained: tuple[Path, RecordingReporter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RunFolder:
    """A copy of the run."""
    folder, _ = trained
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(folder / "cache"))
    shutil.copytree(folder / "run", tmp_path / "run")
    return RunFolder.open(tmp_path / "run")


def test_validations_have_a_bleu(trained: tuple[Path, RecordingReporter]) -> None:
    folder, reporter = trained
    scores = [event["bleu"] for event in journal_events(folder / "run", "validation")]
    assert len(scores) == 3
    assert scores[-1] > 1
    assert load_training_state(RunFolder(folder / "run")).tokenization == "char"
    (message,) = [line for line in reporter.messages if "sacrebleu[ja]" in line]
    assert message.startswith("BLEU uses the tokenization char")


def test_a_resumed_run_keeps_its_tokenization(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_fake_mecab(monkeypatch)
    api.resume(run, overrides=["training.budget.steps=61"])
    assert load_training_state(run).tokenization == "char"


def change_state(run: RunFolder, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the state in the last checkpoint."""
    file = run.last.state_file
    state = json.loads(file.read_text(encoding="utf-8"))
    change(state)
    file.write_text(json.dumps(state), encoding="utf-8")


def test_a_run_cannot_be_resumed_without_the_packages_of_its_tokenization(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall_mecab(monkeypatch)
    change_state(run, lambda state: state.update(tokenization="ja-mecab"))
    with pytest.raises(UserError, match=r'pip install "sacrebleu\[ja\]"'):
        api.resume(run, overrides=["training.budget.steps=61"])


def test_a_run_of_an_earlier_version_is_resumed(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall_mecab(monkeypatch)

    def as_before(state: dict[str, Any]) -> None:
        del state["tokenization"]
        del state["mean"]
        state["mean_bleu"] = 0.0
        state["best"] = [[0.0, entry["step"]] for entry in state["best"]]

    change_state(run, as_before)
    api.resume(run, overrides=["training.budget.steps=80"])
    resumed = load_training_state(run)
    assert resumed.tokenization == "char"
    # Before, BLEU was 0 at every validation. The new validation is the best one.
    assert resumed.best[0].step == 80
    assert resumed.best[0].bleu > 0


def test_an_evaluation_uses_the_tokenization_of_the_target_language(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall_mecab(monkeypatch)
    reporter = RecordingReporter()
    test_set = load_split(run, "test")
    report, _ = api.evaluate(run, test_set, reporter=reporter)
    assert report["tokenization"] == "char"
    assert "tok:char" in report["bleu"]["signature"]
    assert report["bleu"]["score"] > 0
    assert any("sacrebleu[ja]" in line for line in reporter.messages)


def test_an_evaluation_uses_mecab_where_it_is_installed(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_fake_mecab(monkeypatch)
    report, _ = api.evaluate(run, load_split(run, "test"))
    assert report["tokenization"] == "ja-mecab"
    assert "tok:ja-mecab-fake" in report["bleu"]["signature"]


def test_a_tokenization_can_be_forced_in_an_evaluation(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall_mecab(monkeypatch)
    reporter = RecordingReporter()
    report, _ = api.evaluate(run, load_split(run, "test"), tokenize="13a", reporter=reporter)
    assert report["tokenization"] == "13a"
    assert reporter.messages == []
