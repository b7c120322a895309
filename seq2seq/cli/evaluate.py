"""`seq2seq evaluate`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seq2seq.cli.options import (
    Beam,
    DataDir,
    Device,
    Ensemble,
    LengthPenalty,
    MaxLengthRatio,
    NoRepeatNgramSize,
    OptionalTranslator,
    Precision,
    Prune,
    first_and_ensemble,
    given_options,
)
from seq2seq.errors import UserError

if TYPE_CHECKING:
    from seq2seq.evaluation.test_set import TestSet
    from seq2seq.reporter import Reporter
    from seq2seq.run import RunFolder

DEFAULT_SPLIT = "test"


Split = Annotated[
    str, typer.Option("--split", help="A split of the corpus that the run was trained on.")
]
Source = Annotated[
    Path | None,
    typer.Option("--source", metavar="FILE", help="Translate this file instead of a split."),
]
References = Annotated[
    list[Path] | None,
    typer.Option(
        "--reference",
        "--reference2",
        metavar="FILE",
        help="The reference translation of --source. Repeat it for several references.",
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(
        "--against",
        metavar="PATH",
        help="What to compare with: a run folder, an exported folder or a file of translations. "
        "--device and --precision do not change an exported one.",
    ),
]
Tokenize = Annotated[
    str,
    typer.Option(
        "--tokenize",
        metavar="NAME",
        help="How BLEU splits text: a tokenization of sacreBLEU, such as 13a, zh or char. "
        "By default, the one for the target language.",
        show_default=False,
    ),
]
Lowercase = Annotated[bool, typer.Option("--lowercase", help="Also report BLEU that ignores case.")]
Samples = Annotated[int, typer.Option("--samples", min=0, help="Number of translations to show.")]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=1,
        metavar="N",
        help="Use only N sentences of the test set, spread evenly over it.",
    ),
]
Robustness = Annotated[
    bool,
    typer.Option(
        "--robustness",
        help="Score the test set as it is and in other forms, such as in capitals, with typing "
        "errors or with inserted addresses, instead of the usual scores.",
    ),
]


def evaluate(
    run: OptionalTranslator = None,
    ensemble: Ensemble = None,
    split: Split = DEFAULT_SPLIT,
    source: Source = None,
    reference: References = None,
    against: Against = None,
    tokenize: Tokenize = "auto",
    lowercase: Lowercase = False,
    samples: Samples = 0,
    limit: Limit = None,
    robustness: Robustness = False,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    max_length_ratio: MaxLengthRatio = None,
    no_repeat_ngram_size: NoRepeatNgramSize = None,
    prune: Prune = None,
    device: Device = "auto",
    precision: Precision = "auto",
    data_dir: DataDir = None,
) -> None:
    """Measure the quality of a run or an exported folder on a test set: BLEU, chrF and TER with
    confidence intervals.

    The scores compare plain, cased text with the raw references, and come with sacreBLEU
    signatures. They are written to RUN/evaluation.json, and the translations beside it.
    For Chinese, Japanese, Thai and other languages without spaces between words, BLEU counts words
    or characters as sacreBLEU does with --tokenize. The report says which.
    --robustness translates the test set twelve times and writes RUN/robustness.json. Its last line
    is one for a model card.

    Examples:
    seq2seq evaluate runs/lstm-multi30k
    seq2seq evaluate runs/mine --source my.de --reference my.en
    seq2seq evaluate runs/mine --split valid --against runs/other
    seq2seq evaluate runs/en-ja --tokenize char
    seq2seq evaluate runs/mine --robustness --limit 500
    """
    from seq2seq.cli.console import ConsoleReporter, make_console, print_samples
    from seq2seq.cli.report_table import render_report
    from seq2seq.evaluation import scoring
    from seq2seq.run import RunFolder

    first, others = first_and_ensemble(run, ensemble)
    references = reference or []
    _check_test_set_options(split, source, references)
    if robustness and (against is not None or lowercase or samples):
        raise UserError(
            "--against, --lowercase and --samples cannot be combined with --robustness. "
            "Leave them out."
        )
    opened = RunFolder.open(first, exported=True)
    loading: dict[str, Any] = dict(
        device=device,
        precision=precision,
        **given_options(
            beam=beam,
            length_penalty=length_penalty,
            max_length_ratio=max_length_ratio,
            no_repeat_ngram_size=no_repeat_ngram_size,
            prune=prune,
        ),
    )
    _check_folders(opened, others, against, loading)
    with ConsoleReporter(stderr=True) as reporter:
        test_set = _load_test_set(opened, split, source, references, data_dir, reporter)
        test_set = spread_evenly(test_set, limit)
        common = dict(tokenize=tokenize, ensemble=others, reporter=reporter, **loading)
        if robustness:
            _print_robustness(scoring.evaluate_robustness(opened, test_set, **common))
            return
        report, hypotheses = scoring.evaluate(
            opened, test_set, lowercase=lowercase, against=against, **common
        )
    make_console().print(render_report(report))
    print_samples(scoring.pick_samples(test_set, hypotheses, samples))


def _print_robustness(report: dict[str, Any]) -> None:
    from seq2seq.cli.console import make_console
    from seq2seq.cli.robustness_table import model_card_line, render_robustness

    make_console().print(render_robustness(report))
    typer.echo(model_card_line(report))


def spread_evenly(test_set: "TestSet", limit: int | None) -> "TestSet":
    """Returns `limit` sentences of a test set, or all if it has no more.

    The name of a part has its size, so that its scores do not replace those of the whole.
    """
    count = len(test_set.sources)
    if limit is None or limit >= count:
        return test_set
    # A test set may be sorted.
    chosen = [count * i // limit for i in range(limit)]
    return replace(
        test_set,
        name=f"{test_set.name}-{limit}",
        sources=[test_set.sources[i] for i in chosen],
        references=[[lines[i] for i in chosen] for lines in test_set.references],
    )


def _check_test_set_options(split: str, source: Path | None, references: list[Path]) -> None:
    if source is not None and split != DEFAULT_SPLIT:
        raise UserError("--split and --source cannot be combined. Give one of them.")
    if (source is None) != (not references):
        raise UserError("Give --source and --reference together, or neither of them.")


def _check_folders(
    run: "RunFolder", ensemble: list[Path], against: Path | None, options: dict[str, Any]
) -> None:
    """Raises UserError if a folder cannot translate. Fetching a corpus may take long."""
    from seq2seq.decoding.loading import load
    from seq2seq.evaluation.against import load_other

    load(run.path, ensemble=ensemble, **options)
    if against is not None:
        load_other(run, against, options)


def _load_test_set(
    run: "RunFolder",
    split: str,
    source: Path | None,
    references: list[Path],
    data_dir: Path | None,
    reporter: "Reporter",
) -> "TestSet":
    from seq2seq.evaluation.test_set import load_files, load_split

    if source is not None:
        return load_files(source, references)
    return load_split(run, split, data_dir, reporter)
