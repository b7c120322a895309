"""Options that several commands share: one name, one meaning."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        help="A folder with corpora of yours, as NAME/train.de.gz, NAME/train.en.gz, NAME/valid.de.gz ... It is looked "
        "into first, then those of the environment variable SEQ2SEQ_DATA, then the fetched ones. Never written to.",
    ),
]
Beam = Annotated[int | None, typer.Option("--beam", min=1, help="Hypotheses kept open; 1 is greedy search.")]
Nbest = Annotated[int | None, typer.Option("--nbest", min=1, help="Translations given for each line.")]
LengthPenalty = Annotated[
    float | None, typer.Option("--length-penalty", help="0 compares plain sums; more favours longer translations.")
]
MaxLength = Annotated[
    float | None, typer.Option("--max-length", help="At most this many times the source's pieces (and 10 more).")
]
NoRepeat = Annotated[
    int | None, typer.Option("--no-repeat-ngram", help="No run of this many pieces twice; 0 allows it.")
]
Prune = Annotated[
    float | None,
    typer.Option(
        "--prune", help="Drop what is this much less probable (in nats) than the best so far; 0 drops nothing."
    ),
]
Run = Annotated[Path | None, typer.Argument(help="A run folder.")]
Models = Annotated[
    list[Path] | None,
    typer.Option("--model", help="A further run that decides together with the others (an ensemble); repeatable."),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Format of the weights: auto (bfloat16 where the CPU multiplies in it, else float16 where it can read "
        "that), float32, bfloat16, float16, int8 (faster than float16, and a little less exact).",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto (CUDA where there is one), cpu, cuda.")]
