"""Ctrl-C: ends a command in order, waits for the current training update, or for the end of a
critical block.

Python raises KeyboardInterrupt wherever the program happens to be. That can lose it: a callback of
the garbage collector cannot raise, a library may catch everything, and C++ code that calls Python
while it is imported ends the process. `CommandInterrupts` raises it at a place that can pass it on,
and again if it got lost.
"""

import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_REMINDER_SECONDS = 0.02
_SHOW_CURSOR = "\x1b[?25h"
_INTERRUPTED = "Interrupted. Run the same command to start again.\n"
_STILL_ENDING = "Ending. Press Ctrl-C again to end at once; a file may then be left half-written.\n"
_ENDED_AT_ONCE = "Interrupted. What was being written may be left half-written.\n"


# -- A whole command -------------------------------------------------------------------------------


class _Interrupt(KeyboardInterrupt):
    """Ctrl-C, raised by `CommandInterrupts`. It can be referred to weakly."""


class CommandInterrupts:
    """What Ctrl-C does while a command runs. The command line has one, and installs it once.

    The first Ctrl-C raises KeyboardInterrupt, so that every block on the way can clean up. The
    exception lives as long as someone handles it. If it is gone and the command goes on, it got
    lost, and is raised again. The second Ctrl-C raises nothing, because cleaning up must not be
    interrupted. The third one ends the process at once.

    An import cannot always pass the exception on. While the command starts, Ctrl-C ends the process
    at once instead. Later it waits for the end of the import.
    """

    def __init__(self) -> None:
        self._presses = 0
        self._raised: weakref.ref[_Interrupt] | None = None
        self._holds = 0
        self._accepted = False
        self._works = False
        # Windows has no timer that interrupts the main thread.
        self._can_remind = hasattr(signal, "setitimer")

    def install(self) -> None:
        """Takes the place of Python's handler. A process that ignores Ctrl-C keeps ignoring it."""
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
            return
        sys.unraisablehook = _quiet_about_interrupts(sys.unraisablehook)
        if self._can_remind:
            signal.signal(signal.SIGALRM, self._remind)
        signal.signal(signal.SIGINT, self)

    @property
    def pressed(self) -> bool:
        """Whether Ctrl-C is to end the command."""
        return self._presses > 0

    def work_begins(self) -> None:
        """The command has something to clean up. Before that, Ctrl-C ends an import at once."""
        self._works = True

    def accept(self) -> None:
        """The command ends by itself because of Ctrl-C, so nothing more is raised."""
        self._presses = max(self._presses, 1)
        self._accepted = True

    def answered(self) -> None:
        """Takes back that Ctrl-C ends the command. The next Ctrl-C counts as the first one."""
        self._presses = 0
        self._accepted = False
        self._set_timer(0)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises nothing in the block. See `hold_interrupts`."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            if self.pressed:
                self._raise(None)

    def finish(self) -> None:
        """The command is done. Ctrl-C while Python shuts down finds nothing to interrupt."""
        self._set_timer(0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles the signal of Ctrl-C."""
        self._presses += 1
        if self._presses == 1:
            self._set_timer(_REMINDER_SECONDS)
        elif self._presses == 2:
            _write(_STILL_ENDING)
        else:
            _end_at_once((_SHOW_CURSOR if os.isatty(2) else "") + _ENDED_AT_ONCE)
        self._raise(frame)

    def _remind(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:
            self._raise(frame)

    def _raise(self, frame: FrameType | None) -> None:
        """Raises the interrupt, unless it is on its way already or has to wait."""
        on_its_way = self._accepted or (self._raised is not None and self._raised() is not None)
        if on_its_way or self._holds > 0:
            return
        if _imports(frame):
            if not self._works:
                _end_at_once(_INTERRUPTED)
            if self._can_remind:
                return
        error = _Interrupt()
        self._raised = weakref.ref(error)
        try:
            raise error
        finally:
            # The traceback refers to this frame, which must not keep the exception alive.
            del error

    def _set_timer(self, seconds: float) -> None:
        if self._can_remind:
            signal.setitimer(signal.ITIMER_REAL, seconds, seconds)


def _imports(frame: FrameType | None) -> bool:
    """Returns whether a module is being imported.

    Some libraries are initialized by C++ code that calls Python and cannot pass an error on.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib._bootstrap"):
            return True
        frame = frame.f_back
    return False


def _quiet_about_interrupts(
    hook: Callable[["sys.UnraisableHookArgs"], object],
) -> Callable[["sys.UnraisableHookArgs"], None]:
    """Returns a hook that prints nothing about an interrupt that got lost. It is raised again."""

    def quiet(unraisable: "sys.UnraisableHookArgs") -> None:
        if not issubclass(unraisable.exc_type, _Interrupt):
            hook(unraisable)

    return quiet


def _end_at_once(message: str) -> None:
    _write(message)
    os._exit(130)


def _write(text: str) -> None:
    """Writes to standard error without Python's streams, which may be in the middle of a write."""
    with suppress(OSError):
        os.write(2, text.encode())


def _of_command() -> CommandInterrupts | None:
    handler = signal.getsignal(signal.SIGINT)
    return handler if isinstance(handler, CommandInterrupts) else None


def interrupted() -> bool:
    """Returns whether Ctrl-C is to end the command. A library may have swallowed the exception."""
    interrupts = _of_command()
    return interrupts is not None and interrupts.pressed


def work_begins() -> None:
    """Call it before something that Ctrl-C must not leave half-done. See `CommandInterrupts`."""
    if interrupts := _of_command():
        interrupts.work_begins()


def answered() -> None:
    """Takes back that Ctrl-C ends the command, because it means something else here."""
    if interrupts := _of_command():
        interrupts.answered()


# -- Blocks ----------------------------------------------------------------------------------------


@contextmanager
def delay_interrupt(explain: Callable[[], None] = lambda: None) -> Iterator[threading.Event]:
    """Yields an event that Ctrl-C (or SIGTERM) sets, so that the current update can finish.

    The second Ctrl-C calls `explain`, and the third one raises KeyboardInterrupt. Outside the main
    thread, signals are left alone.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    outer = previous[signal.SIGINT]
    presses = 0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal presses
        presses += 1
        stop.set()
        if presses == 2:
            # The main thread may be in the middle of a write to the same stream.
            with suppress(RuntimeError):
                explain()
        elif presses > 2 and isinstance(outer, CommandInterrupts):
            outer(number, frame)
        elif presses > 2:
            raise KeyboardInterrupt

    for number in previous:
        signal.signal(number, handle)
    try:
        yield stop
        if stop.is_set() and isinstance(outer, CommandInterrupts):
            outer.accept()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def hold_interrupts() -> Iterator[None]:
    """Delivers Ctrl-C after the block. Compiled modules can crash if it comes while they are
    imported, and half of a folder would stay if it came while the folder is deleted."""
    previous = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or previous in (signal.SIG_IGN, None):
        yield
        return
    if isinstance(previous, CommandInterrupts):
        with previous.held():
            yield
        return
    came = threading.Event()
    signal.signal(signal.SIGINT, lambda number, frame: came.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        if came.is_set():
            signal.raise_signal(signal.SIGINT)
