"""Multi-head attention, compared with torch's.

Legend: N rows, T queries, L positions, E units of a head.
"""

import torch
from torch import nn

from seq2seq.models.layers.multi_head_attention import LayerMemory, MultiHeadAttention
from seq2seq.models.layers.rotary import RotaryEmbedding


@torch.no_grad()
def test_both_forms_equal_torch() -> None:
    torch.manual_seed(1)
    attention = MultiHeadAttention(12, 3, dropout=0.0).eval()
    reference = nn.MultiheadAttention(12, 3, batch_first=True).eval()
    projections = [attention.q_proj, attention.k_proj, attention.v_proj]
    for projection in [*projections, attention.out_proj]:
        projection.bias.normal_()
    reference.in_proj_weight.copy_(torch.cat([layer.weight for layer in projections]))
    reference.in_proj_bias.copy_(torch.cat([layer.bias for layer in projections]))
    reference.out_proj.weight.copy_(attention.out_proj.weight)
    reference.out_proj.bias.copy_(attention.out_proj.bias)

    inputs = torch.randn(2, 4, 12)
    source = torch.randn(2, 5, 12)
    is_token = torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    expected, expected_weights = reference(inputs, source, source, key_padding_mask=~is_token)

    keys, values = attention.project(source)
    mask = is_token[:, None, None, :]
    no_rotation = RotaryEmbedding(cos=torch.ones(1, 2), sin=torch.zeros(1, 2))
    outputs = attention(inputs, keys, values, rotary=no_rotation, mask=mask)
    memory = LayerMemory(keys, values, mask)
    outputs_with_weights, weights = attention.forward_with_weights(inputs, memory)
    assert torch.allclose(outputs, expected, atol=1e-5)
    assert torch.allclose(outputs_with_weights, expected, atol=1e-5)
    assert torch.allclose(weights, expected_weights, atol=1e-6)
