"""Settings of the model families. `family` distinguishes them.

They are here, not in the models' files, so that a config can be checked without importing torch.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from seq2seq.config.section import Section

Size = Annotated[int, Field(ge=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
AttentionKind = Literal["dot", "general", "additive", "none"]
Tying = Literal["none", "target", "all"]


class ModelConfig(Section):
    """What every family has."""

    family: str
    """The model family."""
    dropout: Dropout = 0.2
    """Share of units dropped."""
    word_dropout: Dropout = 0.0
    """Share of source and target tokens whose embedding is dropped (Gal & Ghahramani 2016,
    section 4)."""
    tie_embeddings: Tying = "all"
    """Share the output matrix with the target embeddings (Press & Wolf 2017), or with both sides
    (joint tokenizer)."""


class RecurrentConfig(ModelConfig):
    """Sizes and regularization of a recurrent encoder-decoder."""

    embedding_size: Size = 384
    """Size of token embeddings, D."""
    hidden_size: Annotated[int, Field(ge=2, multiple_of=2)] = 384
    """Size of a decoder layer, H. The encoder has H / 2 in each direction, so it must be even."""
    encoder_layers: Size = 2
    """Bidirectional layers."""
    decoder_layers: Size = 2
    """Layers. The first one queries the attention."""
    attention: AttentionKind = "general"
    """`dot`, `general`, `additive`, or `none` (the sentence in one vector)."""
    input_feeding: bool = False
    """Feed the last readout to the first decoder layer. Slower: training then runs step by step."""
    residual: bool = True
    """Add the input of a layer to its output if the sizes agree."""
    layer_norm: bool = True
    """Normalize the output of every layer (Ba et al. 2016)."""
    dropout: Dropout = 0.3
    """Share of units dropped, the same ones at every step of a sentence (Gal & Ghahramani 2016)."""
    word_dropout: Dropout = 0.1
    """Share of source and target tokens whose embedding is dropped (Gal & Ghahramani 2016,
    section 4)."""


class LSTMConfig(RecurrentConfig):
    """Sizes and regularization of the LSTM encoder-decoder."""

    family: Literal["lstm"] = "lstm"
    """Long short-term memory."""
    encoder_layers: Size = 1
    """Bidirectional layers."""
    layer_norm: bool = False
    """Normalize the output of every layer (Ba et al. 2016). Without it this family learns more
    from each update."""
    forget_bias: float = 1.0
    """Initial bias of the forget gate. 1 lets the cell remember from the first update on
    (Jozefowicz et al. 2015)."""


class RNNConfig(RecurrentConfig):
    """Sizes and regularization of the vanilla recurrent encoder-decoder."""

    family: Literal["rnn"] = "rnn"
    """The vanilla recurrent network."""


class GRUConfig(RecurrentConfig):
    """Sizes and regularization of the GRU encoder-decoder."""

    family: Literal["gru"] = "gru"
    """The gated recurrent unit."""


class MinGRUConfig(RecurrentConfig):
    """Sizes and regularization of the minimal GRU encoder-decoder."""

    family: Literal["mingru"] = "mingru"
    """The minimal gated recurrent unit."""


class XLSTMConfig(RecurrentConfig):
    """Sizes and regularization of the xLSTM encoder-decoder."""

    HEADS: ClassVar[int] = 4

    family: Literal["xlstm"] = "xlstm"
    """The extended LSTM."""
    hidden_size: Annotated[int, Field(ge=8, multiple_of=8)] = 384
    """Size of a decoder layer, H. It must be divisible by 8: 4 heads in each direction of the
    encoder."""


class TransformerConfig(ModelConfig):
    """Sizes and regularization of the Transformer."""

    family: Literal["transformer"] = "transformer"
    """Attention only."""
    size: Size = 256
    """Size of the model, D: of the embeddings and of what passes from block to block."""
    feed_forward_size: Size = 1024
    """Inner size of the feed-forward blocks."""
    heads: Size = 4
    """Attention heads of size / heads units each."""
    encoder_layers: Size = 4
    """Blocks of self-attention and feed-forward."""
    decoder_layers: Size = 4
    """Blocks of self-attention, cross-attention and feed-forward."""
    attention_dropout: Dropout = 0.1
    """Share of attention weights dropped."""

    def broken_rules(self) -> Iterator[str]:
        if self.size % (2 * self.heads):
            yield "size must be divisible by twice the number of heads"


class MambaConfig(ModelConfig):
    """Sizes and regularization of the state-space encoder-decoder."""

    family: Literal["mamba"] = "mamba"
    """Selective state spaces."""
    size: Size = 256
    """Size of the model, D."""
    expand: Size = 2
    """The inner size is this many times the model's."""
    head_size: Size = 32
    """Units that share a forget gate, P."""
    state_size: Size = 32
    """Size of the state of one unit, K."""
    conv_width: Size = 4
    """Positions that the convolution before the state sees, W."""
    chunk: Size = 64
    """Positions that are computed at once in training, Q. It changes the speed only."""
    attention_heads: Size = 4
    """Heads of the cross-attention."""
    encoder_layers: Size = 3
    """Layers that read in both directions."""
    decoder_layers: Size = 4
    """Layers of a state space and cross-attention."""
    attention_dropout: Dropout = 0.1
    """Share of attention weights dropped."""

    def broken_rules(self) -> Iterator[str]:
        if self.size * self.expand % self.head_size:
            yield "size * expand must be divisible by head_size"
        if self.size % self.attention_heads:
            yield "size must be divisible by attention_heads"


FAMILY_CONFIGS: dict[str, type[ModelConfig]] = {
    "lstm": LSTMConfig,
    "rnn": RNNConfig,
    "gru": GRUConfig,
    "transformer": TransformerConfig,
    "mamba": MambaConfig,
    "xlstm": XLSTMConfig,
    "mingru": MinGRUConfig,
}
"""`model.family` -> the type of the `model` section."""
