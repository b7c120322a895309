"""From run folders to a translator."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from seq2seq.config import Config, SearchConfig
from seq2seq.config.section import describe_error
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
from seq2seq.text.layer import TextLayer
from seq2seq.text.sentences import SentenceSplitter
from seq2seq.text.tokenizer import Tokenizer


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
        ensemble: more run folders, whose models predict together with the first one. The settings
            of the first one are used.
        device: "auto" (CUDA if available), "cpu" or "cuda".
        precision: number format of the weights: "auto", "float32", "bfloat16", "float16", "int8".
        **search: fields of SearchConfig that replace the run's, such as beam=1 or nbest=5.

    Raises:
        UserError: the folder is not a run, or an option has a bad value.
    """
    if isinstance(ensemble, str | Path):
        ensemble = [ensemble]
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
    return make_translator(
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
    nbest = changes.get("nbest")
    if isinstance(nbest, int) and "beam" not in changes:
        changes = {**changes, "beam": max(search.beam, nbest)}
    try:
        return search.replace(**changes)
    except ValidationError as error:
        lines = [
            describe_error("", SearchConfig, entry) for entry in error.errors(include_url=False)
        ]
        raise UserError("\n".join(lines)) from None


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
    model: Seq2Seq, tokenizer: Tokenizer, config: Config, *, workers: int = 1, **options: Any
) -> Translator:
    """Makes a translator with the settings of a run.

    Args:
        model: a model or an ensemble.
        tokenizer: the tokenizer of the run.
        config: the settings of the run.
        workers: how many batches are searched at the same time.
        **options: more options of `Translator`.
    """
    sentences = SentenceSplitter(config.data.source) if config.text.sentences else None
    layer = TextLayer(
        tokenizer,
        config.text,
        source_language=config.data.source,
        target_language=config.data.target,
    )
    return Translator(
        TorchEngine(model, workers),
        tokenizer,
        config.search,
        layer=layer,
        sentences=sentences,
        normalize=config.data.cleaning.normalize,
        max_source_tokens=config.batching.max_length,
        **options,
    )


def vocabulary_sizes(tokenizer: Tokenizer) -> VocabularySizes:
    """Returns the vocabulary sizes that a model is built for."""
    return VocabularySizes(
        source=tokenizer.size("source"),
        target=tokenizer.size("target"),
        source_cases=tokenizer.source_cases,
    )
