"""`seq2seq data`: list corpora, download them, look at them, prepare them for training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seq2seq.cli.help_text import help_text
from seq2seq.cli.options import DataDir, Overrides

if TYPE_CHECKING:
    from seq2seq.config import DataConfig
    from seq2seq.data.corpus import Corpus
    from seq2seq.text.tokenizer import Side, Tokenizer


def data() -> None:
    """List corpora, download them, and look at them.

    A corpus contains sentences in two languages: line N of one file translates line N of the
    other. Training learns from the split train, and the split valid decides when it stops. The
    split test is only for the final score.

    Examples:
    seq2seq data list
    seq2seq data stats demo
    """


def list_corpora(data_dir: DataDir = None) -> None:
    """List the corpora that a config can name, and those that are on this machine.

    LL in a name stands for a language code: write libreoffice-fr-en, not libreoffice-LL-en.

    Example:
    seq2seq data list
    """
    from seq2seq.data.catalog import load_catalog
    from seq2seq.data.store import local_corpora

    local = local_corpora(data_dir)
    for entry in load_catalog().values():
        typer.secho(entry.name, bold=True)
        typer.echo(f"  {entry.description}")
        typer.echo(f"  {entry.size}; {entry.license}")
        if entry.choices:
            typer.echo(f"  LL: {', '.join(entry.choices)}")
    typer.echo("")
    for name, folder in local.items():
        typer.echo(f"on this machine: {name}  ({folder})")
    if not local:
        typer.echo(
            "No corpus is on this machine yet. `seq2seq data fetch NAME` downloads one. "
            "Training downloads the corpus that its config names."
        )


def fetch(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A corpus of `seq2seq data list`, such as libreoffice-de-en."
        ),
    ],
) -> None:
    """Download a corpus and keep it: in data/ of a checkout, or else in the user's cache folder.

    Prints the license and the attribution. A corpus that is already there is not downloaded again.
    Ctrl-C leaves no incomplete corpus.

    Example:
    seq2seq data fetch libreoffice-de-en
    """
    from seq2seq.cli.console import ConsoleReporter
    from seq2seq.data.store import fetch_corpus

    with ConsoleReporter("downloading") as reporter:
        fetch_corpus(name, reporter=reporter)


def stats(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|CONFIG",
            help="The name of a corpus, or a config (demo, my.yaml), whose cleaning rules apply.",
        ),
    ],
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="Number of pairs of train and of test to show.")
    ] = 3,
    data_dir: DataDir = None,
) -> None:
    """Describe a corpus: sizes, lengths, overlap of train with valid and test, and samples.

    Sentences that are in both train and test make the test score look better than the translator
    is. Cleaning drops such pairs from train. The section "cleaned" shows what training sees, by
    the rules of the config, or by the default rules for a corpus name.

    Examples:
    seq2seq data stats libreoffice-de-en
    seq2seq data stats my.yaml --samples 10
    """
    from seq2seq.cli.console import ConsoleReporter
    from seq2seq.data.cleaning import clean_corpora
    from seq2seq.data.combining import combine_corpora
    from seq2seq.data.preparation import report_lines
    from seq2seq.data.stats import count_lines, overlap_lines
    from seq2seq.data.store import load_corpora

    config = _data_config(name, data_dir)
    with ConsoleReporter("downloading") as reporter:
        loaded = load_corpora(config, data_dir=data_dir, reporter=reporter)
    corpora = [corpus for corpus, _ in loaded]
    raw = combine_corpora(corpora)
    direction = f"{raw.source_language} to {raw.target_language}"
    lines = [f"license: {raw.license}", f"attribution: {raw.attribution}"]
    lines += [f"from {source} {version}" for source, version in raw.origin.items()]
    lines += [*raw.notes, "", *count_lines(raw), "", *overlap_lines(raw)]
    _print_section(f"{raw.name}, {direction}, before cleaning", lines)
    cleaned, reports = clean_corpora(corpora, config.cleaning)
    corpus = combine_corpora(cleaned)
    _print_section("cleaning", report_lines(cleaned, reports))
    _print_section("cleaned", [*count_lines(corpus), "", *overlap_lines(corpus)])
    _print_lengths(corpus)
    _print_samples(corpus, samples)


def prepare(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a bundled config.")
    ],
    overrides: Overrides = None,
    data_dir: DataDir = None,
) -> None:
    """Download and clean the corpus of a config and train its tokenizer, without training a model.

    Prints what cleaning dropped, the sizes of the vocabularies, and a sentence as tokens. Training
    with the same config reuses all of it.

    Example:
    seq2seq data prepare lstm-multi30k --set tokenizer.vocab_size=4000
    """
    from seq2seq import api
    from seq2seq.cli.console import ConsoleReporter
    from seq2seq.config import load_config
    from seq2seq.data.store import corpus_check

    with ConsoleReporter("downloading") as reporter:
        settings = load_config(config, overrides or [], corpus_mistake=corpus_check(data_dir))
        prepared = api.prepare(settings, data_dir=data_dir, reporter=reporter)
    train = prepared.corpus.splits["train"]
    _print_tokens(prepared.tokenizer, "source", train.source)
    _print_tokens(prepared.tokenizer, "target", train.target)


def _data_config(name: str, data_dir: Path | None) -> "DataConfig":
    """Returns the data section of a config. For the name of a corpus, it is the corpus in its usual
    direction with the default cleaning."""
    from seq2seq.config import DataConfig, load_config
    from seq2seq.data.store import corpus_check, languages_of
    from seq2seq.paths import config_dir

    if name.endswith((".yaml", ".yml")) or (config_dir() / f"{name}.yaml").is_file():
        return load_config(Path(name), corpus_mistake=corpus_check(data_dir)).data
    source, target = languages_of(name, data_dir)
    return DataConfig(corpus=name, source=source, target=target)


def _print_lengths(corpus: "Corpus") -> None:
    from seq2seq.data.stats import histogram_lines

    train = corpus.splits["train"]
    for language, texts in (
        (corpus.source_language, train.source),
        (corpus.target_language, train.target),
    ):
        num_words = [len(text.split()) for text in texts]
        _print_section(f"words in each {language} sentence of train", histogram_lines(num_words))


def _print_samples(corpus: "Corpus", count: int) -> None:
    from seq2seq.data.stats import sample_lines

    for split in ("train", "test"):
        if count and split in corpus.splits:
            _print_section(f"samples of {split}", sample_lines(corpus, split, count=count))


def _print_tokens(tokenizer: "Tokenizer", side: "Side", texts: list[str]) -> None:
    """Prints the size of a vocabulary, and the tokens of the first text."""
    encoded = tokenizer.encode(texts, side)
    num_tokens = sum(len(tokens) for tokens in encoded)
    num_words = sum(len(text.split()) for text in texts)
    typer.echo(
        f"{side}: vocabulary of {tokenizer.size(side):,} tokens, "
        f"{num_tokens / max(num_words, 1):.2f} tokens per word"
    )
    typer.echo(f"  {' '.join(tokenizer.tokens(encoded[0], side))}")


def _print_section(title: str, lines: list[str]) -> None:
    typer.secho(f"\n{title}", bold=True)
    for line in lines:
        typer.echo(line)


def _make_app() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help=help_text(data))
    app.command("list", help=help_text(list_corpora))(list_corpora)
    for command in (fetch, stats, prepare):
        app.command(help=help_text(command))(command)
    return app


app = _make_app()
