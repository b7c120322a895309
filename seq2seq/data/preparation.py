"""Everything before training: a clean corpus, its tokenizer, and the training pairs."""

from dataclasses import dataclass
from pathlib import Path

from seq2seq.config import Config
from seq2seq.data.cleaning import clean_corpus, clean_extra_pairs
from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.sources.files import read_aligned
from seq2seq.data.store import load_corpus
from seq2seq.errors import UserError
from seq2seq.paths import cache_dir
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder
from seq2seq.text.tokenizer import TAG, Tokenizer, cached_tokenizer


@dataclass(frozen=True)
class PreparedData:
    """A clean corpus, its tokenizer, and the training pairs: the train split and the extra
    pairs."""

    corpus: Corpus
    tokenizer: Tokenizer
    training: Pairs


def prepare(
    config: Config, *, data_dir: Path | None = None, reporter: Reporter = SILENT
) -> PreparedData:
    """Does everything before training: fetch, clean, train the tokenizer or take it from the cache.

    Args:
        config: the run's settings.
        data_dir: a folder with corpora that is searched first.
        reporter: receives what is fetched and what cleaning dropped.

    Raises:
        UserError: the corpus is not available, or a split is empty after cleaning.
    """
    corpus = load_corpus(config.data, data_dir=data_dir, reporter=reporter)
    corpus, cleaning = clean_corpus(corpus, config.data.cleaning)
    for line in cleaning.lines():
        reporter.info(line)
    if not len(corpus.splits["valid"]):
        raise UserError(
            f"{corpus.name} has no valid pairs, so training could not tell whether the model gets "
            "better. Give data.corpus.valid, or more pairs in train, a share of which is held out."
        )
    if not len(corpus.splits["train"]):
        raise UserError(
            f"Cleaning left no training pairs of {corpus.name}. "
            "See the counts above, and data.cleaning."
        )
    train = corpus.splits["train"]
    tokenizer = cached_tokenizer(
        config.tokenizer, train.source, train.target, cache_dir(), reporter
    )
    return PreparedData(corpus, tokenizer, _with_extra_pairs(config, corpus, reporter))


def training_corpus(
    run: RunFolder, *, data_dir: Path | None = None, reporter: Reporter = SILENT
) -> Corpus:
    """Returns the clean corpus that a run was trained on."""
    config = run.config.data
    corpus = load_corpus(config, data_dir=data_dir, reporter=reporter)
    return clean_corpus(corpus, config.cleaning)[0]


def _with_extra_pairs(config: Config, corpus: Corpus, reporter: Reporter) -> Pairs:
    """Returns the training pairs of the corpus, followed by those of `data.extra_pairs`."""
    train = corpus.splits["train"]
    if not config.data.extra_pairs:
        return train
    source = list(train.source)
    target = list(train.target)
    for files in config.data.extra_pairs:
        raw = read_aligned(files.source, files.target)
        pairs, cleaning = clean_extra_pairs(raw, corpus, config.data.cleaning)
        for line in cleaning.lines():
            reporter.info(f"{files.target}: {line}")
        source += [TAG + text for text in pairs.source] if files.tagged else pairs.source
        target += pairs.target
    return Pairs(source=source, target=target)
