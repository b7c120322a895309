"""The command line: one file for each group of commands.

A command parses its options, makes one call into the program, and prints the result.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Runs the command line. Ctrl-C ends it in order, also while its modules are imported."""
    try:
        from seq2seq.cli.entry import main as run
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Run the same command to start again.\n")
        sys.exit(130)
    run()
