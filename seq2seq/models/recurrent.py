"""The encoder-decoder that all recurrent families share. A family only defines its layer.

In training, each layer runs over the whole sequence at once. This works because the first decoder
layer queries the attention and the layers above read its context (GNMT, Wu et al. 2016, section 3;
RNMT+, Chen et al. 2018), so no layer needs the prediction of the step before. `input_feeding`
(Luong et al. 2015, section 3.3) adds this dependency. Training then runs step by step.

Legend:
    B  sentences
    N  rows (hypotheses, or sentences)
    S  source tokens
    T  target tokens
    V  vocabulary
    D  embedding size
    H  hidden size
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from seq2seq.config.model import RecurrentConfig
from seq2seq.models.base import Decoded, Rows, Step, VocabularySizes, stack_steps
from seq2seq.models.layers.attention import Attention, AttentionMemory
from seq2seq.models.layers.dropout import apply_mask, variational_dropout_mask
from seq2seq.models.layers.embedding import TokenModel
from seq2seq.models.layers.layer_list import LayerList
from seq2seq.models.layers.recurrent_layer import RecurrentLayer
from seq2seq.models.layers.reversal import gather_positions, reversed_positions


@dataclass(frozen=True)
class DecoderState(Rows):
    """The state of the decoder after a step."""

    layers: tuple[Rows, ...]
    """The state of each layer."""
    readout: Tensor | None
    """The last readout (N,D) if the config has input feeding, else None."""


@dataclass(frozen=True)
class DropoutMasks:
    """Masks of one batch, the same at every step: (B,1,size), or None if nothing is dropped."""

    layers: tuple[Tensor | None, ...]
    readout: Tensor | None


class Encoder(nn.Module):
    """Bidirectional layers.

    The backward direction reads each sentence reversed within its own length. Padding then comes
    last in both directions, and torch's fused layers can read the padded sequence.
    """

    def __init__(self, config: RecurrentConfig, layer_type: type[RecurrentLayer]) -> None:
        super().__init__()
        self.config = config
        sizes = [config.embedding_size] + [config.hidden_size] * (config.encoder_layers - 1)
        half = config.hidden_size // 2
        self.forwards = LayerList(layer_type(size, half) for size in sizes)
        self.backwards = LayerList(layer_type(size, half) for size in sizes)
        self.norms = nn.ModuleList(_norm(config) for _ in sizes)
        if config.attention == "none":
            # Without attention, the decoder reads the summary only, which is not normalized.
            self.norms[-1] = nn.Identity()

    def forward(self, embedded: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Reads the source in both directions.

        Args:
            embedded: (B,S,D).
            mask: (B,S), true at tokens.

        Returns:
            Outputs (B,S,H), and the last states of both directions of the top layer, (B,H).
        """
        config = self.config
        reverse = reversed_positions(mask)
        # The last state of each direction is at the last token that this direction read.
        last = (mask.sum(1, keepdim=True) - 1).clamp(min=0)  # (B,1)
        values = embedded
        summary = embedded
        for forwards, backwards, norm in zip(
            self.forwards, self.backwards, self.norms, strict=True
        ):
            ahead = forwards(values)  # (B,S,H/2)
            back = backwards(gather_positions(values, reverse))  # (B,S,H/2), reversed
            outputs = norm(torch.cat([ahead, gather_positions(back, reverse)], dim=-1))  # (B,S,H)
            last_states = [gather_positions(ahead, last), gather_positions(back, last)]
            summary = torch.cat(last_states, dim=-1).squeeze(1)  # (B,H)
            dropout_mask = variational_dropout_mask(
                mask, outputs.shape[-1], config.dropout, self.training
            )
            values = _residual(config, values, apply_mask(outputs, dropout_mask))
        return values, summary


def _norm(config: RecurrentConfig) -> nn.Module:
    return nn.LayerNorm(config.hidden_size) if config.layer_norm else nn.Identity()


def _residual(config: RecurrentConfig, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Adds the inputs of a layer to its outputs, if `residual` is set and the sizes agree."""
    if config.residual and inputs.shape == outputs.shape:
        return inputs + outputs
    return outputs


class RecurrentSeq2Seq(TokenModel[AttentionMemory, DecoderState]):
    """Encoder, attention and decoder around any `RecurrentLayer`."""

    layer_type: ClassVar[type[RecurrentLayer]]
    """The layer of the family."""

    def __init__(self, config: RecurrentConfig, vocabulary: VocabularySizes) -> None:
        hidden = config.hidden_size
        size = config.embedding_size
        super().__init__(vocabulary, size, config)
        self.config = config
        self.encoder = Encoder(config, self.layer_type)
        self.attention = Attention(config.attention, hidden, hidden)
        self.has_attention = config.attention != "none"
        first_inputs = 2 * size if config.input_feeding else size
        input_sizes = [first_inputs] + [2 * hidden] * (config.decoder_layers - 1)
        self.layers = LayerList(self.layer_type(inputs, hidden) for inputs in input_sizes)
        self.norms = nn.ModuleList(_norm(config) for _ in self.layers)
        self.bridges = nn.ModuleList(nn.Linear(hidden, hidden) for _ in self.layers)
        self.readout = nn.Linear(2 * hidden, size)

    def encode(self, source: Tensor, source_mask: Tensor) -> AttentionMemory:
        values, summary = self.encoder(self.source_embedding(source), source_mask)
        return self.attention.build_memory(values, source_mask, summary)

    def start(self, memory: AttentionMemory) -> DecoderState:
        summary = memory.summary
        layers = tuple(
            layer.initial_state(torch.tanh(bridge(summary)))
            for layer, bridge in zip(self.layers, self.bridges, strict=True)
        )
        if not self.config.input_feeding:
            return DecoderState(layers, None)
        readout = summary.new_zeros(summary.shape[0], self.config.embedding_size)
        return DecoderState(layers, readout)

    def step(
        self, memory: AttentionMemory, state: DecoderState, token: Tensor
    ) -> tuple[Step, DecoderState]:
        embedded = self.target_embedding(token.unsqueeze(1)).squeeze(1)  # (N,D)
        nothing_dropped = DropoutMasks((None,) * len(self.layers), None)
        return self._step(memory, state, embedded, nothing_dropped)

    def decode(self, memory: AttentionMemory, target_in: Tensor) -> Decoded:
        embedded = self.target_embedding(target_in)  # (B,T,D)
        masks = self._draw_masks(target_in)
        if self.config.input_feeding:
            return self._unroll(memory, embedded, masks)
        state = self.start(memory)
        # The outputs of the first layer are the queries of the attention.
        outputs = self.layers[0](embedded, state.layers[0])  # (B,T,H)
        values = apply_mask(self.norms[0](outputs), masks.layers[0])
        context, weights = self.attention(values, memory)
        for number in range(1, len(self.layers)):
            inputs = torch.cat([values, context.to(values.dtype)], dim=-1)  # (B,T,2H)
            outputs = self.layers[number](inputs, state.layers[number])
            outputs = apply_mask(self.norms[number](outputs), masks.layers[number])
            values = _residual(self.config, values, outputs)
        readout = self._compute_readout(values, context, masks.readout)
        return Decoded(self.project(readout, memory), weights)

    def _step(
        self, memory: AttentionMemory, state: DecoderState, embedded: Tensor, masks: DropoutMasks
    ) -> tuple[Step, DecoderState]:
        """Does for one position, embedded (N,D), what `decode` does for all of them."""
        inputs = embedded
        if state.readout is not None:
            inputs = torch.cat([embedded, state.readout.to(embedded.dtype)], dim=-1)
        output, layer_state = self.layers[0].step(inputs, state.layers[0])
        layer_states = [layer_state]
        values = apply_mask(self.norms[0](output).unsqueeze(1), masks.layers[0])  # (N,1,H)
        context, weights = self.attention(values, memory)
        for number in range(1, len(self.layers)):
            inputs = torch.cat([values, context.to(values.dtype)], dim=-1).squeeze(1)  # (N,2H)
            output, layer_state = self.layers[number].step(inputs, state.layers[number])
            layer_states.append(layer_state)
            outputs = apply_mask(self.norms[number](output).unsqueeze(1), masks.layers[number])
            values = _residual(self.config, values, outputs)
        readout = self._compute_readout(values, context, masks.readout).squeeze(1)  # (N,D)
        attention = None if weights is None else weights.squeeze(1)
        next_readout = None if state.readout is None else readout
        step = Step(self.project(readout, memory), attention)
        return step, DecoderState(tuple(layer_states), next_readout)

    def _unroll(self, memory: AttentionMemory, embedded: Tensor, masks: DropoutMasks) -> Decoded:
        """Teacher forcing step by step: embedded (B,T,D)."""
        state = self.start(memory)
        steps: list[Step] = []
        for position in embedded.unbind(1):
            step, state = self._step(memory, state, position, masks)
            steps.append(step)
        return stack_steps(steps)

    def _compute_readout(self, values: Tensor, context: Tensor, mask: Tensor | None) -> Tensor:
        """values, context (N,T,H) -> readout (N,T,D) (Luong et al. 2015, equation 5)."""
        joined = torch.cat([values, context.to(values.dtype)], dim=-1)  # (N,T,2H)
        return apply_mask(torch.tanh(self.readout(joined)), mask)

    def _draw_masks(self, like: Tensor) -> DropoutMasks:
        """Draws the masks for the B rows of `like`, the layers' first."""
        config = self.config
        layers = tuple(
            variational_dropout_mask(like, config.hidden_size, config.dropout, self.training)
            for _ in self.layers
        )
        readout = variational_dropout_mask(
            like, config.embedding_size, config.dropout, self.training
        )
        return DropoutMasks(layers, readout)
