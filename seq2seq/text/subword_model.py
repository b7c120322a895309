"""Reads a SentencePiece model file: its tokens with their scores, and the algorithm.

The library's Python interface does not say which tokens are user symbols, nor which algorithm made
the model. The file does. It is a protocol buffer, and the format is public:
https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

# Numbers of fields and values in sentencepiece_model.proto.
_TOKEN = 1
_TRAINER = 2
_TOKEN_TEXT = 1
_TOKEN_SCORE = 2
_TOKEN_TYPE = 3
_TRAINER_MODEL_TYPE = 3
_NORMAL = 1
_UNKNOWN = 2
_USER_SYMBOL = 4
_BYTE = 6
_UNIGRAM = 1
_BPE = 2


@dataclass
class SubwordModel:
    """What a SentencePiece model knows about splitting text into tokens."""

    kind: Literal["unigram", "bpe"] = "unigram"
    scores: dict[str, float] = field(default_factory=dict)
    """Token -> score, for ordinary tokens. Unigram: log-probability. BPE: merges with a higher
    score come first."""
    ids: dict[str, int] = field(default_factory=dict)
    """Token -> ID, for ordinary tokens."""
    symbols: dict[str, int] = field(default_factory=dict)
    """Token -> ID, for user symbols."""
    bytes: list[int] = field(default_factory=list)
    """ID of each byte from 0 to 255. Empty without byte fallback."""
    unknown: int = 0
    """ID of <unk>."""

    def spell(self, character: str) -> tuple[int, ...]:
        """Returns the bytes of a character that the vocabulary lacks, or <unk>."""
        if not self.bytes:
            return (self.unknown,)
        return tuple(self.bytes[byte] for byte in character.encode())


def read_subword_model(data: bytes) -> SubwordModel:
    """Reads a serialized model that the library has loaded without an error.

    Raises:
        ValueError: the model is neither unigram nor BPE.
    """
    model = SubwordModel()
    number_of_tokens = 0
    for number, value in _fields(data):
        if number == _TOKEN and isinstance(value, bytes):
            _add_token(model, number_of_tokens, value)
            number_of_tokens += 1
        elif number == _TRAINER and isinstance(value, bytes):
            model_type = dict(_fields(value)).get(_TRAINER_MODEL_TYPE, _UNIGRAM)
            if model_type not in (_UNIGRAM, _BPE):
                raise ValueError(f"The tokenizer is neither unigram nor BPE (type {model_type!r}).")
            model.kind = "bpe" if model_type == _BPE else "unigram"
    return model


def _add_token(model: SubwordModel, token_id: int, data: bytes) -> None:
    text = ""
    score = 0.0
    token_type = _NORMAL
    for number, value in _fields(data):
        if number == _TOKEN_TEXT and isinstance(value, bytes):
            text = value.decode()
        elif number == _TOKEN_SCORE and isinstance(value, bytes):
            (score,) = struct.unpack("<f", value)
        elif number == _TOKEN_TYPE and isinstance(value, int):
            token_type = value
    if token_type == _NORMAL:
        model.ids[text] = token_id
        model.scores[text] = score
    elif token_type == _USER_SYMBOL:
        model.symbols[text] = token_id
    elif token_type == _BYTE:  # in the order of their values
        model.bytes.append(token_id)
    elif token_type == _UNKNOWN:
        model.unknown = token_id


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yields the number and the value of each field of a protocol buffer."""
    position = 0
    while position < len(message):
        key, position = _variable_length_integer(message, position)
        wire_type = key & 7
        if wire_type == 0:
            integer, position = _variable_length_integer(message, position)
            yield key >> 3, integer
            continue
        if wire_type == 2:
            length, position = _variable_length_integer(message, position)
        else:  # 1: 64 bits, 5: 32 bits
            length = 8 if wire_type == 1 else 4
        yield key >> 3, message[position : position + length]
        position += length


def _variable_length_integer(message: bytes, position: int) -> tuple[int, int]:
    """Reads a number in groups of 7 bits, lowest first. Returns it and the next position."""
    value = 0
    shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
