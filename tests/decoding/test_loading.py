"""What a run folder tells about the model to build."""

import pytest
from fakes import tiny_tokenizer

from seq2seq.decoding.run_loading import vocabulary_sizes
from seq2seq.models import VocabularySizes
from seq2seq.text.tokenizer import Tokenizer


def test_vocabulary_sizes_are_those_of_the_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tokenizer, "source_cases", 3)
    tokenizer = tiny_tokenizer(joint=False)
    assert vocabulary_sizes(tokenizer) == VocabularySizes(
        source=tokenizer.size("source"), target=tokenizer.size("target"), source_cases=3
    )
