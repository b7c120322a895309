"""Puts an engine, a tokenizer and settings together into a translator."""

from typing import Any

from seq2seq.decoding.engine import Engine
from seq2seq.decoding.translator import Translator
from seq2seq.settings import TranslatorSettings
from seq2seq.text.layer import TextLayer
from seq2seq.text.sentences import SentenceSplitter
from seq2seq.text.tokenizer import Tokenizer


def assemble(
    engine: Engine, tokenizer: Tokenizer, settings: TranslatorSettings, **options: Any
) -> Translator:
    """Makes a translator.

    Args:
        engine: predicts.
        tokenizer: the tokenizer that the model was trained with.
        settings: those of its run.
        **options: more options of `Translator`.
    """
    layer = TextLayer(
        tokenizer,
        settings.text,
        source_language=settings.source,
        target_language=settings.target,
    )
    return Translator(
        engine,
        tokenizer,
        settings.search,
        layer=layer,
        sentences=SentenceSplitter(settings.source) if settings.text.sentences else None,
        normalize=settings.normalize,
        max_source_tokens=settings.max_source_tokens,
        **options,
    )
