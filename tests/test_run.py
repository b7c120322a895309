"""What a run folder holds, and what a broken training leaves there."""

import errno
from pathlib import Path

import pytest

from seq2seq.config import parse_config
from seq2seq.errors import UserError
from seq2seq.run import RunFolder
from seq2seq.training.journal import Journal

CONFIG = {
    "data": {"corpus": "toy", "source": "de", "target": "en"},
    "model": {"family": "lstm"},
    "training": {"budget": {"steps": 1}},
}


@pytest.mark.parametrize(
    ("files", "events", "holds"),
    [
        ([], [], False),
        ([], ["start", "validation"], False),
        (["model.safetensors"], ["start", "validation"], False),  # broken off while its first checkpoint was written
        (["model.safetensors"], ["start", "validation", "validation"], True),
        (["model.safetensors"], ["start", "validation", "end"], True),  # copied without its checkpoints
        (["model.safetensors"], [], True),  # exported
        (["checkpoints/last/state.json", "checkpoints/last/state.safetensors"], ["start"], True),
    ],
)
def test_what_would_be_lost_by_training_anew(files: list[str], events: list[str], holds: bool, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for event in events:
        Journal(tmp_path / "journal.jsonl").write(event, step=1)
    assert RunFolder(tmp_path).holds_training() is holds


def test_a_full_disk_leaves_the_old_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, config = RunFolder(tmp_path), parse_config(CONFIG, "the test's config")
    run.write_config(config)
    before, write_text = run.config_file.read_text(encoding="utf-8"), Path.write_text

    def full(path: Path, text: str, **options: str) -> int:
        write_text(path, text[:10], encoding="utf-8")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        run.write_config(config)
    assert run.config_file.read_text(encoding="utf-8") == before
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_second_training_is_kept_out(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with run.being_trained():
        with pytest.raises(UserError, match="is being trained by another process"), RunFolder(run.path).being_trained():
            pass
        (run.path / "config.yaml").touch()
    with run.being_trained():
        pass
    assert [entry.name for entry in run.path.iterdir()] == ["config.yaml"]


def test_what_a_killed_training_leaves_does_not_hinder(tmp_path: Path) -> None:
    (tmp_path / "training.lock").touch()
    with RunFolder(tmp_path).being_trained():
        pass
    assert not tmp_path.exists()


def test_training_goes_without_a_lock_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(number: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", refused)
    done = []
    with RunFolder(tmp_path / "run").being_trained():
        done.append("trained")
    assert done == ["trained"]
    assert not (tmp_path / "run").exists()
