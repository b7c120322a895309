"""`seq2seq`: registers all commands."""

from collections.abc import Callable
from typing import Annotated

import typer

from seq2seq import __version__
from seq2seq.cli import data
from seq2seq.cli.compare import compare
from seq2seq.cli.evaluate import evaluate
from seq2seq.cli.export import average, export
from seq2seq.cli.help_text import help_text
from seq2seq.cli.options import RENAMED_OPTIONS
from seq2seq.cli.synthetic import backtranslate, distill
from seq2seq.cli.train import demo, train
from seq2seq.cli.translate import translate

COMMANDS: tuple[Callable[..., None], ...] = (
    train,
    evaluate,
    translate,
    demo,
    compare,
    average,
    export,
    distill,
    backtranslate,
)
"""In the order of the help."""


def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Train, evaluate and use translation models on a CPU.

    Each command has its own help: seq2seq train --help.

    Examples:
    seq2seq demo
    seq2seq train lstm-multi30k
    seq2seq evaluate runs/lstm-multi30k
    seq2seq translate runs/lstm-multi30k
    """
    if version:
        typer.echo(__version__)
        raise typer.Exit


def _make_app() -> typer.Typer:
    app = typer.Typer(
        name="seq2seq",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"token_normalize_func": lambda name: RENAMED_OPTIONS.get(name, name)},
    )
    app.callback(invoke_without_command=True, help=help_text(root))(root)
    for command in COMMANDS:
        app.command(help=help_text(command))(command)
    app.add_typer(data.app, name="data")
    return app


app = _make_app()
