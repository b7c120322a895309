"""`seq2seq distill` and `seq2seq backtranslate`: training pairs made by models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seq2seq.cli.options import (
    Beam,
    DataDir,
    Device,
    Ensemble,
    OptionalRun,
    first_and_ensemble,
    given_options,
)

if TYPE_CHECKING:
    from seq2seq.synthetic import SyntheticPairs

Into = Annotated[
    Path, typer.Option("--into", metavar="FOLDER", help="The folder for the two text files.")
]


def distill(
    into: Into,
    run: OptionalRun = None,
    ensemble: Ensemble = None,
    beam: Beam = None,
    data_dir: DataDir = None,
    device: Device = "auto",
) -> None:
    """Translate the training text of a run with the run itself, or better with an ensemble, to
    train one smaller or faster model on the result.

    The pairs have real sources and synthetic targets. These are more regular than real targets,
    and so easier to learn (Kim & Rush 2016). Add the printed lines to the config of the model to
    train.

    Example:
    seq2seq distill --ensemble runs/a --ensemble runs/b --into data/distilled
    """
    from seq2seq import synthetic
    from seq2seq.cli.console import ConsoleReporter
    from seq2seq.run import RunFolder

    first, others = first_and_ensemble(run, ensemble)
    with ConsoleReporter(stderr=True) as reporter:
        pairs = synthetic.distill(
            RunFolder.open(first),
            into,
            ensemble=others,
            data_dir=data_dir,
            reporter=reporter,
            device=device,
            **given_options(beam=beam),
        )
    _print_pairs(pairs)


def backtranslate(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="A run of the opposite direction: it translates into your source language.",
        ),
    ],
    text: Annotated[
        Path,
        typer.Argument(
            metavar="TEXT",
            help="Text in your target language, one sentence on each line, plain or .gz.",
        ),
    ],
    into: Into,
    ensemble: Ensemble = None,
    beam: Beam = None,
    device: Device = "auto",
) -> None:
    """Make training pairs from text that has no translation.

    The pairs have synthetic sources and real targets (Sennrich et al. 2016). Training marks such
    sources with a tag (Caswell et al. 2019). Add the printed lines to the config of the model to
    train.

    Example:
    seq2seq backtranslate runs/en-de news.en.gz --into data/backtranslated
    """
    from seq2seq import synthetic
    from seq2seq.cli.console import ConsoleReporter
    from seq2seq.run import RunFolder

    with ConsoleReporter(stderr=True) as reporter:
        pairs = synthetic.backtranslate(
            RunFolder.open(run),
            text,
            into,
            ensemble=ensemble or [],
            reporter=reporter,
            device=device,
            **given_options(beam=beam),
        )
    _print_pairs(pairs)


def _print_pairs(pairs: "SyntheticPairs") -> None:
    from seq2seq.cli.console import counted

    skipped = f" ({pairs.skipped:,} skipped because one side was empty)" if pairs.skipped else ""
    typer.echo(f"{counted(pairs.count, 'pair')}{skipped}. To train on them too, add to the config:")
    typer.echo(pairs.config_lines())
