"""Commands that make something of models that are trained: average, export, distill, backtranslate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seq2seq.cli_options import Beam, DataDir, Device, Models
from seq2seq.errors import UserError

if TYPE_CHECKING:
    from seq2seq.models.compact import Format
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
    from seq2seq import shipping

    target = into or run.resolve().with_name(f"{run.resolve().name}-average")
    steps = shipping.average(run, target, count)
    typer.echo(f"{target}: the mean of the checkpoints of steps {', '.join(f'{step:,}' for step in steps)}")
    typer.echo(f"Next: seq2seq evaluate {target} --split valid --against {run}")


def export(
    run: Trained,
    into: Annotated[Path, typer.Argument(help="The folder to make.")],
    int8: Annotated[
        bool, typer.Option("--int8", help="Round matrices to a byte a weight: a quarter of the size.")
    ] = False,
    bfloat16: Annotated[bool, typer.Option("--bfloat16", help="Two bytes a weight: half of the size.")] = False,
    shortlist: Annotated[
        bool,
        typer.Option(
            "--shortlist",
            help="Choose among the few hundred pieces that a sentence can need, learnt from the run's training text, "
            "instead of the whole vocabulary: faster.",
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Make a small folder to ship: weights, tokenizer and config of a run, without what only training needs.

    It is used like any run folder. Rounding and shortlist cost next to nothing; measure it: seq2seq evaluate INTO
    --against RUN.
    """
    from seq2seq import shipping

    if int8 and bfloat16:
        raise UserError("--int8 and --bfloat16 exclude each other: give one of them, or neither for float32.")
    number_format: Format = "int8" if int8 else "bfloat16" if bfloat16 else "float32"
    size = shipping.export(run, into, number_format, shortlist=shortlist, data_dir=data_dir, say=_tell)
    typer.echo(f"{into}: {size / 1e6:.1f} MB, all that translating needs")
    typer.echo(f"Next: seq2seq evaluate {into} --split valid --against {run}")


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
