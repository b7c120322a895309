"""The program from top to bottom: train, evaluate, translate. Read this file first.

corpus -> clean -> tokenizer -> batches -> model.forward -> loss -> optimiser -> checkpoint
                                              |                                   |
                                 encode . start . step                        run folder
                                              |                                   |
text <- detokenize <- hypotheses <- beam search <------------- translator <-------+
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from seq2seq.config import Config, load_config
from seq2seq.data.batching import TrainingBatches
from seq2seq.data.cleaning import clean_added, clean_corpus
from seq2seq.data.copying import hide_copied_words
from seq2seq.data.corpora import Corpus, load_corpus
from seq2seq.data.pairs import Pairs
from seq2seq.data.places import cache_dir
from seq2seq.data.sources.files import read_aligned, read_lines
from seq2seq.data.tokenizer import TAG, Side, Tokenizer, cached_tokenizer
from seq2seq.decoding.ensemble import Ensemble
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.decoding.translator import Translator
from seq2seq.errors import UserError
from seq2seq.evaluation.report import Hypotheses, Report, build_report, write_report
from seq2seq.models import Seq2Seq, Vocabulary, build
from seq2seq.models.compact import restored
from seq2seq.models.packing import can_pack, pack
from seq2seq.run import RunFolder
from seq2seq.test_sets import TestSet
from seq2seq.training import checkpoint
from seq2seq.training.device import pick_device, translation_format
from seq2seq.training.display import Display
from seq2seq.training.settings import Progress
from seq2seq.training.trainer import Trainer
from seq2seq.training.validation import Validator

Say = Callable[[str], None]


# -- data ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    """A clean corpus, the tokenizer of its training split, and what is trained on: that split and what is added."""

    corpus: Corpus
    tokenizer: Tokenizer
    training: Pairs


def prepare(config: Config, *, data_dir: Path | None = None, say: Say) -> Prepared:
    """Everything before training: fetch, clean (with counts), train the tokenizer or take it from the cache."""
    corpus = load_corpus(config.data, data_dir=data_dir, say=say)
    corpus, report = clean_corpus(corpus, config.data.cleaning)
    for line in report.lines():
        say(line)
    if not len(corpus.splits["valid"]):
        raise UserError(
            f"{corpus.name} has no valid pairs: training could not tell whether it gets better. Give data.corpus.valid, "
            "or more pairs in train, a share of which is held out."
        )
    if not len(corpus.splits["train"]):
        raise UserError(
            f"No training pair of {corpus.name} is left after cleaning; see data.cleaning and the counts above."
        )
    tokenizer = cached_tokenizer(config.tokenizer, corpus.splits["train"], cache_dir(), say)
    return Prepared(corpus, tokenizer, _with_added(config, corpus, say))


def training_corpus(run: RunFolder, *, data_dir: Path | None, say: Say) -> Corpus:
    """The clean corpus that a run was trained on."""
    config = run.config().data
    return clean_corpus(load_corpus(config, data_dir=data_dir, say=say), config.cleaning)[0]


def _with_added(config: Config, corpus: Corpus, say: Say) -> Pairs:
    """The training pairs of the corpus, and those of `data.added` behind them."""
    train = corpus.splits["train"]
    source, target = list(train.source), list(train.target)
    for added in config.data.added:
        pairs, report = clean_added(read_aligned(added.source, added.target), corpus, config.data.cleaning)
        for line in report.lines():
            say(f"{added.target}: {line}")
        source += [TAG + text for text in pairs.source] if added.tagged else pairs.source
        target += pairs.target
    return Pairs(source=source, target=target) if config.data.added else train


def describe(prepared: Prepared) -> list[str]:
    """The tokenizer in figures, and two texts in pieces."""
    train, tokenizer = prepared.corpus.splits["train"], prepared.tokenizer
    lines = []
    for side, texts in (("source", train.source), ("target", train.target)):
        name: Side = "source" if side == "source" else "target"
        encoded = tokenizer.encode(texts, name)
        pieces, words = sum(map(len, encoded)), sum(len(text.split()) for text in texts)
        lines.append(f"{side}: {tokenizer.size(name):,} pieces, {pieces / max(words, 1):.2f} pieces a word")
        lines.append(f"  {' '.join(tokenizer.pieces(encoded[0], name))}")
    return lines


# -- train ---------------------------------------------------------------------------------------------------------


def train(
    config_file: Path | None,
    folder: Path,
    *,
    overrides: list[str],
    resume: bool = False,
    data_dir: Path | None = None,
    console: Console,
) -> Progress:
    """Trains into `folder`, from the beginning or on from its last checkpoint. Returns where training stands."""
    display = Display(console)
    run = RunFolder(folder)
    config = _config_for(config_file, run, overrides, resume)
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    device = pick_device(config.training.device)
    with run.being_trained():
        # 1. Data. A resumed run keeps its tokenizer even if the cache is gone.
        prepared = prepare(config, data_dir=data_dir, say=display.say)
        tokenizer = run.tokenizer() if resume else prepared.tokenizer
        pairs = hide_copied_words(prepared.training, share=config.tokenizer.copy_share, seed=config.training.seed)
        batches = TrainingBatches(
            pairs, tokenizer, config.batching, config.tokenizer, seed=config.training.seed, cache=cache_dir()
        )
        if batches.too_long:
            display.say(
                f"train: {batches.too_long:,} pairs of {config.batching.max_length} pieces and more passed over"
            )
        if not len(batches):
            raise UserError(
                f"Every training pair has {config.batching.max_length} pieces or more (batching.max_length)."
            )
        if resume:
            run.write_config(config)
        else:
            run.create(_resolved(config, prepared.corpus), tokenizer)
        # 2. Model.
        torch.manual_seed(config.training.seed)
        model = build(config.model, vocabulary_of(tokenizer)).to(device)
        count = sum(parameter.numel() for parameter in model.parameters())
        display.say(
            f"{config.model.family}, {count / 1e6:.1f} M parameters, {len(batches):,} pairs "
            f"{config.data.source} to {config.data.target}, {device}, into {folder}"
        )
        if config.training.guided_alignment and model.attends:
            display.say("learning from the training pairs which pieces translate which, to guide the attention")
            batches.align()
        # 3. Training, with real translations of the valid split as its judge.
        validator = Validator(
            _translator(model, tokenizer, config), prepared.corpus.splits["valid"], config.training.validation
        )
        trainer = Trainer(model, batches, validator, config.training, folder, display)
        if resume:
            trainer.resume()
            display.say(f"going on from step {trainer.progress.step:,}")
        return trainer.run()


def _resolved(config: Config, corpus: Corpus) -> Config:
    """The config with the corpus that was in fact taken: a fallback must not be chosen anew on another machine."""
    if config.data.fallback is None:
        return config
    taken = corpus.name if corpus.name == config.data.fallback else config.data.corpus
    return replace(config, data=replace(config.data, corpus=taken, fallback=None))


def _config_for(config_file: Path | None, run: RunFolder, overrides: list[str], resume: bool) -> Config:
    there = next((place for place in (run.path, *run.path.parents) if place.exists()), run.path)
    if not there.is_dir():
        raise UserError(f"{there} is a file, so {run.path} cannot be a run folder; choose another (--run).")
    if not resume:
        if config_file is None:
            raise UserError("Give a config, for example configs/demo.yaml, or --resume with --run to go on.")
        config = load_config(config_file, overrides)
        if run.holds_training():
            raise UserError(
                f"{run.path} holds a training already. Go on with it (--resume), choose another folder (--run), or "
                "delete it."
            )
        return config
    if not checkpoint.has_last(run.path):
        raise UserError(f"{run.path} has no checkpoint to go on from; train without --resume.")
    before = run.config()
    config = load_config(config_file or run.config_file, overrides)
    if config.data.fallback is not None:
        config = replace(config, data=replace(config.data, corpus=before.data.corpus, fallback=None))
    if replace(config, training=before.training, search=before.search) != before:
        raise UserError(
            "A resumed run may change training.* and search.* only: its data, tokenizer and model are fixed."
        )
    return config


def vocabulary_of(tokenizer: Tokenizer) -> Vocabulary:
    """What a model has to know of the tokenizer."""
    return Vocabulary(source=tokenizer.size("source"), target=tokenizer.size("target"))


# -- translate -----------------------------------------------------------------------------------------------------


def load_translator(
    folder: Path | str,
    *,
    together_with: Sequence[Path | str] = (),
    device: str = "auto",
    precision: str = "auto",
    **changes: Any,
) -> Translator:
    """The translator of a run folder, or of several that decide together (the first one's config counts); `changes`
    are fields of SearchConfig (beam=1, nbest=5, …). `precision` is the format of the weights."""
    run = RunFolder.open(Path(folder))
    config = run.config()
    if "nbest" in changes and "beam" not in changes:
        changes["beam"] = max(config.search.beam, changes["nbest"])
    try:
        config = replace(config, search=replace(config.search, **changes))
    except ValueError as error:
        raise UserError(f"{error}.") from None
    tokenizer, where = run.tokenizer(), pick_device(device)
    weight_format = translation_format(precision, where)
    model = _load_model(run, tokenizer).to(where)
    # An ensemble is there for quality: it keeps the whole vocabulary.
    shortlist = None if together_with else _load_shortlist(run, tokenizer)
    if together_with:
        others = [_load_member(Path(other), run, tokenizer).to(where) for other in together_with]
        model = Ensemble([model, *others])
    model = model.to(torch.bfloat16 if weight_format == "bfloat16" else torch.float32).eval()
    if can_pack(where, weight_format):
        pack(model, weight_format)
    workers = torch.get_num_threads() if where.type == "cpu" else 1
    return _translator(model, tokenizer, config, shortlist=shortlist, workers=workers, precision=weight_format)


def _load_model(run: RunFolder, tokenizer: Tokenizer) -> Seq2Seq[Any, Any]:
    model = build(run.config().model, vocabulary_of(tokenizer))
    weights = run.path / checkpoint.MODEL_FILE
    checkpoint.load_into(model, restored(checkpoint.load_weights(weights)), weights)
    return model


def _load_member(folder: Path, first: RunFolder, tokenizer: Tokenizer) -> Seq2Seq[Any, Any]:
    run = RunFolder.open(folder)
    if run.direction() != first.direction():
        raise UserError(f"{first.path} translates {first.direction()} and {folder} {run.direction()}: no ensemble.")
    if run.tokenizer().fingerprint != tokenizer.fingerprint:
        raise UserError(
            f"{folder} and {first.path} have different tokenizers, so they cannot decide together piece by piece. "
            "Models for an ensemble are trained on the same corpus with the same tokenizer settings; seed, sizes and "
            "family may differ."
        )
    return _load_model(run, tokenizer)


def _load_shortlist(run: RunFolder, tokenizer: Tokenizer) -> Shortlist | None:
    if not run.shortlist_file.exists():
        return None
    sizes = vocabulary_of(tokenizer)
    tensors = checkpoint.load_weights(run.shortlist_file)
    return Shortlist.of_tensors(tensors, source_size=sizes.source, target_size=sizes.target)


def _translator(model: Seq2Seq[Any, Any], tokenizer: Tokenizer, config: Config, **more: Any) -> Translator:
    return Translator(
        model,
        tokenizer,
        config.search,
        normalize=config.data.cleaning.normalize,
        max_source=config.batching.max_length,
        **more,
    )


# -- evaluate ------------------------------------------------------------------------------------------------------


def evaluate(
    run_folder: Path,
    test_set: TestSet,
    *,
    lowercase: bool = False,
    together_with: Sequence[Path] = (),
    against: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    **search: Any,
) -> tuple[Report, list[str]]:
    """Translates the test set, scores it, writes evaluation.json and the hypotheses into the (first) run folder."""
    translator = load_translator(run_folder, together_with=together_with, **search)
    other = None if against is None else _hypotheses_of(against, test_set, progress, search)
    hypotheses, seconds = _timed_translation(translator, test_set.sources, progress)
    report = build_report(
        test_set.sources,
        hypotheses,
        test_set.references,
        seconds=seconds,
        lowercase=lowercase,
        against=other,
        extra={"test_set": test_set.name, "search": vars(translator.search), "precision": translator.precision}
        | ({"models": [str(run_folder), *map(str, together_with)]} if together_with else {}),
    )
    # The figures of an ensemble must not pass for those of its first model.
    suffix = f"-ensemble-of-{1 + len(together_with)}" if together_with else ""
    write_report(run_folder, report, hypotheses, test_set.name + suffix)
    return report, hypotheses


def _hypotheses_of(
    against: Path, test_set: TestSet, progress: Callable[[int, int], None], search: dict[str, Any]
) -> Hypotheses:
    """The translations to compare with: of another run, or read from a file."""
    if against.is_dir():
        lines, _ = _timed_translation(load_translator(against, **search), test_set.sources, progress)
    else:
        lines = read_lines(against)
        if len(lines) != len(test_set.sources):
            raise UserError(
                f"{against} has {len(lines):,} lines, the test set {len(test_set.sources):,}: it must hold one "
                "translation for each."
            )
    return Hypotheses(name=str(against), lines=lines)


def _timed_translation(
    translator: Translator, texts: list[str], progress: Callable[[int, int], None]
) -> tuple[list[str], float]:
    started_at = time.monotonic()
    found = translator.translate(texts, progress=progress)
    return [translation.text for translation in found], time.monotonic() - started_at
