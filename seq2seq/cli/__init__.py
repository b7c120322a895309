"""The command line: one file for each group of commands.

A command parses its options, makes one call into the program, and prints the result.
"""

from seq2seq.cli.app import main

__all__ = ["main"]
