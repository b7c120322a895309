"""Results of updates are read together, and too many broken ones end training."""

import math
from pathlib import Path

import pytest
import torch
from tiny_runs import journal_events

from seq2seq.errors import UserError
from seq2seq.training.journal import Journal
from seq2seq.training.state import TrainingState
from seq2seq.training.update_log import UpdateLog, recent_metrics


def add_update(log: UpdateLog, step: int, *, loss: float = 1.0, norm: float = 1.0) -> None:
    log.start_update()
    log.add(step, num_tokens=10, likelihood=torch.tensor(loss), gradient_norm=torch.tensor(norm))


def make_log(folder: Path) -> UpdateLog:
    return UpdateLog(Journal(folder / "journal.jsonl"))


def test_reading_moves_results_to_the_state(tmp_path: Path) -> None:
    log = make_log(tmp_path)
    state = TrainingState()
    add_update(log, 1, loss=3.0)
    add_update(log, 2, loss=2.0, norm=7.0)
    assert state.recent == []
    log.read(state)
    assert [(loss, tokens) for loss, tokens, _ in state.recent] == [(3.0, 10), (2.0, 10)]
    assert log.gradient_norm == 7.0
    log.read(state)
    assert len(state.recent) == 2  # nothing is read twice


def test_time_is_divided_among_updates_that_are_read_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter([100.0, 106.0])
    monkeypatch.setattr("seq2seq.training.update_log.time.monotonic", lambda: next(ticks))
    log = make_log(tmp_path)
    state = TrainingState()
    for step in (1, 2, 3):
        add_update(log, step)
    log.read(state)
    assert [seconds for _, _, seconds in state.recent] == [2.0, 2.0, 2.0]


def test_broken_updates_are_in_the_journal(tmp_path: Path) -> None:
    log = make_log(tmp_path)
    for step, norm in ((1, 1.0), (2, math.nan), (3, 1.0), (4, math.inf)):
        add_update(log, step, norm=norm)
    log.read(TrainingState())
    assert [event["step"] for event in journal_events(tmp_path, "skipped")] == [2, 4]


@pytest.mark.parametrize("read_every", [1, 7])
def test_twenty_broken_updates_in_a_row_are_an_error(read_every: int, tmp_path: Path) -> None:
    log = make_log(tmp_path)
    state = TrainingState()
    for step in range(1, 20):
        add_update(log, step, norm=math.nan)
        if step % read_every == 0:
            log.read(state)
    add_update(log, 20, norm=math.nan)
    with pytest.raises(UserError, match=r"NaN or inf in 20 updates in a row\. Lower training"):
        log.read(state)


def test_a_sound_update_restarts_the_count(tmp_path: Path) -> None:
    log = make_log(tmp_path)
    for step in range(1, 40):
        add_update(log, step, norm=1.0 if step == 20 else math.nan)
    log.read(TrainingState())


def test_recent_metrics_weigh_losses_by_tokens() -> None:
    state = TrainingState(step=50, epoch=2, recent=[(1.0, 30, 1.0), (2.0, 10, 3.0)])
    metrics = recent_metrics(state, learning_rate=0.1)
    assert metrics.loss == pytest.approx(1.25)
    assert metrics.tokens_per_s == pytest.approx(10)
    assert (metrics.step, metrics.epoch, metrics.learning_rate) == (50, 3, 0.1)
