"""Trainings of a comparison: side by side, interrupted, failed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import RecordingReporter
from tiny_comparison import WriteComparison

from seq2seq.errors import UserError
from seq2seq.run import RunFolder
from seq2seq.studies.runner import run_comparison
from seq2seq.training.checkpoint import load_training_state

pytest.importorskip("matplotlib")
# One process builds the fixtures of this file.
pytestmark = pytest.mark.xdist_group("study-trainings")

NAMES = ("lstm", "gru")


def compare_until(
    ready: Callable[[], bool], arguments: list[str], environment: dict[str, str], folder: Path
) -> str:
    """Starts a comparison, presses Ctrl-C when it is ready, and returns its standard output."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seq2seq.cli", "compare", *arguments],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Processes that a shell runs in the background ignore Ctrl-C, and so would this one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    deadline = time.monotonic() + 60
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err.decode()
    assert b"Traceback" not in err
    return out.decode()


def test_ctrl_c_keeps_what_is_measured(
    cli_environment: dict[str, str],
    in_toy_folder: Path,
    write_comparison: WriteComparison,
    reporter: RecordingReporter,
) -> None:
    endless = {"delays": [2, 300], "updates": 100000, "sequences": 16}
    config = write_comparison("slow.yaml", memory=endless)
    arguments = [str(config), "--into", "interrupted", "--only", "gradients", "--only", "memory"]
    last = Path("interrupted/measurements/gradients/transformer-trained.json")
    out = compare_until(last.exists, arguments, cli_environment, in_toy_folder)
    assert f"seq2seq compare {' '.join(arguments)}\n" in out
    before = last.stat().st_mtime_ns
    run_comparison(config, Path("interrupted"), only=["gradients"], reporter=reporter)
    assert reporter.messages == []
    assert last.stat().st_mtime_ns == before


@pytest.fixture(scope="module")
def interrupted(
    cli_environment: dict[str, str], toy_data: Path, write_comparison: WriteComparison
) -> Path:
    """A comparison with two trainings side by side, both of them interrupted."""
    write_comparison("two.yaml", translation={"at_once": 2, "minutes": 10})
    folder = toy_data / "side-by-side"
    journals = [folder / "runs" / name / "journal.jsonl" for name in NAMES]

    def both_train() -> bool:
        return all(each.exists() and '"step"' in each.read_text() for each in journals)

    arguments = ["two.yaml", "--into", folder.name, "--only", "quality"]
    out = compare_until(both_train, arguments, cli_environment, toy_data)
    assert "seq2seq compare two.yaml --into side-by-side --only quality" in out
    return folder


def test_ctrl_c_saves_trainings_side_by_side(interrupted: Path) -> None:
    for name in NAMES:
        state = load_training_state(RunFolder(interrupted / "runs" / name))
        assert state.step > 0
        assert not state.finished


@pytest.fixture(scope="module")
def retrained(
    interrupted: Path, cli_environment: dict[str, str], write_comparison: WriteComparison
) -> tuple[Path, list[str]]:
    """The same comparison with a shorter budget: its folder and its messages.

    A shorter budget is another training, so the interrupted ones are deleted.
    """
    config = write_comparison("two.yaml", translation={"at_once": 2, "minutes": 0.02})
    reporter = RecordingReporter()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SEQ2SEQ_DATA", "SEQ2SEQ_CACHE"):
            patch.setenv(name, cli_environment[name])
        patch.chdir(interrupted.parent)
        run_comparison(config, interrupted, only=["quality"], reporter=reporter)
    return interrupted, reporter.messages


def test_trainings_run_side_by_side(retrained: tuple[Path, list[str]]) -> None:
    folder, _ = retrained
    for name in NAMES:
        run = RunFolder(folder / "runs" / name)
        assert run.config.training.threads == max(1, (os.cpu_count() or 1) // 2)
        assert "parameters" in (folder / "runs" / f"{name}.log").read_text()
        assert load_training_state(run).finished


def test_a_training_with_other_settings_is_deleted(retrained: tuple[Path, list[str]]) -> None:
    _, lines = retrained
    shown = "\n".join(lines)
    assert shown.count("was trained with other settings and is trained again") == 2
    assert "training lstm (1 of 2)" in shown


def test_a_finished_training_is_not_repeated(
    retrained: tuple[Path, list[str]], in_toy_folder: Path, reporter: RecordingReporter
) -> None:
    folder, _ = retrained
    run_comparison(Path("two.yaml"), folder, only=["quality"], reporter=reporter)
    assert reporter.messages == []


def test_a_training_that_fails_is_reported(
    retrained: tuple[Path, list[str]], in_toy_folder: Path
) -> None:
    """The message has the last line of its log."""
    folder, _ = retrained
    (folder / "measurements" / "quality" / "gru.json").unlink()
    last = RunFolder(folder / "runs" / "gru").last
    state = json.loads(last.state_file.read_text())
    last.state_file.write_text(json.dumps({**state, "finished": ""}))
    last.tensors_file.write_bytes(b"broken")
    with pytest.raises(UserError, match=r"training of gru ended too early.*gru.log: .*damaged"):
        run_comparison(Path("two.yaml"), folder, only=["quality"])
