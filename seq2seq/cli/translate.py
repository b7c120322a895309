"""`seq2seq translate`."""

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
    OptionalTranslator,
    Precision,
    Prune,
    first_and_ensemble,
    given_options,
)
from seq2seq.cli.translation import translate_input


def translate(
    run: OptionalTranslator = None,
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
    With --json, the translation of an empty line is "". Tokens and alignment are there if the line
    is one sentence.

    Examples:
    seq2seq translate runs/demo
    echo "Ein Hund schläft." | seq2seq translate runs/demo
    seq2seq translate runs/demo --input my.de --output my.en
    """
    first, others = first_and_ensemble(run, ensemble)
    translate_input(
        first,
        others,
        input_file=input_file,
        output_file=output_file,
        as_json=as_json,
        attention=attention,
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
