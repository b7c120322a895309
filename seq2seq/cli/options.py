"""Options that several commands share: one name, one meaning."""

from pathlib import Path
from typing import Annotated

import typer

from seq2seq.errors import UserError

RENAMED_OPTIONS = {
    "model": "ensemble",
    "max-length": "max-length-ratio",
    "no-repeat-ngram": "no-repeat-ngram-size",
}
"""Earlier names of options. They still work in this release, but no help shows them."""

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
OptionalRun = Annotated[
    Path | None,
    typer.Argument(metavar="RUN", help="A run folder. Not needed with --ensemble."),
]
OptionalTranslator = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN", help="A run folder or an exported folder. Not needed with --ensemble."
    ),
]
Ensemble = Annotated[
    list[Path] | None,
    typer.Option(
        "--ensemble",
        metavar="RUN",
        help="A run that predicts together with the others. Repeat it for a larger ensemble.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one setting of the config: --set model.hidden_size=256. Can be repeated.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        help="A folder with your own corpora: NAME/train.de.gz, NAME/train.en.gz, "
        "NAME/valid.de.gz and so on. It is searched first, then the folders in the environment "
        "variable SEQ2SEQ_DATA, then the downloaded corpora. Nothing is written to it.",
    ),
]
Beam = Annotated[
    int | None,
    typer.Option("--beam", min=1, help="Beam size. 1 is greedy search."),
]
Nbest = Annotated[
    int | None,
    typer.Option("--nbest", min=1, help="Number of translations for each line."),
]
LengthPenalty = Annotated[
    float | None,
    typer.Option(
        "--length-penalty",
        help="0 compares sums of log-probabilities. Higher values prefer longer translations.",
    ),
]
MaxLengthRatio = Annotated[
    float | None,
    typer.Option(
        "--max-length-ratio",
        help="A translation has at most this many times the tokens of its source, plus 10.",
    ),
]
NoRepeatNgramSize = Annotated[
    int | None,
    typer.Option(
        "--no-repeat-ngram-size",
        help="Allow no n-gram of this many tokens twice in a translation. 0 allows all.",
    ),
]
Prune = Annotated[
    float | None,
    typer.Option(
        "--prune",
        help="Drop hypotheses that are this much less probable (in nats) than the best one. "
        "0 drops none.",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Number format of the weights: auto, float32, bfloat16, float16 or int8. auto is "
        "bfloat16 on CPUs with bfloat16 units, float16 on other x86 CPUs, and float32 elsewhere. "
        "int8 is faster than float16 and slightly less exact.",
    ),
]
Device = Annotated[
    str,
    typer.Option("--device", help="auto, cpu or cuda. auto is CUDA if there is a GPU."),
]


def first_and_ensemble(run: Path | None, ensemble: list[Path] | None) -> tuple[Path, list[Path]]:
    """Returns the first run and the others. `RUN --ensemble B` and `--ensemble A --ensemble B` mean
    the same.

    Raises:
        UserError: no run was given.
    """
    runs = list(ensemble or [])
    if run is not None:
        runs.insert(0, run)
    if not runs:
        raise UserError(
            "Give a run folder, for example runs/demo. "
            "For an ensemble, give several: --ensemble A --ensemble B."
        )
    return runs[0], runs[1:]


def given_options(**options: float | None) -> dict[str, float]:
    """Returns the search options that the user gave. The config of the run decides the others."""
    return {name: value for name, value in options.items() if value is not None}
