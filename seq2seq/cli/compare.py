"""`seq2seq compare`: studies that test common claims about the model families."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from seq2seq.cli.options import DataDir
from seq2seq.errors import interrupt_message, is_interrupt

DEFAULT_FOLDER = Path("runs/compare")


def compare(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", help="What to measure: a YAML file or a bundled config."),
    ] = Path("compare"),
    into: Annotated[
        Path, typer.Option("--into", metavar="FOLDER", help="The folder of the comparison.")
    ] = DEFAULT_FOLDER,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Use small budgets (ten minutes) to try it out. The results prove nothing.",
        ),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="STUDY",
            help="gradients, memory, gates, bottleneck, parallel, footprint or quality. "
            "Can be repeated.",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Measure common claims about RNN, LSTM, GRU, Transformer and Mamba.

    Seven studies, which take hours in total: gradients and memory over distance, gates, the
    attention bottleneck, parallel training, memory footprint, and translation quality. The result
    is a page with pictures (index.html), and results.json. Ctrl-C stops; the same command
    continues.

    Examples:
    seq2seq compare --quick
    seq2seq compare --only gates --only quality
    """
    from seq2seq.cli.console import ConsoleReporter
    from seq2seq.studies.runner import run_comparison
    from seq2seq.studies.training import TrainingInterrupted

    if quick and into == DEFAULT_FOLDER:
        into = DEFAULT_FOLDER.with_name(f"{DEFAULT_FOLDER.name}-quick")
    studies = only or []
    try:
        with ConsoleReporter(stderr=True) as reporter:
            page = run_comparison(
                config, into, quick=quick, only=studies, data_dir=data_dir, reporter=reporter
            )
    except (Exception, KeyboardInterrupt) as error:
        if not isinstance(error, TrainingInterrupted) and not is_interrupt(error):
            raise
        same_command = _command_line(config, into, quick, studies, data_dir)
        what_remains = interrupt_message(error) or "Interrupted."
        typer.echo(f"\n{what_remains} Run the same command to continue.")
        typer.echo(f"  {same_command}")
        raise typer.Exit(130) from None
    typer.echo(f"The comparison is in {page}")


def _command_line(
    config: Path, into: Path, quick: bool, studies: list[str], data_dir: Path | None
) -> str:
    """Returns the command that continues this comparison from the same folder."""
    words = ["seq2seq", "compare", str(config), "--into", str(into)]
    if quick:
        words.append("--quick")
    for study in studies:
        words += ["--only", study]
    if data_dir is not None:
        words += ["--data-dir", str(data_dir)]
    return shlex.join(words)
