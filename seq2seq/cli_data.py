"""`seq2seq data`: see which corpora there are, fetch them, look into them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seq2seq.cli_options import DataDir

if TYPE_CHECKING:
    from seq2seq.data.corpora import DataConfig
    from seq2seq.data.corpus import Corpus

app = typer.Typer(
    no_args_is_help=True,
    help="Corpora: see which there are, fetch one, look into it.\n\n"
    "A corpus is many sentences in two languages, line by line a translation of one another. What is learnt comes from "
    "its split `train`; `valid` decides when to stop; `test` is only for the final score.",
)


@app.command(
    "list",
    help="Show the corpora that can be named in a config, and which of them are here already.\n\n"
    "LL in a name stands for a language code: write libreoffice-fr-en, not libreoffice-LL-en.",
)
def list_corpora(data_dir: DataDir = None) -> None:
    """Print the catalogue and the corpora found in the data folders."""
    from seq2seq.data.catalogue import load_catalogue
    from seq2seq.data.corpora import local_corpora

    here = local_corpora(data_dir)
    for entry in load_catalogue().values():
        typer.secho(entry.name, bold=True)
        typer.echo(f"  {entry.description}")
        typer.echo(f"  {entry.size}; {entry.licence}")
        if entry.choices:
            typer.echo(f"  LL: {', '.join(entry.choices)}")
    typer.echo("")
    for name, folder in here.items():
        typer.echo(f"here: {name}  ({folder})")
    if not here:
        typer.echo("None is here yet: `seq2seq data fetch NAME` fetches one; training fetches what its config names.")


@app.command(
    help="Fetch a corpus and keep it: in data/ of a checkout, else in the user's cache folder.\n\n"
    "Licence and attribution are printed. What is here already is not fetched again. An interrupt leaves nothing half.",
)
def fetch(
    name: Annotated[str, typer.Argument(help="A corpus of `seq2seq data list`, such as libreoffice-de-en.")],
) -> None:
    """Fetch a corpus of the catalogue."""
    from seq2seq.data.corpora import fetch_corpus

    fetch_corpus(name, say=typer.echo)


@app.command(
    help="Count a corpus and show what it is like: lengths, overlap of train with valid and test, samples.\n\n"
    "Sentences that stand in train and in test make the score on the test look better than the translator is. Cleaning "
    "drops such pairs from train: the figures under `cleaned` are those of what training sees, with the rules of the "
    "config, or the default rules for a name.",
)
def stats(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|CONFIG", help="A corpus by name, or a config (demo, my.yaml): then its cleaning is applied."
        ),
    ],
    samples: Annotated[int, typer.Option(min=0, help="How many pairs of train and of test to show.")] = 3,
    data_dir: DataDir = None,
) -> None:
    """Load, clean and describe a corpus."""
    from seq2seq.data.cleaning import clean_corpus
    from seq2seq.data.corpora import load_corpus

    config = _data_config(name, data_dir)
    corpus = load_corpus(config, data_dir=data_dir, say=typer.echo)
    _show(f"{corpus.name}, {corpus.source_language} to {corpus.target_language}, as it is", _about(corpus))
    clean, report = clean_corpus(corpus, config.cleaning)
    _show("cleaning", report.lines())
    _show_figures(clean, samples)


def _data_config(name: str, data_dir: Path | None) -> "DataConfig":
    """The data section of a config; or, for a corpus's name, its own direction with the default cleaning."""
    from seq2seq.config import config_dir, load_config
    from seq2seq.data.corpora import DataConfig, languages_of

    if name.endswith((".yaml", ".yml")) or (config_dir() / f"{name}.yaml").is_file():
        return load_config(Path(name)).data
    source, target = languages_of(name, data_dir)
    return DataConfig(corpus=name, source=source, target=target)


def _about(corpus: "Corpus") -> list[str]:
    from seq2seq.data import stats as figures

    origin = [f"from {name} {version}" for name, version in corpus.origin.items()]
    about = [f"licence: {corpus.licence}", f"attribution: {corpus.attribution}", *origin, *corpus.notes]
    return [*about, "", *figures.count_lines(corpus), "", *figures.overlap_lines(corpus)]


def _show_figures(corpus: "Corpus", samples: int) -> None:
    from seq2seq.data import stats as figures

    _show("cleaned", [*figures.count_lines(corpus), "", *figures.overlap_lines(corpus)])
    train = corpus.splits["train"]
    for language, texts in ((corpus.source_language, train.source), (corpus.target_language, train.target)):
        lengths = [len(text.split()) for text in texts]
        _show(f"words in a {language} sentence of train", figures.histogram_lines(lengths))
    for split in ("train", "test"):
        if samples and split in corpus.splits:
            _show(f"{split}, for example", figures.sample_lines(corpus, split, count=samples))


def _show(title: str, lines: list[str]) -> None:
    typer.secho(f"\n{title}", bold=True)
    for line in lines:
        typer.echo(line)
