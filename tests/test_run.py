"""Run folders: what they contain, who may train into them, and those of earlier versions."""

import errno
import shutil
from pathlib import Path

import pytest
from fakes import RecordingReporter

from seq2seq import load
from seq2seq.api import resume
from seq2seq.config import TextConfig, parse_config
from seq2seq.config.augment import NO_NOISE
from seq2seq.errors import UserError
from seq2seq.run import RunFolder
from seq2seq.text.tokenizer import COPY

CONFIG = {
    "data": {"corpus": "toy", "source": "de", "target": "en"},
    "model": {"family": "lstm"},
    "training": {"budget": {"steps": 1}},
}
EARLIER_RUNS = Path(__file__).parent / "earlier_runs"


def test_a_full_disk_leaves_the_old_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(tmp_path)
    config = parse_config(CONFIG, "the test's config")
    run.write_config(config)
    before = run.config_file.read_text(encoding="utf-8")

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("seq2seq.files.os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        run.write_config(config)
    assert run.config_file.read_text(encoding="utf-8") == before
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_config_and_tokenizer_are_read_once(toy_run: Path) -> None:
    run = RunFolder.open(toy_run)
    assert run.config is run.config
    assert run.tokenizer is run.tokenizer
    assert run.direction == "de-en"


def test_a_second_training_is_kept_out(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with run.locked():
        with (
            pytest.raises(UserError, match="is being trained by another process"),
            RunFolder(run.path).locked(),
        ):
            pass
        run.config_file.touch()
    with run.locked():
        pass
    assert [entry.name for entry in run.path.iterdir()] == ["config.yaml"]


def test_the_lock_of_a_killed_training_does_not_block(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.lock_file.touch()
    with run.locked():
        pass
    assert not run.path.exists()


def test_a_training_deletes_what_a_killed_one_left(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.checkpoints_dir.mkdir(parents=True)
    leftover = run.checkpoints_dir / ".best-0000500.safetensors.0123456789ab.tmp"
    leftover.touch()
    with run.locked():
        assert not leftover.exists()


def test_training_works_on_file_systems_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(number: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", refuse)
    entered = False
    with RunFolder(tmp_path / "run").locked():
        entered = True
    assert entered
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "is not a run folder"),
        (["config.yaml"], "is not a run folder"),
        (["config.yaml", "tokenizer/joint.model"], "has no weights"),
    ],
)
def test_opening_an_incomplete_folder_is_refused(
    files: list[str], message: str, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=message):
        RunFolder.open(tmp_path)


def test_opening_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no run folder"):
        RunFolder.open(tmp_path / "nothing")


@pytest.mark.parametrize("family", ["lstm", "mamba", "transformer"])
def test_a_run_of_an_earlier_version_translates_as_it_did(family: str) -> None:
    sources = (EARLIER_RUNS / "source.de").read_text(encoding="utf-8").splitlines()
    expected = (EARLIER_RUNS / family / "expected.en").read_text(encoding="utf-8").splitlines()
    assert load(EARLIER_RUNS / family, precision="float32")(sources) == expected


@pytest.mark.parametrize("family", ["lstm", "mamba", "transformer"])
def test_a_run_of_an_earlier_version_was_trained_on_plain_cased_text(family: str) -> None:
    run = RunFolder.open(EARLIER_RUNS / family)
    assert run.config.text == TextConfig(case="cased", spans=False)
    assert run.config.data.augment == NO_NOISE
    assert run.tokenizer.source_cases == 1
    assert run.tokenizer.slots == [COPY]


def test_a_run_of_an_earlier_version_copies_what_it_cannot_spell() -> None:
    translate = load(EARLIER_RUNS / "lstm")
    (translation,) = translate(["ein fisch 😀 sieht ein 猫 und ein katze 😀."])
    assert {symbol: translation.count(symbol) for symbol in "😀猫"} == {"😀": 2, "猫": 1}
    assert COPY not in translation


def test_a_run_divides_lines_into_sentences_unless_its_config_says_no(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    shutil.copytree(EARLIER_RUNS / "lstm", run.path)
    assert load(run.path).sentences is not None  # It has no `text` section.
    run.write_config(run.config.replace(text=run.config.text.replace(sentences=False)))
    assert load(run.path).sentences is None


@pytest.mark.usefixtures("in_toy_folder")
def test_a_run_of_an_earlier_version_resumes(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    shutil.copytree(EARLIER_RUNS / "transformer", run.path)
    reporter = RecordingReporter()
    overrides = ["training.budget.steps=305", "search.beam=1"]
    state = resume(run, overrides=overrides, reporter=reporter)
    assert state.finished == "budget"
    assert state.step == 305
    changes = [message for message in reporter.messages if " -> " in message]
    assert changes == ["training.budget.steps: 300 -> 305", "search.beam: 5 -> 1"]
