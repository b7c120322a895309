"""What `seq2seq translate` does. It needs no typer, which takes long to import."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seq2seq.cli.text_input import SAMPLE_BYTES, check_text
from seq2seq.errors import UserError


def translate_input(
    first: Path,
    others: Sequence[Path] = (),
    *,
    input_file: Path | None = None,
    output_file: Path | None = None,
    as_json: bool = False,
    attention: bool = False,
    **options: Any,
) -> None:
    """Translates what is typed, a pipe, or a file.

    Args:
        first: a folder that can translate.
        others: more runs, which predict together with the first one.
        input_file: the text to translate. None: standard input.
        output_file: where the translations go. None: standard output.
        as_json: write JSON objects.
        attention: draw the attention.
        **options: more options of `load`.

    Raises:
        UserError: a file or an option cannot be used.
    """
    _check_files(input_file, output_file)
    from seq2seq.cli import output
    from seq2seq.decoding.loading import direction, load

    translator = load(first, ensemble=others, **options)
    output_format = output.OutputFormat(as_json=as_json, draw_attention=attention)
    if input_file is not None:
        # Imports rich, which a pipe does not need.
        from seq2seq.cli.console import ConsoleReporter

        with ConsoleReporter() as reporter:
            output.translate_file(
                translator, input_file, output_file, output_format, reporter.progress
            )
    elif sys.stdin is None or sys.stdout is None:  # The caller closed them, as some daemons do.
        raise UserError(
            "There is no standard input or output to use. Give --input FILE and --output FILE."
        )
    elif sys.stdin.isatty() and sys.stdout.isatty():
        output.translate_typed_lines(translator, output_format, prompt=direction(first))
    else:
        output.translate_pipe(translator, sys.stdin.buffer, sys.stdout.buffer, output_format)


def _check_files(input_file: Path | None, output_file: Path | None) -> None:
    """Raises UserError before the model is loaded if the files cannot be used."""
    if output_file is not None and input_file is None:
        raise UserError("--output needs --input. Without it, redirect standard output instead.")
    if input_file is not None and not input_file.is_file():
        raise UserError(f"--input {input_file} does not exist or is not a file. Check the path.")
    if input_file is not None:
        with input_file.open("rb") as file:
            check_text(file.read(SAMPLE_BYTES), f"--input {input_file}")
    if output_file is not None and output_file.is_dir():
        raise UserError(f"--output {output_file} is a folder. Give a file.")
    if output_file is not None and not output_file.parent.is_dir():
        raise UserError(f"--output {output_file}: give a file in a folder that exists.")
    if input_file is not None and output_file is not None and output_file.exists():
        # This also finds links.
        if output_file.samefile(input_file):
            raise UserError(
                f"--input {input_file} and --output {output_file} are the same file. Give another "
                "file for the translations."
            )
