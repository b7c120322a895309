"""Validation: BLEU and chrF of real translations, and the loss against one sentence at a time."""

from typing import Any

import pytest
import torch
from fakes import CopySourceModel, tiny_tokenizer, word_pairs
from tiny_runs import copy_weights, same_weights, tiny_translator

from seq2seq.config.model import LSTMConfig
from seq2seq.config.training import ValidationConfig
from seq2seq.data.corpus import Pairs
from seq2seq.models import Seq2Seq, VocabularySizes, build
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import BOS, COPY, EOS
from seq2seq.training.validation import Sample, Validator

PAIRS = word_pairs(90, seed=6)


def make_validator(model: Seq2Seq, pairs: Pairs = PAIRS, **settings: Any) -> Validator:
    search = SearchSettings(beam=3, nbest=2, no_repeat_ngram_size=0, max_length_ratio=1.0)
    return Validator(model, tiny_translator(model, search), pairs, ValidationConfig(**settings))


def copying_model() -> Seq2Seq:
    return CopySourceModel(tiny_tokenizer().size("target"))


def random_lstm() -> Seq2Seq:
    torch.manual_seed(2)
    size = tiny_tokenizer().size("target")
    config = LSTMConfig(embedding_size=8, hidden_size=8, dropout=0.5)
    return build(config, VocabularySizes(source=size, target=size))


def test_perfect_translations_get_full_marks() -> None:
    copies = Pairs(source=PAIRS.source, target=PAIRS.source)
    validation = make_validator(copying_model(), copies)("float32")
    assert validation.bleu == pytest.approx(100)
    assert validation.chrf == pytest.approx(100)


def test_half_perfect_translations_get_some_marks() -> None:
    pairs = Pairs(source=PAIRS.source, target=[*PAIRS.source[:45], *PAIRS.target[45:]])
    assert 1 < make_validator(copying_model(), pairs)("float32").bleu < 99


def likelihood_of_pair(model: Seq2Seq, source: str, target: str) -> tuple[float, int]:
    """Returns the negative log-likelihood of one pair, and its number of target tokens."""
    (source_ids,) = tiny_tokenizer().encode([source], "source")
    (target_ids,) = tiny_tokenizer().encode([target], "target")
    source_row = torch.tensor([[*source_ids, EOS]])
    target_in = torch.tensor([[BOS, *target_ids]])
    target_out = torch.tensor([*target_ids, EOS])
    logits = model(source_row, source_row > 0, target_in).logits[0]
    log_probs = logits.log_softmax(-1).gather(1, target_out.unsqueeze(1))
    return -float(log_probs.sum()), len(target_out)


def test_loss_is_the_mean_over_target_tokens() -> None:
    model = random_lstm().eval()
    total = 0.0
    count = 0
    with torch.no_grad():
        for source, target in PAIRS:
            likelihood, num_tokens = likelihood_of_pair(model, source, target)
            total += likelihood
            count += num_tokens
    loss = make_validator(model)("float32").loss
    assert loss == pytest.approx(total / count, rel=1e-5)


def test_long_sentences_are_cut_for_the_loss() -> None:
    model = random_lstm().eval()
    long_pair = Pairs(source=["hund " * 30], target=["dog " * 30])
    translator = tiny_translator(model, SearchSettings(beam=1), max_source_tokens=10)
    validator = Validator(model, translator, long_pair, ValidationConfig(samples=0))
    (source_ids,) = tiny_tokenizer().encode(long_pair.source, "source")
    assert len(source_ids) > 10
    assert validator("float32").loss > 0
    assert validator._encoded.source[0].tolist() == source_ids[:9]
    assert len(validator._encoded.target[0]) == 9


def test_the_loss_is_that_of_the_pairs_as_read() -> None:
    model = random_lstm()
    pairs = Pairs(source=["hund 12", "katze", "haus 3"], target=["dog 12", "cat", "house 3"])
    as_read = Pairs(
        source=[f"hund {COPY}", "katze", f"haus {COPY}"],
        target=[f"dog {COPY}", "cat", f"house {COPY}"],
    )
    # The last pair is not chosen.
    config = ValidationConfig(sentences=2, samples=1)
    translator = tiny_translator(model, SearchSettings(beam=1))
    validator = Validator(model, translator, pairs, config, as_read=as_read)
    assert validator.pairs.source == ["hund 12", "katze"]
    read = [validator._encoded.source[i].tolist() for i in range(2)]
    assert read == tiny_tokenizer().encode(as_read.source[:2], "source")
    read = [validator._encoded.target[i].tolist() for i in range(2)]
    assert read == tiny_tokenizer().encode(as_read.target[:2], "target")
    plain = Validator(model, translator, as_read, config)
    assert validator("float32").loss == plain("float32").loss
    # What is translated and shown is the text itself.
    assert validator("float32").samples[0].source == "katze"


def test_text_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    validator = make_validator(random_lstm(), sentences=3)
    loss = validator._loss("float32")

    def fail(*args: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(type(tiny_tokenizer()), "encode", fail)
    validator.model.eval()
    assert validator._loss("float32") != loss  # no dropout this time


def test_validation_leaves_no_trace() -> None:
    model = random_lstm().train()
    weights = copy_weights(model)
    random_state = torch.get_rng_state()
    make_validator(model, sentences=5)("float32")
    assert model.training
    assert torch.equal(torch.get_rng_state(), random_state)
    assert same_weights(copy_weights(model), weights)


def test_validation_is_without_dropout() -> None:
    validator = make_validator(random_lstm().train(), sentences=5)
    assert validator("float32") == validator("float32")


def test_pairs_are_spread_evenly_over_the_split() -> None:
    # A split may be sorted: its beginning would not represent it.
    validator = make_validator(copying_model(), sentences=4)
    assert validator.pairs.source == [PAIRS.source[i] for i in (0, 22, 45, 67)]


@pytest.mark.parametrize("sentences", [0, 1000])
def test_all_pairs_can_be_used(sentences: int) -> None:
    assert len(make_validator(copying_model(), sentences=sentences).pairs) == 90


def copied_sample(i: int) -> Sample:
    """The sample of pair `i` that the copying model gives."""
    return Sample(PAIRS.source[i], PAIRS.target[i], translation=PAIRS.source[i])


@pytest.mark.parametrize(
    ("sentences", "samples", "expected"),
    [(4, 2, [22, 67]), (1, 3, [0, 0, 0]), (2, 0, [])],
)
def test_samples_are_spread_evenly(sentences: int, samples: int, expected: list[int]) -> None:
    validator = make_validator(copying_model(), sentences=sentences, samples=samples)
    assert validator("float32").samples == [copied_sample(i) for i in expected]


def test_the_journal_gets_plain_values() -> None:
    values = make_validator(copying_model(), sentences=1, samples=1)("float32").to_dict()
    assert values.keys() == {"loss", "bleu", "chrf", "samples"}
    assert values["samples"] == [
        {
            "source": PAIRS.source[0],
            "reference": PAIRS.target[0],
            "translation": PAIRS.source[0],
        }
    ]
