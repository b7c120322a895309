"""A run that was stopped goes on exactly as if it had not been, and Ctrl-C stops it in order."""

import signal
import threading
from pathlib import Path

import pytest
from safetensors.torch import load_file
from small_runs import Scripted, Watch, copied, equal, events, facts_of, interrupt_at, make

from seq2seq.errors import UserError
from seq2seq.training import checkpoint
from seq2seq.training.interrupt import stop_on_interrupt
from seq2seq.training.settings import Budget


@pytest.mark.parametrize("stops", [(7,), (5,), (1, 6, 11)], ids=str)
def test_a_resumed_run_is_the_run_that_never_stopped(stops: tuple[int, ...], tmp_path: Path) -> None:
    watch = Watch()
    whole = make(tmp_path / "whole", watch=watch, ema=0.9)
    assert whole.run().finished == "budget"
    losses = []
    for number, stop in enumerate((*stops, 12)):
        part = Watch(interrupt_at(stop))
        again = make(tmp_path / "parts", watch=part, seed=100 + number if number else 1, ema=0.9)
        if number:
            again.resume()
        progress = again.run()
        assert progress.step == stop
        assert progress.finished == ("budget" if stop == 12 else "")
        losses += part.facts
    for name in ("model.safetensors", "checkpoints/last/state.safetensors"):
        assert equal(load_file(tmp_path / "whole" / name), load_file(tmp_path / "parts" / name))
    assert facts_of(tmp_path / "whole") == facts_of(tmp_path / "parts")
    for kind in ("validation", "mean", "end"):
        assert events(tmp_path / "whole", kind) == events(tmp_path / "parts", kind)
    assert [event["step"] for event in events(tmp_path / "parts", "validation")] == [5, 10, 12]
    for key in ("step", "epoch", "loss", "learning_rate"):
        assert [facts[key] for facts in losses] == [facts[key] for facts in watch.facts]


def test_losses_in_the_journal_do_not_show_where_a_run_was_stopped(tmp_path: Path) -> None:
    for folder, stops in (("whole", ()), ("parts", (7, 52))):
        for number, stop in enumerate((*stops, 104)):
            again = make(
                tmp_path / folder,
                script=Scripted([1.0]),
                watch=Watch(interrupt_at(stop)),
                every=1000,
                budget=Budget(steps=104),
            )
            if number:
                again.resume()
            again.run()
    whole, parts = (events(tmp_path / folder, "step") for folder in ("whole", "parts"))
    assert [event["step"] for event in whole] == [50, 100]
    assert whole == parts
    assert whole[1]["loss"] < whole[0]["loss"]
    assert {"epoch", "learning_rate", "gradient_norm"} <= whole[0].keys()


def test_a_finished_run_has_nothing_left_to_do_but_a_larger_budget_goes_on(tmp_path: Path) -> None:
    make(tmp_path / "run", budget=Budget(steps=7)).run()
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.safetensors")}
    finished = events(tmp_path / "run", "validation", "mean", "end")
    again = make(tmp_path / "run", budget=Budget(steps=7), seed=9)
    again.resume()
    assert again.run().finished == "budget"
    assert again.progress.step == 7
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.safetensors")} == before
    assert events(tmp_path / "run", "validation", "mean", "end") == finished
    more = make(tmp_path / "run", budget=Budget(steps=9), seed=9)
    more.resume()
    assert more.run().step == 9
    assert [event["step"] for event in events(tmp_path / "run", "validation")] == [5, 7, 9]
    assert sorted(step for _, step in more.progress.best) == [5, 7, 9]


@pytest.mark.parametrize("facts", ["[]", "{}", '{"best": [], "what": 1}', '{"best": 3}'])
def test_a_damaged_state_is_one_sentence(facts: str, tmp_path: Path) -> None:
    make(tmp_path / "run", budget=Budget(steps=2)).run()
    (tmp_path / "run" / "checkpoints" / "last" / "state.json").write_text(facts, encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        make(tmp_path / "run", budget=Budget(steps=4)).resume()


def test_an_interrupt_saves_and_says_so(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    stopped = make(tmp_path / "run", watch=Watch(interrupt_at(3)))
    progress = stopped.run()
    assert (progress.step, progress.finished) == (3, "")
    assert signal.getsignal(signal.SIGINT) is before
    assert [event["why"] for event in events(tmp_path / "run", "end")] == ["interrupted"]
    # Before the first validation, too, there is a model to translate with.
    assert equal(load_file(tmp_path / "run" / "model.safetensors"), copied(stopped.model))
    assert checkpoint.has_last(tmp_path / "run")


def test_an_interrupt_during_a_validation_ends_it_first(tmp_path: Path) -> None:
    progress = make(tmp_path / "run", script=Scripted([7.0], interrupt_at(1))).run()
    assert (progress.step, progress.finished, progress.best) == (5, "", [(7.0, 5)])
    assert [event["bleu"] for event in events(tmp_path / "run", "validation")] == [7.0]


def test_a_second_interrupt_breaks_off_and_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    def twice(step: int) -> None:
        if step == 7:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "run", watch=Watch(twice)).run()
    assert signal.getsignal(signal.SIGINT) is before
    assert checkpoint.load_facts(tmp_path / "run")["step"] == 5


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    seen = []

    def enter() -> None:
        with stop_on_interrupt() as stop:
            seen.append((stop.is_set(), signal.getsignal(signal.SIGINT)))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [(False, before)]
