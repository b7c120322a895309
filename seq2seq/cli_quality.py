"""Commands that get more out of models that are trained: average, distill, backtranslate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seq2seq.cli_options import Beam, DataDir, Device, Models

if TYPE_CHECKING:
    from seq2seq.synthetic import MadePairs

Into = Annotated[Path, typer.Option("--into", help="Folder for the two files.")]
Trained = Annotated[Path, typer.Argument(help="A run folder.")]


def average(
    run: Trained,
    count: Annotated[int, typer.Option("--count", min=1, help="How many of the best checkpoints.")] = 5,
    into: Annotated[Path | None, typer.Option("--into", help="Folder of the result; RUN-average by default.")] = None,
) -> None:
    """Average the best checkpoints of a run into a new run folder.

    Training tries the mean of training.average checkpoints by itself; here any number of those kept can be tried.
    """
    from seq2seq import pipeline

    target = into or run.with_name(f"{run.name}-average")
    steps = pipeline.average(run, target, count)
    typer.echo(f"{target}: the mean of the checkpoints of steps {', '.join(f'{step:,}' for step in steps)}")
    typer.echo(f"Next: seq2seq evaluate {target} --split valid --against {run}")


def distill(
    run: Trained,
    into: Into,
    models: Models = None,
    beam: Beam = None,
    data_dir: DataDir = None,
    device: Device = "auto",
) -> None:
    """Translate a run's training text by the run, or better an ensemble, to train one model on it.

    Real sources with made targets, which are more regular than real ones and so easier to learn (Kim & Rush 2016). The
    lines printed at the end go into the config of the model to train.
    """
    from seq2seq import synthetic
    from seq2seq.terminal import progress_bar

    search = {} if beam is None else {"beam": beam}
    with progress_bar("translating") as advance:
        made = synthetic.distill(
            run,
            into,
            together_with=models or [],
            data_dir=data_dir,
            say=_tell,
            progress=advance,
            device=device,
            **search,
        )
    _show(made)


def backtranslate(
    run: Annotated[Path, typer.Argument(help="A run of the other direction: it translates into your source language.")],
    text: Annotated[Path, typer.Argument(help="Text in your target language, one sentence a line, plain or .gz.")],
    into: Into,
    models: Models = None,
    beam: Beam = None,
    device: Device = "auto",
) -> None:
    """Make training pairs from text that has no translation.

    Made sources for real targets (Sennrich et al. 2016). In training they are marked as made (Caswell et al. 2019). The
    lines printed at the end go into the config of the model to train.
    """
    from seq2seq import synthetic
    from seq2seq.terminal import progress_bar

    search = {} if beam is None else {"beam": beam}
    with progress_bar("translating") as advance:
        made = synthetic.backtranslate(
            run, text, into, together_with=models or [], progress=advance, device=device, **search
        )
    _show(made)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _show(made: "MadePairs") -> None:
    empty = f"; {made.left_out:,} left out because a side was empty" if made.left_out else ""
    typer.echo(f"{made.count:,} pairs{empty}. To train on them besides the corpus, add to its config:")
    typer.echo(made.config_lines())
