"""Everything before training: a clean corpus, its tokenizer, and the training pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seq2seq.config import Config, DataConfig
from seq2seq.data.cleaning import CleaningReport, clean_corpora, clean_extra_pairs
from seq2seq.data.combining import combine_corpora, join_pairs
from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.slotting import slot_pairs
from seq2seq.data.sources.files import read_aligned
from seq2seq.data.store import load_corpora
from seq2seq.errors import UserError
from seq2seq.paths import cache_dir
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder, case_folder
from seq2seq.text.spans import SpanFinder
from seq2seq.text.tokenizer import TAG, Tokenizer
from seq2seq.text.tokenizer_training import cached_tokenizer


@dataclass(frozen=True)
class PreparedData:
    """A clean corpus, its tokenizer, and the training pairs.

    With `data.corpora` it is all corpora as one.
    """

    corpus: Corpus
    tokenizer: Tokenizer
    training: Pairs
    """The train splits of all corpora in order, then the extra pairs. No group has pairs of two of
    these parts."""
    weights: tuple[tuple[int, float], ...]
    """Number of pairs and weight of each part of `training`, in order. Extra pairs have weight
    1."""


def prepare(
    config: Config, *, data_dir: Path | None = None, reporter: Reporter = SILENT
) -> PreparedData:
    """Does everything before training: fetch, clean, train the tokenizer or take it from the cache.

    Args:
        config: the run's settings.
        data_dir: a folder with corpora that is searched first.
        reporter: receives what is fetched and what cleaning dropped.

    Raises:
        UserError: a corpus is not available, or a split is empty after cleaning.
    """
    corpora, weights = _clean_corpora(config.data, data_dir, reporter)
    corpus = combine_corpora(corpora)
    if not len(corpus.splits["valid"]):
        raise UserError(
            f"{corpus.name} has no valid pairs, so training could not tell whether the model gets "
            "better. Give data.corpus.valid, or more pairs in train, a share of which is held out."
        )
    for part in corpora:
        if not len(part.splits["train"]):
            raise UserError(
                f"Cleaning left no training pairs of {part.name}. "
                "See the counts above, and data.cleaning."
            )
    train = with_slots(corpus.splits["train"], config)
    tokenizer = cached_tokenizer(
        config.tokenizer,
        train.source,
        train.target,
        cache_dir(),
        reporter,
        case_folder(config),
    )
    extra = _extra_pairs(config, corpus, reporter)
    sizes = [len(part.splits["train"]) for part in corpora]
    sizes += [len(pairs) for _, pairs in extra]
    # No corpus has a name with a space.
    training = join_pairs([("the corpora", train), *extra]) if extra else train
    return PreparedData(
        corpus,
        tokenizer,
        training,
        tuple(zip(sizes, [*weights, *[1.0] * len(extra)], strict=True)),
    )


def with_slots(pairs: Pairs, config: Config) -> Pairs:
    """Returns clean pairs as the model reads them: what stands on both sides is in slots."""
    if not config.text.spans:
        return pairs
    return slot_pairs(
        pairs,
        SpanFinder(config.text.protect),
        source_language=config.data.source,
        target_language=config.data.target,
        seed=config.training.seed,
    )


def training_corpus(
    run: RunFolder, *, data_dir: Path | None = None, reporter: Reporter = SILENT
) -> Corpus:
    """Returns the clean corpus that a run was trained on, or all its corpora as one."""
    loaded = load_corpora(run.config.data, data_dir=data_dir, reporter=reporter)
    corpora, _ = clean_corpora([corpus for corpus, _ in loaded], run.config.data.cleaning)
    return combine_corpora(corpora)


def report_lines(corpora: Sequence[Corpus], reports: Sequence[CleaningReport]) -> list[str]:
    """Returns what cleaning did. The lines name their corpus if there are several."""
    if len(corpora) == 1:
        return reports[0].lines()
    return [
        f"{corpus.name}: {line}"
        for corpus, report in zip(corpora, reports, strict=True)
        for line in report.lines()
    ]


def _clean_corpora(
    config: DataConfig, data_dir: Path | None, reporter: Reporter
) -> tuple[list[Corpus], list[float]]:
    """Returns the clean corpora and their weights, and reports what cleaning dropped."""
    loaded = load_corpora(config, data_dir=data_dir, reporter=reporter)
    corpora, reports = clean_corpora([corpus for corpus, _ in loaded], config.cleaning)
    for line in report_lines(corpora, reports):
        reporter.info(line)
    return corpora, [weight for _, weight in loaded]


def _extra_pairs(config: Config, corpus: Corpus, reporter: Reporter) -> list[tuple[str, Pairs]]:
    """Returns the pairs of each of `data.extra_pairs`, clean, with slots and with a name."""
    parts = []
    for number, files in enumerate(config.data.extra_pairs, start=1):
        raw = read_aligned(files.source, files.target)
        pairs, cleaning = clean_extra_pairs(raw, corpus, config.data.cleaning)
        for line in cleaning.lines():
            reporter.info(f"{files.target}: {line}")
        pairs = with_slots(pairs, config)
        source = [TAG + text for text in pairs.source] if files.tagged else pairs.source
        parts.append((f"extra pairs {number}", Pairs(source=source, target=pairs.target)))
    return parts
