"""Where the program starts: sets the process up, runs a command, turns errors into messages."""

import os
import sys
from pathlib import Path

from seq2seq.errors import interrupt_message, is_interrupt, user_message
from seq2seq.interrupt import interrupted
from seq2seq.runtime import keep_freed_memory, set_environment, set_output_encoding


def main() -> None:
    """Runs the command line within this process.

    An error that the user can fix becomes one message and exit status 1, and Ctrl-C becomes exit
    status 130. Only a bug in this program shows a traceback.
    """
    set_environment()
    keep_freed_memory()
    set_output_encoding()
    try:
        _run(sys.argv[1:])
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        answered = isinstance(error, SystemExit) and error.code == 130
        if is_interrupt(error) or (interrupted() and not answered):
            # A command that keeps its work when it is interrupted catches this error itself.
            what_remains = interrupt_message(error) or "Interrupted."
            sys.stderr.write(f"{what_remains} Run the same command to start again.\n")
            sys.exit(130)
        message = user_message(error)
        if message is None:
            raise
        sys.stderr.write(f"seq2seq: {message}\n")
        sys.exit(1)


def _run(arguments: list[str]) -> None:
    if not _is_plain_translate(arguments):
        from seq2seq.cli.app import app

        app()
        return
    # typer takes a third of the time of a short translation to start. Without options there is
    # nothing for it to do.
    from seq2seq.cli.translation import translate_input

    try:
        translate_input(Path(arguments[1]))
    except BrokenPipeError:
        # The reader has gone, as in `seq2seq translate RUN | head`. Python would complain when it
        # closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(0)


def _is_plain_translate(arguments: list[str]) -> bool:
    """Returns whether the command is `translate RUN`, without options."""
    return len(arguments) == 2 and arguments[0] == "translate" and arguments[1][:1] not in ("-", "")
