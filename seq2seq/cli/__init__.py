"""The command line: one file for each group of commands.

A command parses its options, makes one call into the program, and prints the result.
"""

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Runs the command line as a process of its own, which Ctrl-C ends in order at any moment.

    A program that runs a command within itself calls `seq2seq.cli.entry.main`.
    """
    try:
        from seq2seq.interrupt import CommandInterrupts

        interrupts = CommandInterrupts()
        interrupts.install()
        try:
            from seq2seq.cli.entry import main as run

            run()
        finally:
            interrupts.finish()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Run the same command to start again.\n")
    except SystemExit:
        if not interrupts.pressed:
            raise
    else:
        return
    # Python would wait for threads, such as those of a download.
    _end_process(130)


def _end_process(status: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # There is none, or it is closed.
            pass
    os._exit(status)
