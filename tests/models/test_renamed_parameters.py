"""Weight files with older parameter names still load."""

import re

import pytest
from tiny_models import TINY

from seq2seq.config.model import FAMILY_CONFIGS
from seq2seq.models import FAMILIES, Seq2Seq, VocabularySizes, build


def renamed(family: str, name: str) -> str:
    for pattern, replacement in FAMILIES[family].RENAMED_PARAMETERS.items():
        name = re.sub(pattern, replacement, name)
    return name


def tiny_model(family: str) -> Seq2Seq:
    config = FAMILY_CONFIGS[family](**TINY[family])
    return build(config, VocabularySizes(source=9, target=9))


@pytest.mark.parametrize(
    ("family", "old_name", "new_name"),
    [
        ("transformer", "encoder.0.attention.query.weight", "encoder.0.self_attn.q_proj.weight"),
        ("transformer", "decoder.1.itself.key.bias", "decoder.1.self_attn.k_proj.bias"),
        ("transformer", "decoder.1.source.value.bias", "decoder.1.cross_attn.v_proj.bias"),
        ("transformer", "decoder.0.source.output.weight", "decoder.0.cross_attn.out_proj.weight"),
        ("mamba", "encoder.forwards.0.inputs.weight", "encoder.forwards.0.in_proj.weight"),
        ("mamba", "encoder.backwards.0.output.bias", "encoder.backwards.0.out_proj.bias"),
        ("mamba", "encoder.backwards.0.pace_bias", "encoder.backwards.0.dt_bias"),
        ("mamba", "layers.1.block.log_rate", "layers.1.block.A_log"),
        ("mamba", "layers.1.block.skip", "layers.1.block.D"),
        ("mamba", "layers.1.block.scale", "layers.1.block.norm_weight"),
        ("mamba", "layers.1.block.conv", "layers.1.block.conv1d_weight"),
        ("mamba", "layers.1.block.conv_bias", "layers.1.block.conv1d_bias"),
        ("mamba", "layers.0.source.query.bias", "layers.0.cross_attn.q_proj.bias"),
        ("mamba", "layers.0.source.output.bias", "layers.0.cross_attn.out_proj.bias"),
        ("mingru", "encoder.forwards.0.gate.weight", "encoder.forwards.0.linear_z.weight"),
        ("mingru", "layers.1.new.bias", "layers.1.linear_h.bias"),
        ("xlstm", "encoder.forwards.0.conv", "encoder.forwards.0.conv1d_weight"),
        ("xlstm", "encoder.backwards.0.conv_bias", "encoder.backwards.0.conv1d_bias"),
        ("xlstm", "layers.1.query.weight", "layers.1.W_q.weight"),
        ("xlstm", "layers.1.key.weight", "layers.1.W_k.weight"),
        ("xlstm", "layers.1.value.weight", "layers.1.W_v.weight"),
        ("xlstm", "layers.1.shown.weight", "layers.1.W_o.weight"),
        ("xlstm", "layers.1.gates.bias", "layers.1.w_if.bias"),
        ("xlstm", "layers.0.inputs.bias", "layers.0.W.bias"),
        ("xlstm", "layers.0.hidden.weight", "layers.0.R.weight"),
        ("xlstm", "attention.key.weight", "attention.key.weight"),
    ],
)
def test_old_names_become_names_of_the_model(family: str, old_name: str, new_name: str) -> None:
    assert renamed(family, old_name) == new_name
    assert new_name in tiny_model(family).state_dict()


@pytest.mark.parametrize("family", FAMILIES)
def test_names_of_today_stay(family: str) -> None:
    for name in tiny_model(family).state_dict():
        assert renamed(family, name) == name
