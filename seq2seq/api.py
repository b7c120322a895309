"""The program from top to bottom: train, load, evaluate. Read this file first.

    corpus -> clean -> tokens -> batches -> model.forward -> loss -> optimizer -> checkpoint
                                                 |                                  |
                                    encode . start . step                       run folder
                                                 |                                  |
    text <- detokenize <- hypotheses <- beam search <------------- translator <-----+

Nothing here prints or reads the command line. Long work reports to a `Reporter`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from seq2seq.config import Config, SearchConfig, load_run_config
from seq2seq.config.section import describe_error
from seq2seq.data.batching import TrainingBatches
from seq2seq.data.cleaning import clean_corpus, clean_extra_pairs
from seq2seq.data.copy_masking import mask_copied_words
from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.sources.files import read_aligned, read_lines
from seq2seq.data.store import load_corpus
from seq2seq.decoding.ensemble import Ensemble
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.decoding.translator import Translator
from seq2seq.errors import UserError
from seq2seq.evaluation.report import Hypotheses, Report, build_report, write_report
from seq2seq.evaluation.test_set import TestSet
from seq2seq.models import Seq2Seq, VocabularySizes, build
from seq2seq.models.device import pick_device, translation_format
from seq2seq.models.layers.prepack import can_prepack, prepack
from seq2seq.models.quantization import dequantize
from seq2seq.models.weights import load_into, load_weights
from seq2seq.paths import cache_dir
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder
from seq2seq.runtime import cpu_threads
from seq2seq.text.sentences import SentenceSplitter
from seq2seq.text.tokenizer import TAG, Tokenizer, cached_tokenizer
from seq2seq.training.checkpoint import holds_training
from seq2seq.training.state import TrainingState
from seq2seq.training.trainer import Trainer
from seq2seq.training.validation import Validator

Instrument = Callable[[Seq2Seq], None]
"""Changes a freshly built model before it is trained, for studies."""


# -- data
# --------------------------------------------------------------------------------------------


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


# -- train
# -------------------------------------------------------------------------------------------


def train(
    config: Config,
    run: RunFolder,
    *,
    data_dir: Path | None = None,
    reporter: Reporter = SILENT,
    instrument: Instrument | None = None,
) -> TrainingState:
    """Trains a new model into a run folder.

    Ctrl-C stops after the current update and saves; `resume` continues from there.

    Args:
        config: the settings, as `load_config` returns them.
        run: where the result goes.
        data_dir: a folder with corpora that is searched first.
        reporter: receives messages, progress and validations.
        instrument: changes the freshly built model, for studies.

    Returns:
        Where training stands. `finished` is empty if a person interrupted it.

    Raises:
        UserError: the folder already contains a training, or the data cannot be used.
    """
    _check_usable(run)
    if holds_training(run):
        raise UserError(
            f"{run.path} already contains a training. "
            "Continue it (--resume), choose another folder (--run), or delete it."
        )
    device = pick_device(config.training.device)
    with run.locked(), cpu_threads(config.training.threads):
        prepared = prepare(config, data_dir=data_dir, reporter=reporter)
        batches = _training_batches(config, prepared, prepared.tokenizer, reporter)
        run.create(_with_chosen_corpus(config, prepared.corpus), prepared.tokenizer)
        trainer = _build_trainer(config, run, prepared, batches, device, reporter, instrument)
        return trainer.run()


def resume(
    run: RunFolder,
    config: Config | None = None,
    *,
    overrides: Sequence[str] = (),
    data_dir: Path | None = None,
    reporter: Reporter = SILENT,
    instrument: Instrument | None = None,
) -> TrainingState:
    """Continues a training from its last checkpoint, exactly as if it had not stopped.

    Args:
        run: the folder of the training.
        config: new settings; by default those of the run. Only training.* and search.* may differ.
        overrides: `section.key=value` changes of the run's settings, if `config` is not given.
        data_dir: a folder with corpora that is searched first.
        reporter: receives messages, progress and validations.
        instrument: the same as for `train`.

    Raises:
        UserError: there is no checkpoint, or the settings changed what cannot change.
    """
    _check_usable(run)
    if run.last_checkpoint is None:
        raise UserError(f"{run.path} has no checkpoint to resume from. Train without --resume.")
    before = run.config
    if config is None:
        config = load_run_config(run.config_file, overrides)
    if config.data.fallback is not None:
        data = config.data.replace(corpus=before.data.corpus, fallback=None)
        config = config.replace(data=data)
    if config.replace(training=before.training, search=before.search) != before:
        raise UserError(
            "Only training.* and search.* may change when a run is resumed. "
            "Its data, tokenizer and model are fixed."
        )
    device = pick_device(config.training.device)
    with run.locked(), cpu_threads(config.training.threads):
        prepared = prepare(config, data_dir=data_dir, reporter=reporter)
        # The run's own tokenizer, even if the cache is gone.
        batches = _training_batches(config, prepared, run.tokenizer, reporter)
        run.write_config(config)
        trainer = _build_trainer(config, run, prepared, batches, device, reporter, instrument)
        trainer.resume()
        reporter.info(f"resuming from step {trainer.state.step:,}")
        return trainer.run()


def _check_usable(run: RunFolder) -> None:
    """Raises UserError if the run folder would be below a file."""
    nearest = run.path
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise UserError(
            f"{nearest} is a file, so {run.path} cannot be a run folder. "
            "Choose another one (--run)."
        )


def _training_batches(
    config: Config, prepared: PreparedData, tokenizer: Tokenizer, reporter: Reporter
) -> TrainingBatches:
    pairs = mask_copied_words(
        prepared.training, probability=config.tokenizer.copy_prob, seed=config.training.seed
    )
    batches = TrainingBatches(
        pairs,
        tokenizer,
        config.batching,
        config.tokenizer,
        seed=config.training.seed,
        cache=cache_dir(),
    )
    limit = config.batching.max_length
    if batches.skipped:
        reporter.info(f"train: skipped {batches.skipped:,} pairs with {limit} tokens or more")
    if not len(batches):
        raise UserError(
            f"Every training pair has {limit} tokens or more. Increase batching.max_length."
        )
    return batches


def _build_trainer(
    config: Config,
    run: RunFolder,
    prepared: PreparedData,
    batches: TrainingBatches,
    device: torch.device,
    reporter: Reporter,
    instrument: Instrument | None,
) -> Trainer:
    """Builds the model, and the validator that translates the valid split with it."""
    tokenizer = run.tokenizer
    torch.manual_seed(config.training.seed)
    model = build(config.model, vocabulary_sizes(tokenizer)).to(device)
    if instrument is not None:
        instrument(model)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    reporter.info(
        f"{config.model.family}, {parameters / 1e6:.1f} M parameters, {len(batches):,} pairs "
        f"{config.data.source} to {config.data.target}, {device}, into {run.path}"
    )
    if config.training.guided_alignment and model.has_attention:
        reporter.info("aligning the tokens of the training pairs, to guide the attention")
        batches.align()
    translator = _translator(model, tokenizer, config)
    valid = prepared.corpus.splits["valid"]
    validator = Validator(translator, valid, config.training.validation)
    return Trainer(model, batches, validator, config.training, run, reporter)


def _with_chosen_corpus(config: Config, corpus: Corpus) -> Config:
    """Returns the config with the corpus that was used, so that no other machine chooses again."""
    if config.data.fallback is None:
        return config
    used_fallback = corpus.name == config.data.fallback
    chosen = corpus.name if used_fallback else config.data.corpus
    return config.replace(data=config.data.replace(corpus=chosen, fallback=None))


def vocabulary_sizes(tokenizer: Tokenizer) -> VocabularySizes:
    """Returns what a model has to know about the tokenizer."""
    return VocabularySizes(source=tokenizer.size("source"), target=tokenizer.size("target"))


# -- translate
# ---------------------------------------------------------------------------------------


def load(
    folder: Path | str,
    *,
    ensemble: Sequence[Path | str] = (),
    device: str = "auto",
    precision: str = "auto",
    **search: Any,
) -> Translator:
    """Loads the translator of a run folder.

    Args:
        folder: a folder that `seq2seq train` or `seq2seq export` wrote.
        ensemble: more run folders, whose models predict together with the first one. The first
        one's
            settings count.
        device: "auto" (CUDA if available), "cpu" or "cuda".
        precision: number format of the weights: "auto", "float32", "bfloat16", "float16", "int8".
        **search: fields of SearchConfig that replace the run's, such as beam=1 or nbest=5.

    Raises:
        UserError: the folder is no run, or an option has a bad value.
    """
    run = RunFolder.open(folder)
    config = run.config.replace(search=_changed_search(run.config.search, search))
    torch_device = pick_device(device)
    weight_format = translation_format(precision, torch_device)
    model = _load_model(run)
    if ensemble:
        members = [_load_member(RunFolder.open(member), run) for member in ensemble]
        model = Ensemble([model, *members])
    model = model.to(torch_device)
    model = model.to(torch.bfloat16 if weight_format == "bfloat16" else torch.float32).eval()
    if can_prepack(torch_device, weight_format):
        prepack(model, weight_format)
    return _translator(
        model,
        run.tokenizer,
        config,
        # An ensemble is for quality: it searches the whole vocabulary.
        shortlist=None if ensemble else _load_shortlist(run),
        workers=torch.get_num_threads() if torch_device.type == "cpu" else 1,
        precision=weight_format,
    )


def _changed_search(search: SearchConfig, changes: dict[str, Any]) -> SearchConfig:
    """Returns the search settings with some fields replaced; a larger nbest raises the beam."""
    if "nbest" in changes and "beam" not in changes:
        changes = {**changes, "beam": max(search.beam, changes["nbest"])}
    try:
        return search.replace(**changes)
    except ValidationError as error:
        lines = [
            describe_error("", SearchConfig, entry) for entry in error.errors(include_url=False)
        ]
        raise UserError("; ".join(lines).removeprefix(": ") + ".") from None


def _load_model(run: RunFolder) -> Seq2Seq:
    model = build(run.config.model, vocabulary_sizes(run.tokenizer))
    load_into(model, dequantize(load_weights(run.model_file)), run.model_file)
    return model


def _load_member(member: RunFolder, first: RunFolder) -> Seq2Seq:
    """Loads one more model of an ensemble, if it fits the first one."""
    if member.direction != first.direction:
        raise UserError(
            f"{first.path} translates {first.direction} and {member.path} {member.direction}. "
            "An ensemble needs models of one direction."
        )
    if member.tokenizer.fingerprint != first.tokenizer.fingerprint:
        raise UserError(
            f"{member.path} and {first.path} have different tokenizers, so they cannot predict "
            "together token by token. Train the models of an ensemble on the same corpus with the "
            "same tokenizer settings. Seed, sizes and family may differ."
        )
    return _load_model(member)


def _load_shortlist(run: RunFolder) -> Shortlist | None:
    if not run.shortlist_file.exists():
        return None
    sizes = vocabulary_sizes(run.tokenizer)
    tensors = load_weights(run.shortlist_file)
    return Shortlist.from_tensors(tensors, source_size=sizes.source, target_size=sizes.target)


def _translator(model: Seq2Seq, tokenizer: Tokenizer, config: Config, **options: Any) -> Translator:
    sentences = SentenceSplitter(config.data.source) if config.text.sentences else None
    return Translator(
        model,
        tokenizer,
        config.search,
        sentences=sentences,
        normalize=config.data.cleaning.normalize,
        max_source_tokens=config.batching.max_length,
        **options,
    )


# -- evaluate
# ----------------------------------------------------------------------------------------


def evaluate(
    run: RunFolder,
    test_set: TestSet,
    *,
    lowercase: bool = False,
    ensemble: Sequence[Path] = (),
    against: Path | None = None,
    reporter: Reporter = SILENT,
    **options: Any,
) -> tuple[Report, list[str]]:
    """Translates a test set, scores it, and writes scores and translations into the run folder.

    Args:
        run: the run, the first one of an ensemble.
        test_set: sources and references.
        lowercase: add BLEU that ignores case.
        ensemble: more run folders that predict together with the first one.
        against: a run folder, or a file of translations, to compare with by a paired test.
        reporter: receives progress.
        **options: options of `load`: device, precision, fields of SearchConfig.

    Returns:
        The report, as in evaluation.json, and one translation for each source.
    """
    translator = load(run.path, ensemble=ensemble, **options)
    other = None if against is None else _other_hypotheses(against, test_set, reporter, options)
    started_at = time.monotonic()
    hypotheses = _translate(translator, test_set.sources, reporter)
    seconds = time.monotonic() - started_at
    extra: dict[str, Any] = {
        "test_set": test_set.name,
        "search": translator.search.model_dump(),
        "precision": translator.precision,
    }
    name = test_set.name
    if ensemble:
        extra["models"] = [str(run.path), *map(str, ensemble)]
        # The scores of an ensemble must not be mistaken for those of its first model.
        name += f"-ensemble-of-{1 + len(ensemble)}"
    report = build_report(
        test_set.sources,
        hypotheses,
        test_set.references,
        seconds=seconds,
        lowercase=lowercase,
        against=other,
        extra=extra,
    )
    write_report(run, report, hypotheses, name)
    return report, hypotheses


def _other_hypotheses(
    against: Path, test_set: TestSet, reporter: Reporter, options: dict[str, Any]
) -> Hypotheses:
    """Returns the translations to compare with: of another run, or read from a file."""
    if against.is_dir():
        lines = _translate(load(against, **options), test_set.sources, reporter)
        return Hypotheses(name=str(against), lines=lines)
    lines = read_lines(against)
    if len(lines) != len(test_set.sources):
        raise UserError(
            f"{against} has {len(lines):,} lines, but the test set has {len(test_set.sources):,}. "
            "Give a file with one translation for each source line."
        )
    return Hypotheses(name=str(against), lines=lines)


def _translate(translator: Translator, texts: list[str], reporter: Reporter) -> list[str]:
    translations = translator.translate(texts, progress=reporter.progress)
    return [translation.text for translation in translations]
