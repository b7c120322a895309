"""The Transformer's blocks against the library's own, and its cache."""

import pytest
import torch
from torch import nn

from seq2seq.models import Vocabulary
from seq2seq.models.attention import LayerMemory, MultiHeadAttention, Rotation
from seq2seq.models.transformer import Transformer, TransformerConfig


@torch.no_grad()
def test_attention_equals_the_library_and_itself_with_weights() -> None:
    torch.manual_seed(1)
    ours = MultiHeadAttention(12, 3, dropout=0.0).eval()
    theirs = nn.MultiheadAttention(12, 3, batch_first=True).eval()
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    for part in (*parts, ours.output):
        part.bias.normal_()
    theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.out_proj.weight.copy_(ours.output.weight)
    theirs.out_proj.bias.copy_(ours.output.bias)
    asking, seen = torch.randn(2, 4, 12), torch.randn(2, 5, 12)
    mask = torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    wanted, weights = theirs(asking, seen, seen, key_padding_mask=~mask)
    keys, values = ours.project(seen)
    unturned = Rotation(torch.ones(1, 2), torch.zeros(1, 2))
    found = ours(asking, keys, values, rotation=unturned, mask=mask[:, None, None, :])
    again, found_weights = ours.forward_with_weights(asking, LayerMemory(keys, values, mask[:, None, None, :]))
    for result in (found, again):
        assert torch.allclose(result, wanted, atol=1e-5)
    assert torch.allclose(found_weights, weights, atol=1e-6)


@torch.no_grad()
def test_the_cache_grows_by_one_place_a_step() -> None:
    config = TransformerConfig(size=8, feed_forward_size=8, heads=2, encoder_layers=1, decoder_layers=2)
    model = Transformer(config, Vocabulary(source=9, target=9)).eval()
    source = torch.randint(4, 9, (3, 5))
    memory = model.encode(source, source > 0)
    state = model.start(memory)
    for step in range(4):
        assert [keys.shape for keys in state.keys] == [(3, 2, step, 4)] * 2
        _, state = model.step(memory, state, torch.tensor([4, 5, 6]))


@torch.no_grad()
def test_order_matters_by_the_sinusoids() -> None:
    config = TransformerConfig(size=8, feed_forward_size=8, heads=2, encoder_layers=1, decoder_layers=1)
    model = Transformer(config, Vocabulary(source=9, target=9)).eval()
    placed = model._placed(torch.zeros(1, 6, 8), 0)[0][0]
    assert placed[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert float(placed[3, 0]) == pytest.approx(float(torch.tensor(3.0).sin()))
    assert torch.allclose(model._placed(torch.zeros(1, 2, 8), 3)[0][0], placed[3:5])


def test_turned_products_depend_on_the_distance_alone() -> None:
    torch.manual_seed(1)
    query, key = torch.randn(1, 1, 1, 8).expand(-1, -1, 6, -1), torch.randn(1, 1, 1, 8).expand(-1, -1, 6, -1)
    rotation = Rotation.of(3, 6, 8, torch.device("cpu"))
    products = (rotation.turn(query) @ rotation.turn(key).transpose(2, 3))[0, 0]
    for distance in range(-5, 6):
        diagonal = products.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5)
    assert float((products[0, 0] - products[0, 3]).abs()) > 0.01
    assert torch.allclose(rotation.turn(query).norm(dim=-1), query.norm(dim=-1))


def test_turning_equals_complex_multiplication_and_so_does_its_gradient() -> None:
    torch.manual_seed(1)
    rotation = Rotation.of(2, 5, 8, torch.device("cpu"))
    values = torch.randn(3, 2, 5, 8, requires_grad=True)
    slow_values = values.detach().clone().requires_grad_()
    turned = torch.complex(*slow_values.chunk(2, -1)) * torch.complex(rotation.cosine, rotation.sine)
    slow = torch.cat([turned.real, turned.imag], dim=-1)
    fast = rotation.turn(values)
    assert torch.allclose(fast, slow, atol=1e-6)
    weight = torch.randn_like(fast)
    (fast * weight).sum().backward()
    (slow * weight).sum().backward()
    assert values.grad is not None
    assert slow_values.grad is not None
    assert torch.allclose(values.grad, slow_values.grad, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"size": 10, "heads": 4}, "divisible by twice"), ({"heads": 0}, "at least 1"), ({"dropout": 1.0}, "below 1")],
)
def test_config_says_what_is_wrong(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransformerConfig(**changes)  # type: ignore[arg-type]
