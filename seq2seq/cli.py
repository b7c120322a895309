"""The command line. A command parses, makes one call into the pipeline, and prints."""

import io
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seq2seq import __version__, cli_quality
from seq2seq.cli_data import app as data_app
from seq2seq.cli_options import (
    Beam,
    DataDir,
    Device,
    LengthPenalty,
    MaxLength,
    Models,
    Nbest,
    NoRepeat,
    Precision,
    Prune,
    Run,
)
from seq2seq.errors import UserError, stopped, told

# On a shared machine OpenMP threads that spin while they wait can slow everything tenfold; after this many turns they
# sleep. It must be set before torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
# No statistics about a person's corpora to the hub.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

app = typer.Typer(
    name="seq2seq",
    help="Train, measure and use LSTM translators on a CPU.\n\nA first run from nothing: [bold]seq2seq demo[/bold]. Your own: "
    "[bold]seq2seq train configs/lstm-multi30k.yaml[/bold], then [bold]evaluate[/bold] and [bold]translate[/bold] with the "
    "folder it wrote.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(data_app, name="data")
for command in (cli_quality.average, cli_quality.export, cli_quality.distill, cli_quality.backtranslate):
    app.command()(command)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def train(
    config: Annotated[
        Path | None, typer.Argument(help="YAML file, or the name of one that comes along (demo, lstm-multi30k, …).")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override one value: --set model.hidden_size=256. May be given several times."),
    ] = None,
    run: Annotated[Path | None, typer.Option("--run", help="Folder for the result; runs/CONFIG by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Train a translator from a config.

    Ctrl-C stops after the running update and saves; --resume goes on from there. The run folder then holds all that
    translating needs and can be copied anywhere.
    """
    from seq2seq import pipeline, terminal

    if run is None:
        if config is None:
            raise UserError("Give a config, for example configs/lstm-multi30k.yaml, or --resume with --run FOLDER.")
        run = Path("runs") / config.stem
    progress = pipeline.train(
        config, run, overrides=overrides or [], resume=resume, data_dir=data_dir, console=terminal.make_console()
    )
    if not progress.finished:
        where = f" --data-dir {data_dir}" if data_dir else ""
        typer.echo(f"Stopped and saved at step {progress.step:,}. Go on: seq2seq train --resume --run {run}{where}")
        raise typer.Exit(130)
    why = "the budget is used" if progress.finished == "budget" else "no better BLEU for a while"
    typer.echo(f"Done at step {progress.step:,}: {why}. The model is in {run}.")
    typer.echo(f"Next: seq2seq evaluate {run}    seq2seq translate {run}")


@app.command()
def evaluate(
    run: Run = None,
    models: Models = None,
    split: Annotated[str, typer.Option("--split", help="Part of the corpus that the run was trained on.")] = "test",
    source: Annotated[Path | None, typer.Option("--source", help="Translate this file instead of a split.")] = None,
    reference: Annotated[
        list[Path] | None, typer.Option("--reference", "--reference2", help="Its reference; several may be given.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="A run folder, or a file of translations, to compare with.")
    ] = None,
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Add BLEU without regard to case.")] = False,
    samples: Annotated[int, typer.Option("--samples", min=0, help="Show this many translations.")] = 0,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    max_length: MaxLength = None,
    no_repeat_ngram: NoRepeat = None,
    prune: Prune = None,
    device: Device = "auto",
    precision: Precision = "auto",
    data_dir: DataDir = None,
) -> None:
    """Measure a run on a test set: BLEU, chrF and TER with confidence intervals.

    Scores are of plain, cased text against the raw references, with sacreBLEU's signatures. The figures go into
    RUN/evaluation.json, the translations beside it.
    """
    from seq2seq import pipeline, terminal, test_sets
    from seq2seq.demo import pick_samples
    from seq2seq.evaluation.report import render_report

    run, others = _first_and_others(run, models)
    if source is not None and split != "test":
        raise UserError("--split and --source exclude each other: give one of them.")
    if (source is None) != (not reference):
        raise UserError("--source and --reference belong together: give both, or neither for --split.")
    if source is not None:
        test_set = test_sets.files_of(source, reference or [])
    else:
        test_set = test_sets.split_of(run, split, data_dir, lambda line: typer.echo(line, err=True))
    search = _given(
        beam=beam, length_penalty=length_penalty, max_length=max_length, no_repeat_ngram=no_repeat_ngram, prune=prune
    )
    with terminal.progress_bar("translating") as advance:
        report, hypotheses = pipeline.evaluate(
            run,
            test_set,
            lowercase=lowercase,
            together_with=others,
            against=against,
            progress=advance,
            device=device,
            precision=precision,
            **search,
        )
    terminal.make_console().print(render_report(report))
    for sample in pick_samples(test_set, hypotheses, samples):
        typer.echo("\n" + "\n".join(f"{name:<12} {text}" for name, text in sample.items()))


@app.command()
def translate(
    run: Run = None,
    models: Models = None,
    input_file: Annotated[Path | None, typer.Option("--input", help="A text file, one sentence a line.")] = None,
    output_file: Annotated[Path | None, typer.Option("--output", help="Where its translation goes.")] = None,
    beam: Beam = None,
    nbest: Nbest = None,
    length_penalty: LengthPenalty = None,
    max_length: MaxLength = None,
    no_repeat_ngram: NoRepeat = None,
    prune: Prune = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, with scores, pieces and alignment.")
    ] = False,
    attention: Annotated[
        bool, typer.Option("--attention", help="Draw what each piece looked at (to stderr when piped).")
    ] = False,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Translate: what you type, what is piped in, or a file.

    Line in, line out, in order, and exactly as many lines out as in. With --nbest, the translations of a line stand on
    one line, divided by tabs.
    """
    from seq2seq import pipeline, terminal
    from seq2seq.run import RunFolder

    run, others = _first_and_others(run, models)
    search = _given(
        beam=beam,
        nbest=nbest,
        length_penalty=length_penalty,
        max_length=max_length,
        no_repeat_ngram=no_repeat_ngram,
        prune=prune,
    )
    if output_file is not None and input_file is None:
        raise UserError("--output needs --input; without a file, redirect standard output instead.")
    if input_file is not None and not input_file.is_file():
        raise UserError(f"{input_file} is no file that can be read.")
    if output_file is not None and (output_file.is_dir() or not output_file.parent.is_dir()):
        raise UserError(f"--output {output_file}: give a file in a folder that exists.")
    translator = pipeline.load_translator(run, together_with=others, device=device, precision=precision, **search)
    show = terminal.Output(as_json=as_json, attention=attention)
    if input_file is not None:
        with terminal.progress_bar("translating") as advance:
            terminal.translate_file(translator, input_file, output_file, show, advance)
    elif sys.stdin is None or sys.stdout is None:  # a daemon's may be closed
        raise UserError("There is no standard input or output to work with; give --input FILE and --output FILE.")
    elif sys.stdin.isatty() and sys.stdout.isatty():
        terminal.converse(translator, show, prompt=RunFolder(run).direction())
    else:
        terminal.translate_pipe(translator, sys.stdin.buffer, sys.stdout.buffer, show)


@app.command()
def demo(
    run: Annotated[Path, typer.Option("--run", help="Folder for the result.")] = Path("runs/demo"),
    config: Annotated[Path, typer.Option("--config", help="What to train.")] = Path("demo"),
    data_dir: DataDir = None,
) -> None:
    """The whole way on real text: fetch a corpus, train, evaluate, show translations. What is done is not done again."""
    from seq2seq import demo as demonstration
    from seq2seq import terminal
    from seq2seq.evaluation.report import render_report

    console = terminal.make_console()
    with terminal.progress_bar("evaluating") as advance:
        found = demonstration.demo(config, run, data_dir=data_dir, console=console, progress=advance)
    if found is None:
        typer.echo(f"Stopped and saved. Go on: seq2seq demo --run {run} (or make demo)")
        raise typer.Exit(130)
    for name, report in found.reports.items():
        console.print(f"\n{name}", markup=False)
        console.print(render_report(report))
    for sample in found.samples:
        typer.echo("\n" + "\n".join(f"{name:<12} {text}" for name, text in sample.items()))
    typer.echo(f"\nNext, translate what you type: seq2seq translate {run}")


@app.command()
def compare(
    config: Annotated[Path, typer.Argument(help="What to measure: a YAML file, or the one that comes along.")] = Path(
        "compare"
    ),
    into: Annotated[Path, typer.Option("--into", help="Folder of the result.")] = Path("runs/compare"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Small budgets, ten minutes: to see that it works, it proves nothing.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            help="gradients, memory, gates, bottleneck, parallel, footprint or quality; may be given several times.",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Measure what is said of RNN, LSTM, GRU, Transformer and Mamba.

    Seven experiments, hours in all: gradients and memory over distance, gates, attention, speed, memory, BLEU. Ctrl-C
    stops; the same command goes on. The result is a page with pictures (index.html), and results.json.
    """
    from seq2seq.comparison.runner import compare as run_comparison
    from seq2seq.comparison.trainings import TrainingStopped

    if quick:
        into = into.with_name(f"{into.name}-quick") if into == Path("runs/compare") else into
    again = ["seq2seq", "compare", str(config), "--into", str(into), *(["--quick"] if quick else [])]
    again += [word for key in only or [] for word in ("--only", key)]
    again += [] if data_dir is None else ["--data-dir", str(data_dir)]
    try:
        page = run_comparison(
            config,
            into,
            quick=quick,
            only=only or [],
            data_dir=data_dir,
            say=lambda line: typer.echo(line, err=True),
        )
    except (Exception, KeyboardInterrupt) as error:
        if not (isinstance(error, TrainingStopped) or stopped(error)):
            raise
        typer.echo(f"\nStopped. What is measured stays; go on: {shlex.join(again)}")
        raise typer.Exit(130) from None
    typer.echo(f"The comparison is in {page}")


@data_app.command()
def prepare(
    config: Annotated[Path, typer.Argument(help="A config.")],
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Override one value.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Fetch and clean the corpus of a config and train its tokenizer, without training a model."""
    from seq2seq import pipeline
    from seq2seq.config import load_config

    prepared = pipeline.prepare(load_config(config, overrides or []), data_dir=data_dir, say=typer.echo)
    for line in pipeline.describe(prepared):
        typer.echo(line)


def main() -> None:
    """Runs the command line; what a person can mend is one message and an exit status, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # Redirected on Windows, the encoding would be one that cannot write most of the world's sentences.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")
    try:
        app()
    except (Exception, SystemExit) as error:
        # Ctrl-C where the command has no words of its own for it; typer has none.
        interrupted = stopped(error)
        sentence = (
            "stopped, and nothing is broken by it; the same command begins again." if interrupted else told(error)
        )
        if sentence is None:
            raise
        sys.stderr.write(f"seq2seq: {sentence}\n")
        sys.exit(130 if interrupted else 1)


def _first_and_others(run: Path | None, models: list[Path] | None) -> tuple[Path, list[Path]]:
    """`RUN --model B` and `--model A --model B` say the same."""
    folders = ([run] if run else []) + (models or [])
    if not folders:
        raise UserError("Give a run folder, such as runs/demo; several (--model A --model B) decide together.")
    return folders[0], folders[1:]


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


if __name__ == "__main__":
    main()
