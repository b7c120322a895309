"""Ctrl-C at a better time: after the running update of a training, or after what must not be broken off."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, so that the running update ends in order; a second Ctrl-C breaks off at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number in before:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Ctrl-C comes after the block: compiled modules do not bear it while they are being imported."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield
        return
    come = threading.Event()
    signal.signal(signal.SIGINT, lambda number, frame: come.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if come.is_set():
            signal.raise_signal(signal.SIGINT)
