"""The program from top to bottom: train, load, evaluate. Read this file first.

    corpus -> clean -> tokens -> batches -> model.forward -> loss -> optimizer -> checkpoint
                                                 |                                  |
                                    encode . start . step                       run folder
                                                 |                                  |
    text <- detokenize <- hypotheses <- beam search <------------- translator <-----+

`prepare` (data/preparation.py) does everything up to the tokens, `load` (decoding/loading.py) makes
a translator from a folder, `evaluate` (evaluation/scoring.py) scores it. `train` is below.

Nothing here prints or reads the command line. Long work reports to a `Reporter`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from seq2seq.config import Config, load_run_config
from seq2seq.config.changes import describe_changes
from seq2seq.data.batching import TrainingBatches
from seq2seq.data.preparation import PreparedData, prepare, with_slots
from seq2seq.data.store import with_chosen_corpora
from seq2seq.decoding.loading import load
from seq2seq.decoding.run_loading import make_translator, vocabulary_sizes
from seq2seq.errors import UserError
from seq2seq.evaluation.scoring import evaluate, evaluate_robustness
from seq2seq.evaluation.tokenization import AUTO, DEFAULT_TOKENIZATION, resolve_tokenization
from seq2seq.files import nearest_existing
from seq2seq.models import Seq2Seq, build
from seq2seq.models.device import pick_device
from seq2seq.onnx_folder import is_onnx_folder
from seq2seq.paths import cache_dir
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder, translator_settings
from seq2seq.runtime import cpu_threads
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.training.checkpoint import holds_training, load_training_state
from seq2seq.training.state import TrainingState
from seq2seq.training.trainer import Trainer
from seq2seq.training.validation import Validator

__all__ = ["Instrument", "evaluate", "evaluate_robustness", "load", "prepare", "resume", "train"]

Instrument = Callable[[Seq2Seq], None]
"""Changes a freshly built model before it is trained, for studies."""


# -- train -----------------------------------------------------------------------------------------


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
        The state of the training. `finished` is empty if it was interrupted.

    Raises:
        UserError: the folder already contains a training, or the data cannot be used.
    """
    _check_usable(run)
    if holds_training(run):
        raise UserError(
            f"{run.path} already contains a training. "
            "Continue it (--resume), choose another folder (--run), or delete it."
        )
    tokenization = resolve_tokenization(config.data.target, AUTO, reporter)
    device = pick_device(config.training.device)
    with run.locked(), cpu_threads(config.training.threads):
        prepared = prepare(config, data_dir=data_dir, reporter=reporter)
        batches = _training_batches(config, prepared, prepared.tokenizer, reporter)
        data = with_chosen_corpora(config.data, prepared.corpus)
        run.create(config.replace(data=data), prepared.tokenizer)
        trainer = _build_trainer(
            config, run, prepared, batches, tokenization, device, reporter, instrument
        )
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
    """Continues a training from its last checkpoint, exactly as if it had not been interrupted.

    Every setting that differs from the run's config.yaml is reported.

    Args:
        run: the folder of the training.
        config: new settings; by default those of the run. Only training.* and search.* may differ.
        overrides: `section.key=value` changes of the run's settings, if `config` is not given.
        data_dir: a folder with corpora that is searched first.
        reporter: receives messages, progress and validations.
        instrument: the same as for `train`.

    Raises:
        UserError: there is no checkpoint, or a setting was changed that is fixed.
    """
    _check_usable(run)
    if run.last_checkpoint is None:
        raise UserError(f"{run.path} has no checkpoint to resume from. Train without --resume.")
    before = run.config
    if config is None:
        config = load_run_config(run.config_file, overrides)
    if config.data.fallback is not None:
        used = {"corpus": before.data.corpus, "corpora": before.data.corpora}
        config = config.replace(data=config.data.replace(**used, fallback=None))
    if config.replace(training=before.training, search=before.search) != before:
        raise UserError(
            "Only training.* and search.* may change when a run is resumed. "
            "Everything else is fixed."
        )
    device = pick_device(config.training.device)
    with run.locked(), cpu_threads(config.training.threads):
        # A config that is given again lacks what --set changed in the first command.
        for change in describe_changes(before, config):
            reporter.info(change)
        # The one that the training started with, so that its BLEU scores can be compared.
        used_before = load_training_state(run).tokenization
        tokenization = resolve_tokenization(config.data.target, used_before or AUTO, reporter)
        prepared = prepare(config, data_dir=data_dir, reporter=reporter)
        # The run's own tokenizer, even if the cache is gone.
        batches = _training_batches(config, prepared, run.tokenizer, reporter)
        run.write_config(config)
        trainer = _build_trainer(
            config, run, prepared, batches, tokenization, device, reporter, instrument
        )
        trainer.resume()
        reporter.info(f"resuming from step {trainer.state.step:,}")
        return trainer.run()


def _check_usable(run: RunFolder) -> None:
    """Raises UserError if the run folder would be below a file, or is something else."""
    nearest = nearest_existing(run.path)
    if not nearest.is_dir():
        raise UserError(
            f"{nearest} is a file, so {run.path} cannot be a run folder. "
            "Choose another one (--run)."
        )
    if is_onnx_folder(run.path):
        raise UserError(f"{run.path} is an exported folder. Choose another folder (--run).")
    if run.is_foreign():
        raise UserError(
            f"{run.path} has other files and is not a run folder. Choose another one (--run)."
        )


def _training_batches(
    config: Config, prepared: PreparedData, tokenizer: Tokenizer, reporter: Reporter
) -> TrainingBatches:
    batches = TrainingBatches(
        prepared.training,
        tokenizer,
        config.batching,
        config.tokenizer,
        seed=config.training.seed,
        cache=cache_dir(),
        augment=config.data.augment,
        language=config.data.source,
        weights=prepared.weights,
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
    tokenization: str,
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
    if tokenization != DEFAULT_TOKENIZATION:
        reporter.info(f"validations: BLEU with sacreBLEU's tokenization {tokenization}")
    guides_attention = config.training.guided_alignment > 0 and model.has_attention
    if guides_attention:
        reporter.info("aligning the tokens of the training pairs, to guide the attention")
    batches.align(guide_attention=guides_attention)
    translator = make_translator(model, tokenizer, translator_settings(config))
    valid = prepared.corpus.splits["valid"]
    validator = Validator(
        model,
        translator,
        valid,
        config.training.validation,
        tokenization,
        as_read=with_slots(valid, config),
    )
    return Trainer(model, batches, validator, config.training, run, reporter)
