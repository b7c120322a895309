"""Delayed Ctrl-C."""

import signal
import threading
from collections.abc import Iterator

import pytest

from seq2seq.interrupt import delay_interrupt, hold_interrupts


@pytest.fixture
def default_handler() -> Iterator[None]:
    """Tests that run in the background of a shell ignore Ctrl-C unless a handler is installed."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_handler")
def test_a_held_interrupt_comes_after_the_block() -> None:
    steps = []

    def work() -> None:
        with hold_interrupts():
            signal.raise_signal(signal.SIGINT)
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
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_handler")
def test_the_first_interrupt_only_sets_the_event() -> None:
    with delay_interrupt() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()


@pytest.mark.usefixtures("default_handler")
def test_the_second_interrupt_is_raised() -> None:
    with delay_interrupt():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


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
