"""Validation: BLEU and chrF of real translations, the loss against one sentence at a time."""

from typing import Any

import pytest
import torch
from fakes import CopyModel, tiny_tokenizer, word_pairs

from seq2seq.data.pairs import Pairs
from seq2seq.data.tokenizer import BOS, EOS
from seq2seq.decoding.search import SearchConfig
from seq2seq.decoding.translator import Translator
from seq2seq.models import LSTMConfig, Vocabulary, build
from seq2seq.training.validation import ValidationConfig, Validator

PAIRS = word_pairs(90, seed=6)


def validator(model: Any, pairs: Pairs = PAIRS, **fields: Any) -> Validator:
    search = SearchConfig(beam=3, nbest=2, no_repeat_ngram=0, max_length=1.0)
    return Validator(Translator(model, tiny_tokenizer(), search), pairs, ValidationConfig(**fields))


def lstm() -> Any:
    torch.manual_seed(2)
    size = tiny_tokenizer().size("target")
    return build(LSTMConfig(embedding_size=8, hidden_size=8, dropout=0.5), Vocabulary(source=size, target=size))


def test_a_model_that_is_right_gets_full_marks() -> None:
    copies = Pairs(source=PAIRS.source, target=PAIRS.source)
    found = validator(CopyModel(tiny_tokenizer().size("target")), copies)("float32")
    assert found.bleu == pytest.approx(100)
    assert found.chrf == pytest.approx(100)
    half = Pairs(source=PAIRS.source, target=[*PAIRS.source[:45], *PAIRS.target[45:]])
    assert 1 < validator(CopyModel(tiny_tokenizer().size("target")), half)("float32").bleu < 99


def test_loss_is_the_mean_over_pieces() -> None:
    model, tokenizer = lstm().eval(), tiny_tokenizer()
    total, count = 0.0, 0
    with torch.no_grad():
        for source, target in PAIRS:
            (source_ids,), (target_ids,) = tokenizer.encode([source], "source"), tokenizer.encode([target], "target")
            row, wanted = torch.tensor([[*source_ids, EOS]]), torch.tensor([*target_ids, EOS])
            log_probs = model(row, row > 0, torch.tensor([[BOS, *target_ids]])).logits[0].log_softmax(-1)
            total -= float(log_probs.gather(1, wanted.unsqueeze(1)).sum())
            count += len(wanted)
    assert validator(model)("float32").loss == pytest.approx(total / count, rel=1e-5)


def test_it_leaves_no_trace() -> None:
    model = lstm().train()
    before, state = [p.detach().clone() for p in model.parameters()], torch.get_rng_state()
    first = validator(model, sentences=5)("float32")
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))
    assert validator(model, sentences=5)("float32") == first  # without dropout


def test_sentences_and_samples() -> None:
    model = CopyModel(tiny_tokenizer().size("target"))
    few = validator(model, sentences=4, samples=2)
    # A split may be sorted: its beginning would be no fair sample of it.
    assert few.pairs.source == [PAIRS.source[i] for i in (0, 22, 45, 67)]
    samples = few("float32").samples
    assert samples == [
        {"source": PAIRS.source[i], "reference": PAIRS.target[i], "translation": PAIRS.source[i]} for i in (22, 67)
    ]
    assert len(validator(model, sentences=0).pairs) == 90
    assert len(validator(model, sentences=1000).pairs) == 90
    assert (
        validator(model, sentences=1, samples=3)("float32").samples
        == [{"source": PAIRS.source[0], "reference": PAIRS.target[0], "translation": PAIRS.source[0]}] * 3
    )
    assert validator(model, sentences=2, samples=0)("float32").to_dict().keys() == {"loss", "bleu", "chrf", "samples"}


@pytest.mark.parametrize("field", ["every_steps", "beam", "sentences", "samples"])
def test_config_says_what_is_wrong(field: str) -> None:
    with pytest.raises(ValueError, match="at least"):
        ValidationConfig(**{field: -1})
