"""Ctrl-C: it ends a command, wherever it comes, or waits."""

import importlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seq2seq.interrupt import (
    CommandInterrupts,
    answered,
    delay_interrupt,
    hold_interrupts,
    interrupted,
)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def go_on() -> None:
    """What a command does after a Ctrl-C that got lost."""
    time.sleep(10)


@pytest.fixture
def default_handler() -> Iterator[None]:
    """Tests that run in the background of a shell ignore Ctrl-C unless a handler is installed."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# -- a whole command -------------------------------------------------------------------------------


@pytest.mark.usefixtures("command_interrupts")
def test_an_interrupt_that_a_destructor_loses_comes_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    class PressedWhenFreed:
        def __del__(self) -> None:
            press()

    def work() -> None:
        PressedWhenFreed()
        go_on()

    with pytest.raises(KeyboardInterrupt):
        work()
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("command_interrupts")
def test_an_interrupt_that_a_library_swallows_comes_again() -> None:
    def work() -> None:
        try:
            press()
        except BaseException:
            pass
        go_on()

    with pytest.raises(KeyboardInterrupt):
        work()


@pytest.mark.usefixtures("command_interrupts")
def test_an_interrupt_does_not_come_again_while_a_block_cleans_up(
    capfd: pytest.CaptureFixture[str],
) -> None:
    steps = []

    def work() -> None:
        try:
            press()
        finally:
            press()  # the second one
            time.sleep(0.1)
            steps.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["cleaned up"]
    assert capfd.readouterr().err.startswith("Ending. Press Ctrl-C again to end at once;")


def test_an_interrupt_waits_for_an_import(
    command_interrupts: CommandInterrupts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "pressed_while_imported.py"
    module.write_text("import signal\nsignal.raise_signal(signal.SIGINT)\ncomplete = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    command_interrupts.work_begins()

    def work() -> None:
        importlib.import_module(module.stem)
        go_on()

    with pytest.raises(KeyboardInterrupt):
        work()
    assert sys.modules["pressed_while_imported"].complete


@pytest.mark.usefixtures("command_interrupts")
def test_a_held_interrupt_of_a_command_comes_after_the_block() -> None:
    steps = []

    def work() -> None:
        with hold_interrupts():
            press()
            time.sleep(0.1)
            steps.append("the block is finished")
        steps.append("this is not reached")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["the block is finished"]


@pytest.mark.usefixtures("command_interrupts")
def test_an_answered_interrupt_does_not_come_again() -> None:
    with pytest.raises(KeyboardInterrupt):
        press()
    assert interrupted()
    answered()
    time.sleep(0.1)
    assert not interrupted()


@pytest.mark.usefixtures("command_interrupts")
def test_a_delayed_interrupt_ends_the_command_and_is_raised_no_more() -> None:
    with delay_interrupt():
        press()
        assert not interrupted()
    assert interrupted()
    press()
    time.sleep(0.1)


# -- the whole process -----------------------------------------------------------------------------

BEGIN = """
import atexit, signal, sys
def press():
    signal.raise_signal(signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = ["seq2seq", "--version"]
from seq2seq.cli import main
"""
PRESS_WHILE_TYPER_IS_IMPORTED = """
class Finder:
    def find_spec(self, name, path, target=None):
        try:
            if name == "typer":
                press()
        except BaseException:
            pass  # as some libraries do
sys.meta_path.insert(0, Finder())
main()
"""
PRESS_THREE_TIMES = """
from seq2seq.interrupt import CommandInterrupts
CommandInterrupts().install()
try:
    press()
finally:
    press()
    press()
    print("this is not reached")
"""


def run_program(code: str) -> tuple[int, str, str]:
    """Returns the exit status of a Python program, and what it wrote."""
    result = subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


def test_an_interrupt_while_the_command_starts_ends_it_at_once() -> None:
    status, output, error = run_program(PRESS_WHILE_TYPER_IS_IMPORTED)
    assert error == "Interrupted. Run the same command to start again.\n"
    assert (status, output) == (130, "")


def test_an_interrupt_while_python_shuts_down_changes_nothing() -> None:
    status, output, error = run_program("atexit.register(press)\nmain()\n")
    assert error == ""
    assert (status, output) == (0, "0.1.0\n")


def test_the_third_interrupt_ends_the_process_at_once() -> None:
    status, output, error = run_program(PRESS_THREE_TIMES)
    assert error == (
        "Ending. Press Ctrl-C again to end at once; a file may then be left half-written.\n"
        "Interrupted. What was being written may be left half-written.\n"
    )
    assert (status, output) == (130, "")


def test_a_process_that_ignores_interrupts_keeps_ignoring_them() -> None:
    ignore = "signal.signal(signal.SIGINT, signal.SIG_IGN)\natexit.register(press)\nmain()\n"
    assert run_program(ignore) == (0, "0.1.0\n", "")


# -- blocks ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("default_handler")
def test_a_held_interrupt_comes_after_the_block() -> None:
    steps = []

    def work() -> None:
        with hold_interrupts():
            press()
            steps.append("the block is finished")
        steps.append("this is not reached")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["the block is finished"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_interrupt_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with hold_interrupts():
            press()
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_handler")
def test_the_first_interrupt_only_sets_the_event() -> None:
    with delay_interrupt() as stop:
        press()
        assert stop.is_set()


@pytest.mark.usefixtures("default_handler")
def test_the_second_interrupt_is_explained_and_the_third_one_raised() -> None:
    explained = []
    with delay_interrupt(lambda: explained.append("second")):
        press()
        assert explained == []
        press()
        assert explained == ["second"]
        with pytest.raises(KeyboardInterrupt):
            press()
    assert explained == ["second"]


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    handlers = []

    def work() -> None:
        with delay_interrupt(), hold_interrupts():
            handlers.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [before]
