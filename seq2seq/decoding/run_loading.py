"""From run folders to a translator. torch computes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from seq2seq.decoding.assembly import assemble
from seq2seq.decoding.engines.torch_engine import TorchEngine
from seq2seq.decoding.ensemble import Ensemble
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.decoding.translator import Translator
from seq2seq.errors import UserError
from seq2seq.models import Seq2Seq, VocabularySizes, build
from seq2seq.models.device import pick_device, translation_format
from seq2seq.models.layers.prepack import can_prepack, prepack
from seq2seq.models.quantization import dequantize
from seq2seq.models.weights import load_into, load_weights
from seq2seq.run import RunFolder
from seq2seq.settings import TranslatorSettings
from seq2seq.text.tokenizer import Tokenizer


def load_run(
    folder: Path | str,
    *,
    ensemble: Sequence[Path | str] = (),
    device: str = "auto",
    precision: str = "auto",
    **search: Any,
) -> Translator:
    """Loads the translator of a run folder. For arguments and errors see `load` in loading.py."""
    run = RunFolder.open(folder)
    settings = run.settings
    settings = replace(settings, search=settings.search.with_changes(search))
    torch_device = pick_device(device)
    weight_format = translation_format(precision, torch_device)
    model = load_models(run, [RunFolder.open(member) for member in ensemble])
    model = model.to(torch_device)
    model = model.to(torch.bfloat16 if weight_format == "bfloat16" else torch.float32).eval()
    if can_prepack(torch_device, weight_format):
        prepack(model, weight_format)
    return make_translator(
        model,
        run.tokenizer,
        settings,
        # An ensemble is for quality: it searches the whole vocabulary.
        shortlist=None if ensemble else _load_shortlist(run),
        workers=torch.get_num_threads() if torch_device.type == "cpu" else 1,
        precision=weight_format,
    )


def load_models(run: RunFolder, others: Sequence[RunFolder]) -> Seq2Seq:
    """Loads the model of a run, or the ensemble of several runs, in float32 on the CPU.

    Raises:
        UserError: the models do not fit together.
    """
    model = _load_model(run)
    if not others:
        return model
    return Ensemble([model, *(_load_member(member, run) for member in others)])


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
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    return Shortlist.from_arrays(arrays, source_size=sizes.source, target_size=sizes.target)


def make_translator(
    model: Seq2Seq,
    tokenizer: Tokenizer,
    settings: TranslatorSettings,
    *,
    workers: int = 1,
    **options: Any,
) -> Translator:
    """Makes a translator with the settings of a run.

    Args:
        model: a model or an ensemble.
        tokenizer: the tokenizer of the run.
        settings: those of the run.
        workers: how many batches are searched at the same time.
        **options: more options of `Translator`.
    """
    return assemble(TorchEngine(model, workers), tokenizer, settings, **options)


def vocabulary_sizes(tokenizer: Tokenizer) -> VocabularySizes:
    """Returns the vocabulary sizes that a model is built for."""
    return VocabularySizes(
        source=tokenizer.size("source"),
        target=tokenizer.size("target"),
        source_cases=tokenizer.source_cases,
    )
