"""A small run folder for translation only: weights, tokenizer, config and perhaps a shortlist."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from seq2seq.data.corpus import Corpus
from seq2seq.data.preparation import training_corpus, with_slots
from seq2seq.decoding.run_loading import vocabulary_sizes
from seq2seq.decoding.shortlist import Shortlist, build_shortlist
from seq2seq.errors import UserError
from seq2seq.interrupt import hold_interrupts, interrupted, work_begins
from seq2seq.models.quantization import NumberFormat, dequantize, quantize
from seq2seq.models.weights import load_weights, save_weights
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder
from seq2seq.text.tokenizer import EOS, Side, Tokenizer


def export_run(
    run: RunFolder,
    into: RunFolder,
    number_format: NumberFormat,
    *,
    shortlist: bool = False,
    data_dir: Path | None = None,
    reporter: Reporter = SILENT,
) -> int:
    """Writes a run folder `into` with everything that translation needs, and nothing else.

    Args:
        run: a trained run.
        into: the folder to create.
        number_format: how the weights are stored.
        shortlist: learn a shortlist from the run's training text, which must be available.
        data_dir: a folder with corpora that is searched first.
        reporter: receives what was learned.

    Returns:
        The size of the new folder in bytes.
    """
    weights = dequantize(load_weights(run.model_file))
    learned = learn_shortlist(run, data_dir, reporter) if shortlist else None
    with new_run_like(run, into):
        save_weights(into.model_file, quantize(weights, number_format))
        if learned is not None:
            tensors = {name: torch.from_numpy(array) for name, array in learned.arrays().items()}
            save_weights(into.shortlist_file, tensors)
    return into.size()


@contextmanager
def new_run_like(run: RunFolder, into: RunFolder) -> Iterator[None]:
    """Creates a run folder with the config and the tokenizer of another; the block adds the rest.

    See `new_folder`.
    """
    with new_folder(into.path):
        into.create(run.config, run.tokenizer)
        yield


@contextmanager
def new_folder(path: Path) -> Iterator[None]:
    """Creates a folder. After an error or Ctrl-C in the block, nothing of it is left.

    Raises:
        UserError: `path` exists and is not an empty folder.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"{path} already exists. Give another folder, or delete it.")
    work_begins()
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
        if interrupted():
            raise KeyboardInterrupt
    except BaseException:
        with hold_interrupts():
            shutil.rmtree(path, ignore_errors=True)
        raise


def learn_shortlist(run: RunFolder, data_dir: Path | None, reporter: Reporter) -> Shortlist:
    """Learns from the training text, and reports how much of the valid text is covered."""
    corpus = training_corpus(run, data_dir=data_dir, reporter=reporter)
    splits = {split: with_slots(corpus.splits[split], run.config) for split in ("train", "valid")}
    corpus = replace(corpus, splits=splits)
    sizes = vocabulary_sizes(run.tokenizer)
    train_source = _encode(run, corpus, "train", "source")
    train_target = _encode(run, corpus, "train", "target")
    shortlist = build_shortlist(
        [[*tokens, EOS] for tokens in train_source],
        train_target,
        source_size=sizes.source,
        target_size=sizes.target,
        always=[],  # slots are allowed where the sentence has them
        identical=_identical_tokens(run.tokenizer),
    )
    valid_source = _encode(run, corpus, "valid", "source")
    valid_target = _encode(run, corpus, "valid", "target")
    candidates, coverage = shortlist.coverage(valid_source, valid_target)
    reporter.info(
        f"shortlist: {candidates:.0f} of {sizes.target:,} tokens for each sentence; "
        f"it contains {coverage:.1%} of the tokens of the valid text"
    )
    return shortlist


def _identical_tokens(tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """Returns each source token with the target tokens of the same letters, as of a name.

    Only a joint vocabulary has them. Where the source is read in lower case, the target token may
    have another case.
    """
    if not tokenizer.joint:
        return []
    size = tokenizer.size("target")
    tokens = tokenizer.tokens(range(size), "target")
    identical = [(token, token) for token in range(size)]
    if tokenizer.source_cases > 1:
        number_of = {text: number for number, text in enumerate(tokens)}
        for target, text in enumerate(tokens):
            source = number_of.get(text.lower(), target)
            if source != target:
                identical.append((source, target))
    return identical


def _encode(run: RunFolder, corpus: Corpus, split: str, side: Side) -> list[list[int]]:
    pairs = corpus.splits[split]
    texts = pairs.source if side == "source" else pairs.target
    return run.tokenizer.encode(texts, side)
