"""What the page that translates needs of `text/`: the rules as data, and the vocabulary.

The algorithms are written twice, in Python and in JavaScript (export/web/text). Their rules are
not: patterns, tables and numbers are constants of the modules in `text/`. text_rules.json has them.
"""

import json
import re
from collections.abc import Collection
from types import ModuleType
from typing import Any, cast

import numpy as np
import regex

from seq2seq.decoding import segmentation
from seq2seq.errors import UserError
from seq2seq.export.web_pattern_reader import UnsupportedPatternError
from seq2seq.export.web_patterns import compile_pattern
from seq2seq.export.web_sentences import sentence_knowledge
from seq2seq.settings import TranslatorSettings
from seq2seq.text import (
    blocks,
    case,
    forbidden_tokens,
    inline_pairs,
    layer,
    long_runs,
    markup,
    normalization,
    numbers,
    paired_marks,
    quotes,
    repetition,
    scripts,
    sentences,
    slots,
    source_words,
    span_patterns,
    spans,
    tag_placement,
    tags,
    wrapping,
)
from seq2seq.text.processor import load_processor
from seq2seq.text.subword_model import read_subword_model
from seq2seq.text.tokenizer import SLOTS, Tokenizer

# The kinds of tokens in sentencepiece_model.proto.
_NORMAL = "1"
_UNKNOWN = "2"
_CONTROL = "3"
_USER_SYMBOL = "4"
_UNUSED = "5"
_BYTE = "6"

# Module -> the constants of it that the page needs. There, they have no "_" at the start.
_CONSTANTS: dict[ModuleType, str] = {
    blocks: "_BREAK _SPACES _LETTER_OUTSIDE_TAGS",
    case: "NO_CASE CAPITALIZED UPPER NUM_CASES _WORD _CASED_WORD _DOTLESS_I",
    forbidden_tokens: "_DIGIT _CHINESE_CHARACTERS",
    inline_pairs: "_BRACKETS _MAY_FOLLOW _HINT _LINK _MOST_WORDS_IN_BRACKETS _MAX_PAIRS",
    layer: "_SHORTEST_NAME _PLAIN_MARKS _FIRST_TAG _RESERVED",
    long_runs: "_LONGEST_WORD _LONGEST_RUN _LONG_RUN _FINAL_MARKS",
    markup: "BLOCK_NAMES _MAX_DEPTH _MAX_ELEMENTS",
    normalization: "_SEPARATING _INVISIBLE _WHITE_SPACE",
    numbers: "_SIGNS _SPACES _RANGE _POINT_BETWEEN_DIGITS _AMOUNT",
    paired_marks: "CLOSING _CLOSERS _PAIR_MARK _OPENING_WITH_SPACE _PUNCTUATION _MAX_DEPTH",
    repetition: "_MARKS _REPEATED_WORDS _LONGEST_PERIOD _SYMBOL_RUN",
    segmentation: "_SENTENCE_END",
    sentences: (
        "_OK_PERIOD _WHITE_SPACE _GERMAN_ORDINAL _WORD_START _LOOK_BACK _LIST_MARKER _LIST_NUMBER "
        "_END_MARKS _CLOSING_MARKS _WIDE_OPENING_MARKS _FULL_WIDTH_MARKS"
    ),
    slots: "SLOTS _SLOT _SLOTS_AFTER_MARK _LETTER _MARKS",
    span_patterns: "UNUSUAL",
    spans: "_SEPARATED_DIGITS _FEWEST_IN_LIST _LIST_SEPARATORS",
    tag_placement: "_UNIT _WORD_CHARACTER _NAME",
    tags: "_VOID_NAMES _CODE_NAMES _QUOTES _NOT_TRANSLATED _HINT",
    wrapping: (
        "_SINGLE_QUOTES _BRACKETS _STRAIGHT_QUOTES _END_MARKS _SPACE _SHORT_RUNS _SPANISH_MARKS "
        "_SPANISH _WIDE_LANGUAGES _TO_WIDE _TO_NARROW _MODIFIERS _SIGNS _LEADING _TRAILING_RUN "
        "_EMPHASIS _LETTER _MAX_LAYERS"
    ),
}


def text_rules(settings: TranslatorSettings, words: Collection[str] = ()) -> str:
    """Returns the content of text_rules.json, for the languages of a translator.

    It has module -> constant -> value. A pattern is {"pattern": …, "groups": …}, a set {"set": […]}
    and a dictionary {"map": [[key, value], …]}.

    Args:
        settings: those of the translator.
        words: words of the source language in lower case, such as those of the training text. Of
            these, it finds out which are abbreviations.

    Raises:
        UserError: a pattern of the user (text.protect) has something that JavaScript lacks.
    """
    rules: dict[str, Any] = {}
    for module in _CONSTANTS:
        rules[module.__name__.rpartition(".")[2]] = _constants(module)
    unspaced = _plain(scripts.UNSPACED)
    rules["layer"] |= {
        "SLOTS": list(SLOTS),
        "UNSPACED": unspaced,
        "WORD": _plain(source_words.WORD),
        "WORD_WITH_SPACES": _plain(layer._WORD),
    }
    rules["long_runs"] |= {"UNSPACED": unspaced, "WORD": _plain(source_words.WORD)}
    rules["slots"]["UNSPACED"] = unspaced
    rules["sentences"]["UNSPACED"] = unspaced
    rules["sentences"]["ABBREVIATIONS"] = _plain(_abbreviations(settings.source))
    rules["sentence_boundaries"] = _as_sets(sentence_knowledge(settings.source, words))
    rules["span_patterns"] |= {
        "BUILT_IN": _plain(span_patterns.built_in_pattern()),
        "KINDS": ["plain", *cast(Any, spans.SpanKind).__args__],
    }
    rules["tags"]["TAG"] = _plain(tags._tag_pattern())
    rules["protect"] = [_user_pattern(pattern) for pattern in settings.text.protect]
    rules["numbers"] |= {
        "source": _convention(settings.source),
        "target": _convention(settings.target),
    }
    rules["languages"] = {
        "source": settings.source,
        "target": settings.target,
        "sourceQuotes": quotes.find_quotes(settings.source),
        "targetQuotes": quotes.find_quotes(settings.target),
    }
    return json.dumps(rules, ensure_ascii=False)


def tokenizer_data(tokenizer: Tokenizer) -> str:
    """Returns the content of tokenizer.json.

    It has the words of the training text, the rules of case, and the models: for each token its
    text, its score and a digit for its kind (see sentencepiece_model.proto).

    Raises:
        UserError: the tokenizer is no unigram model.
    """
    words = tokenizer.source_words
    data = {
        "models": {name: _model(name, model) for name, model in tokenizer._models.items()},
        "words": None if words is None else " ".join(sorted(words)),
        "case": _constants(case),
    }
    return json.dumps(data, ensure_ascii=False)


def _model(name: str, data: bytes) -> dict[str, Any]:
    model = read_subword_model(data)
    if model.kind != "unigram":
        raise UserError(
            "The page that translates needs a unigram tokenizer, but that of this run is "
            f"{model.kind}. Train with tokenizer.kind=unigram, or export with --format onnx."
        )
    processor = load_processor(name, data)
    symbols = frozenset(model.symbols.values())
    pieces: list[str] = []
    scores: list[float] = []
    kinds = ""
    for token in range(processor.get_piece_size()):
        pieces.append(processor.id_to_piece(token))
        # The shortest decimal number that is the same in 32 bits.
        scores.append(float(str(np.float32(processor.get_score(token)))))
        if processor.is_control(token):
            kinds += _CONTROL
        elif processor.is_unknown(token):
            kinds += _UNKNOWN
        elif processor.is_byte(token):
            kinds += _BYTE
        elif processor.is_unused(token):
            kinds += _UNUSED
        else:
            kinds += _USER_SYMBOL if token in symbols else _NORMAL
    return {"pieces": pieces, "scores": scores, "kinds": kinds}


def _constants(module: ModuleType) -> dict[str, Any]:
    names = _CONSTANTS[module].split()
    return {name.lstrip("_"): _plain(getattr(module, name)) for name in names}


def _plain(value: Any) -> Any:
    """Returns a constant as JSON can have it."""
    if isinstance(value, re.Pattern | regex.Pattern):
        return compile_pattern(value)
    if isinstance(value, frozenset):
        return {"set": sorted(value)}
    if isinstance(value, dict):
        return {"map": [[_character(key), _character(new)] for key, new in value.items()]}
    if isinstance(value, tuple):
        return list(value)
    return value


def _character(value: str | int) -> str:
    """Returns a character of a table for `str.translate`, which may have its code."""
    return chr(value) if isinstance(value, int) else value


def _as_sets(knowledge: dict[str, object]) -> dict[str, object]:
    return {
        name: {"set": value} if isinstance(value, list) else value
        for name, value in knowledge.items()
    }


def _abbreviations(language: str) -> frozenset[str]:
    base = re.split("[-_]", language.lower())[0]
    return frozenset(sentences._ABBREVIATIONS.get(base, "").split())


def _convention(language: str) -> dict[str, Any] | None:
    convention = numbers._convention(language)
    if convention is None:
        return None
    number = _plain(numbers._number_pattern(convention))
    return {"decimal": convention.decimal, "group": convention.group, "number": number}


def _user_pattern(pattern: str) -> dict[str, Any]:
    try:
        return compile_pattern(regex.compile(pattern))
    except UnsupportedPatternError as error:
        raise UserError(
            f"text.protect: {error} Write the pattern without it, or export with --format onnx."
        ) from None
