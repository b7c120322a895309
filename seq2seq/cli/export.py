"""`seq2seq average` and `seq2seq export`: new run folders made from a trained one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seq2seq.cli.options import DataDir, Run
from seq2seq.errors import UserError, is_interrupt

if TYPE_CHECKING:
    from seq2seq.models.quantization import NumberFormat


FileFormat = Literal["safetensors", "onnx", "web"]


def average(
    run: Run,
    count: Annotated[
        int, typer.Option("--count", min=1, help="Number of best checkpoints to average.")
    ] = 5,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="FOLDER", help="The new run folder. Default: RUN-average."),
    ] = None,
) -> None:
    """Average the best checkpoints of a run into a new run folder.

    Training already tries the mean of training.average checkpoints. This command tries any number
    of the checkpoints that the run still has.

    Example:
    seq2seq average runs/lstm-multi30k --count 3
    """
    from seq2seq import export
    from seq2seq.run import RunFolder

    resolved = run.resolve()  # "." has no name to add "-average" to
    target = into or resolved.with_name(f"{resolved.name}-average")
    with _complete_or_nothing(target):
        steps = export.average(RunFolder.open(run), RunFolder(target), count)
        step_list = ", ".join(f"{step:,}" for step in steps)
        typer.echo(f"{target} is the mean of the checkpoints of steps {step_list}.")
        typer.echo(f"Next: seq2seq evaluate {target} --split valid --against {run}")


def export(
    run: Run,
    into: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="The folder to create. With --format web and a name that ends with .html, one "
            "file.",
        ),
    ],
    int8: Annotated[
        bool,
        typer.Option(
            "--int8", help="Quantize matrices to one byte a weight: a quarter of the size."
        ),
    ] = False,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Store two bytes a weight: half of the size.")
    ] = False,
    file_format: Annotated[
        FileFormat,
        typer.Option(
            "--format",
            help="safetensors: a small run folder. onnx: a folder that translates without torch, "
            "and starts in a fraction of the time. web: a page that translates in a browser, "
            "without a network.",
        ),
    ] = "safetensors",
    ensemble: Annotated[
        list[Path] | None,
        typer.Option(
            "--ensemble",
            metavar="RUN",
            help="A run that predicts together with the first one, for --format onnx and web. Can "
            "be repeated.",
        ),
    ] = None,
    shortlist: Annotated[
        bool,
        typer.Option(
            "--shortlist",
            help="Translate faster: for each sentence, choose among a few hundred target tokens "
            "instead of the whole vocabulary. The shortlist is learned from the run's training "
            "text. With --format onnx it is no faster.",
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Create a small folder for translation only: weights, tokenizer and config, without
    checkpoints and journal.

    Use it like any run folder. Quantization and a shortlist cost almost no quality. The second
    example measures how much. With --format onnx, the program translates without torch.

    Examples:
    seq2seq export runs/lstm-multi30k exported --int8 --shortlist
    seq2seq evaluate exported --against runs/lstm-multi30k
    seq2seq export runs/lstm-multi30k small --format onnx --int8
    seq2seq export runs/lstm-multi30k translator.html --format web
    """
    from seq2seq.cli.console import ConsoleReporter
    from seq2seq.export import export_onnx_run, export_run, export_web_run
    from seq2seq.onnx_folder import OnnxFolder
    from seq2seq.run import RunFolder

    number_format = _number_format(int8=int8, bfloat16=bfloat16)
    opened = RunFolder.open(run)
    _check_format(file_format, bfloat16=bfloat16, ensemble=bool(ensemble), shortlist=shortlist)
    with _complete_or_nothing(into), ConsoleReporter(stderr=True) as reporter:
        if file_format == "web":
            # Its weights are 8-bit integers, with --int8 and without.
            num_bytes = export_web_run(opened, into, ensemble=ensemble or [], reporter=reporter)
        elif file_format == "onnx":
            num_bytes = export_onnx_run(
                opened,
                OnnxFolder(into),
                ensemble=ensemble or [],
                int8=int8,
                shortlist=shortlist,
                data_dir=data_dir,
                reporter=reporter,
            )
        else:
            num_bytes = export_run(
                opened,
                RunFolder(into),
                number_format,
                shortlist=shortlist,
                data_dir=data_dir,
                reporter=reporter,
            )
        typer.echo(f"{into}: {num_bytes / 1e6:.1f} MB with everything that translation needs")
        typer.echo(_next_step(run, into, file_format))


@contextmanager
def _complete_or_nothing(into: Path) -> Iterator[None]:
    """Creates `into` in the block. If it is there after Ctrl-C, it is complete, and the user reads
    so: the same command would refuse to create it again."""
    was_there = _has_content(into)
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if not is_interrupt(error) or was_there or not _has_content(into):
            raise
        typer.echo(f"Interrupted; {into} is complete.")
        raise typer.Exit(130) from None


def _has_content(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _next_step(run: Path, into: Path, file_format: str) -> str:
    if file_format != "web":
        return f"Next: seq2seq evaluate {into} --split valid --against {run}"
    if into.is_file():
        return f"Next: open {into} in a browser"
    return f"Next: python -m http.server -d {into}, and open http://localhost:8000 in a browser"


def _check_format(
    file_format: FileFormat, *, bfloat16: bool, ensemble: bool, shortlist: bool
) -> None:
    """Raises UserError for an option that the format does not have."""
    if file_format != "safetensors" and bfloat16:
        raise UserError("--bfloat16 is for --format safetensors. Give --int8, or leave it out.")
    if file_format == "safetensors" and ensemble:
        raise UserError("--ensemble needs --format onnx or --format web.")
    if file_format == "web" and shortlist:
        raise UserError("A page has no shortlist. Leave --shortlist out, or give --format onnx.")


def _number_format(*, int8: bool, bfloat16: bool) -> "NumberFormat":
    if int8 and bfloat16:
        raise UserError(
            "--int8 and --bfloat16 cannot be combined. Give one of them, or neither for float32."
        )
    if int8:
        return "int8"
    if bfloat16:
        return "bfloat16"
    return "float32"
