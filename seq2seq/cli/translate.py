"""`seq2seq translate`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seq2seq.cli.options import (
    Beam,
    Device,
    Ensemble,
    LengthPenalty,
    MaxLengthRatio,
    Nbest,
    NoRepeatNgramSize,
    OptionalRun,
    Precision,
    Prune,
    first_and_ensemble,
    given_options,
)
from seq2seq.errors import UserError


def translate(
    run: OptionalRun = None,
    ensemble: Ensemble = None,
    input_file: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="A text file."),
    ] = None,
    output_file: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Where the translations of --input go."),
    ] = None,
    beam: Beam = None,
    nbest: Nbest = None,
    length_penalty: LengthPenalty = None,
    max_length_ratio: MaxLengthRatio = None,
    no_repeat_ngram_size: NoRepeatNgramSize = None,
    prune: Prune = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print a JSON object for each line, with scores, tokens and alignment."
        ),
    ] = False,
    attention: Annotated[
        bool,
        typer.Option(
            "--attention",
            help="Draw the attention of each line that is one sentence, on standard error if input "
            "is piped.",
        ),
    ] = False,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Translate what you type, what you pipe in, or a file.

    The output has exactly one line for each input line, in the same order. A line may have several
    sentences: each is translated alone. With --nbest, tabs separate the translations of a line.

    Examples:
    seq2seq translate runs/demo
    echo "Ein Hund schläft." | seq2seq translate runs/demo
    seq2seq translate runs/demo --input my.de --output my.en
    """
    from seq2seq.cli import output
    from seq2seq.decoding.loading import direction, load

    first, others = first_and_ensemble(run, ensemble)
    _check_files(input_file, output_file)
    translator = load(
        first,
        ensemble=others,
        device=device,
        precision=precision,
        **given_options(
            beam=beam,
            nbest=nbest,
            length_penalty=length_penalty,
            max_length_ratio=max_length_ratio,
            no_repeat_ngram_size=no_repeat_ngram_size,
            prune=prune,
        ),
    )
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
    if output_file is not None and (output_file.is_dir() or not output_file.parent.is_dir()):
        raise UserError(f"--output {output_file}: give a file in a folder that exists.")
