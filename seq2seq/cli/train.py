"""`seq2seq train` and `seq2seq demo`."""

from pathlib import Path
from typing import Annotated

import typer

from seq2seq.cli.options import DataDir, Overrides
from seq2seq.errors import UserError, interrupt_message, is_interrupt


def train(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG",
            help="A YAML file, or the name of a bundled config (demo, lstm-multi30k, ...).",
        ),
    ] = None,
    overrides: Overrides = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="FOLDER", help="The run folder. Default: runs/CONFIG."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint of the run.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Train a translation model from a config.

    The run folder contains everything that translation needs, and can be copied anywhere.
    Ctrl-C stops after the current update and saves a checkpoint. --resume continues from there.

    Examples:
    seq2seq train lstm-multi30k
    seq2seq train my.yaml --run runs/mine --set model.hidden_size=256
    seq2seq train --resume --run runs/mine
    """
    from seq2seq import api
    from seq2seq.cli.console import ConsoleReporter
    from seq2seq.config import load_config
    from seq2seq.data.store import corpus_check
    from seq2seq.run import RunFolder

    if run is None and config is not None:
        run = Path("runs") / config.stem
    if run is None or (config is None and not resume):
        raise UserError(
            "Give a config, for example lstm-multi30k. "
            "To continue a run, give --resume and --run FOLDER."
        )
    folder = RunFolder(run)
    if resume and config is not None and config.resolve() == folder.config_file.resolve():
        # The run's own settings, which may have been written by an earlier version.
        config = None
    settings = None
    if config is not None:
        settings = load_config(config, overrides or [], corpus_mistake=corpus_check(data_dir))
    data_option = f" --data-dir {data_dir}" if data_dir else ""
    how_to_continue = f"Continue with: seq2seq train --resume --run {run}{data_option}"
    try:
        with ConsoleReporter() as reporter:
            if resume or settings is None:
                state = api.resume(
                    folder,
                    settings,
                    overrides=overrides or [],
                    data_dir=data_dir,
                    reporter=reporter,
                )
            else:
                state = api.train(settings, folder, data_dir=data_dir, reporter=reporter)
    except (Exception, KeyboardInterrupt) as error:
        if not is_interrupt(error) or folder.last_checkpoint is None:
            raise
        what_remains = interrupt_message(error) or "Interrupted."
        typer.echo(f"{what_remains} {how_to_continue}")
        raise typer.Exit(130) from None
    if not state.finished:
        typer.echo(f"Interrupted; saved at step {state.step:,}. {how_to_continue}")
        raise typer.Exit(130)
    if state.finished == "budget":
        reason = "the training budget is used up"
    else:
        reason = "validations have stopped improving (training.patience)"
    typer.echo(f"Done at step {state.step:,}: {reason}. The model is in {run}.")
    typer.echo(f"Next: seq2seq evaluate {run}")
    typer.echo(f"      seq2seq translate {run}")


def demo(
    run: Annotated[Path, typer.Option("--run", metavar="FOLDER", help="The run folder.")] = Path(
        "runs/demo"
    ),
    config: Annotated[
        Path, typer.Option("--config", metavar="CONFIG", help="The config to train.")
    ] = Path("demo"),
    data_dir: DataDir = None,
) -> None:
    """Run the whole program on real text: download a corpus, train, evaluate, show translations.

    This takes about 12 minutes on two cores. Steps that are already done are not repeated.

    Example:
    seq2seq demo
    """
    from seq2seq.cli.console import ConsoleReporter, make_console, print_samples
    from seq2seq.cli.report_table import render_report
    from seq2seq.demo import run_demo
    from seq2seq.run import RunFolder

    try:
        with ConsoleReporter() as reporter:
            result = run_demo(config, RunFolder(run), data_dir=data_dir, reporter=reporter)
    except (Exception, KeyboardInterrupt) as error:
        if not is_interrupt(error):
            raise
        what_remains = interrupt_message(error) or "Interrupted."
        typer.echo(f"{what_remains} Run the same command to continue.")
        raise typer.Exit(130) from None
    if result is None:
        typer.echo("Interrupted. Run the same command to continue.")
        raise typer.Exit(130)
    console = make_console()
    for name, report in result.reports.items():
        console.print(f"\n{name}", markup=False)
        console.print(render_report(report))
    print_samples(result.samples)
    typer.echo(f"\nNext, translate your own sentences: seq2seq translate {run}")
