"""The encoder-decoder wiring that every recurrent cell shares: bidirectional encoder, attention, decoder.

Legend: B sentences, N rows, S source pieces, T target pieces, V vocabulary, D embedding size, H hidden size.

In training whole layers run over whole sequences. That is possible because the first decoder layer asks the attention
and its context is fed to the layers above (GNMT, Wu et al. 2016, section 3; RNMT+, Chen et al. 2018): no layer needs
the prediction of the step before. `input_feeding` (Luong et al. 2015, section 3.3) adds that dependency and so has to
run step by step.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from pydantic import ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models.attention import Attention, AttentionKind, AttentionMemory
from seq2seq.models.base import Decoded, Rows, Step, Vocabulary
from seq2seq.models.dropout import apply_mask, locked_mask
from seq2seq.models.embedding import PieceModel, Tying
from seq2seq.models.packing import Layout, Packable, Product


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig:
    """Sizes and regularisation of a recurrent encoder-decoder."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    family: str
    """The kind of cell."""
    embedding_size: int = 384
    """Size of piece embeddings, D."""
    hidden_size: int = 384
    """Size of a decoder layer, H; the encoder has H / 2 in each direction."""
    encoder_layers: int = 2
    """Bidirectional layers."""
    decoder_layers: int = 2
    """Layers; the first asks the attention."""
    attention: AttentionKind = "general"
    """`dot`, `general`, `additive`, or `none` (the sentence in one vector)."""
    input_feeding: bool = False
    """Feed the last readout to the first decoder layer. Slower: training runs step by step."""
    residual: bool = True
    """Add a layer's input to its output where the sizes agree."""
    layer_norm: bool = True
    """Normalise the output of every layer (Ba et al. 2016)."""
    dropout: float = 0.3
    """Share of units dropped, the same ones at every step of a sentence (Gal & Ghahramani 2016)."""
    word_dropout: float = 0.1
    """Share of source and target pieces whose embedding is dropped (Gal & Ghahramani 2016, section 4)."""
    tie_embeddings: Tying = "all"
    """Share the output matrix with the target embeddings (Press & Wolf 2017), or with both sides (joint tokenizer)."""

    def __post_init__(self) -> None:
        if min(self.embedding_size, self.hidden_size, self.encoder_layers, self.decoder_layers) < 1:
            raise ValueError("sizes and numbers of layers must be at least 1")
        if self.hidden_size % 2:
            raise ValueError("hidden_size must be even: half of it for each direction of the encoder")
        if not (0 <= self.dropout < 1 and 0 <= self.word_dropout < 1):
            raise ValueError("dropout and word_dropout must be at least 0 and below 1")


class RecurrentLayer(nn.Module, ABC):
    """One layer of one kind of cell, in two forms that a test holds equal: over a sequence, and one step."""

    @abstractmethod
    def forward(self, inputs: Tensor, state: Rows | None = None) -> Tensor:
        """inputs (B,T,I), from `state` or zeros -> outputs (B,T,H)."""

    @abstractmethod
    def step(self, inputs: Tensor, state: Rows) -> tuple[Tensor, Rows]:
        """inputs (N,I) -> output (N,H), the state after it."""

    @abstractmethod
    def initial_state(self, hidden: Tensor) -> Rows:
        """The state that begins with hidden (N,H)."""


class CellLayer(RecurrentLayer, Packable):
    """A layer around one of the library's cells."""

    cells: nn.RNNBase
    _joined: Product | None = None

    def weights(self) -> list[Tensor]:
        """W (gates * H,I), U (gates * H,H) and their biases."""
        return list(self.cells.parameters())

    def products(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """inputs (N,I), hidden (N,H) -> W x + b + U h + c, (N,gates * H)."""
        hidden = hidden.to(inputs.dtype)
        if self._joined is not None:
            return self._joined(torch.cat([inputs, hidden], dim=-1))
        w, u, b, c = self.weights()
        return functional.linear(inputs, w, b) + functional.linear(hidden, u, c)

    def pack(self, layout: Layout) -> None:
        w, u, b, c = self.weights()
        self._joined = layout(torch.cat([w, u], dim=1), b + c)


def initialise_cells(cells: nn.RNNBase, gates: int) -> None:
    """Orthogonal recurrent weights (Saxe et al. 2014), Glorot's uniform ones for the inputs, gate by gate; no biases."""
    for name, parameter in cells.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
        for gate in parameter.chunk(gates) if parameter.dim() > 1 else ():
            (nn.init.orthogonal_ if name.startswith("weight_hh") else nn.init.xavier_uniform_)(gate)


@dataclass(frozen=True)
class DecoderState(Rows):
    """The state of every layer, and the last readout (N,D) with input feeding."""

    layers: tuple[Rows, ...]
    readout: Tensor | None


@dataclass(frozen=True)
class Masks:
    """The dropout masks of one batch, held over all its steps; (B,1,size), or None where nothing is dropped."""

    layers: tuple[Tensor | None, ...]
    readout: Tensor | None


class Encoder(nn.Module):
    """Bidirectional layers. The backward direction reads each sentence reversed within its own length, so that padding
    comes last in both directions: no packing, and the whole sequence goes through the fused layer."""

    def __init__(self, config: RecurrentConfig, layer: type[RecurrentLayer]) -> None:
        super().__init__()
        self.config = config
        sizes = [config.embedding_size] + [config.hidden_size] * (config.encoder_layers - 1)
        half = config.hidden_size // 2
        self.forwards = nn.ModuleList(layer(size, half) for size in sizes)
        self.backwards = nn.ModuleList(layer(size, half) for size in sizes)
        self.norms = nn.ModuleList(_norm(config) for _ in sizes)
        if config.attention == "none":
            self.norms[-1] = nn.Identity()  # the summary alone is read, and it is taken before the norm

    def forward(self, embedded: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """embedded (B,S,D), mask (B,S) -> outputs (B,S,H), summary (B,H): the last state of both directions."""
        reverse = reversed_places(mask)
        values = embedded
        summary = values
        for forwards, backwards, norm in zip(self.forwards, self.backwards, self.norms, strict=True):
            ahead = forwards(values)
            back = backwards(gather_places(values, reverse))
            outputs = norm(torch.cat([ahead, gather_places(back, reverse)], dim=-1))
            # The last state of each direction stands at the last piece of what that direction read.
            last = (mask.sum(1, keepdim=True) - 1).clamp(min=0)
            summary = torch.cat([gather_places(ahead, last), gather_places(back, last)], dim=-1).squeeze(1)
            dropped = apply_mask(outputs, locked_mask(mask, outputs.shape[-1], self.config.dropout, self.training))
            values = _residual(self.config, values, dropped)
        return values, summary


def reversed_places(mask: Tensor) -> Tensor:
    """mask (B,S) true at pieces -> (B,S): place s of a sentence is read from length - 1 - s, padding stays where it is."""
    places = torch.arange(mask.shape[1], device=mask.device)
    return torch.where(mask, mask.sum(1, keepdim=True) - 1 - places, places)


def gather_places(values: Tensor, places: Tensor) -> Tensor:
    """values (B,S,E), places (B,P) -> (B,P,E)."""
    sentences, length = values.shape[:2]
    # Whole rows at a time, forward and backward; `gather` looks up every element.
    rows = places + torch.arange(sentences, device=places.device).unsqueeze(1) * length
    return values.flatten(0, 1).index_select(0, rows.flatten()).unflatten(0, places.shape)


def _norm(config: RecurrentConfig) -> nn.Module:
    return nn.LayerNorm(config.hidden_size) if config.layer_norm else nn.Identity()


def _residual(config: RecurrentConfig, inputs: Tensor, outputs: Tensor) -> Tensor:
    return inputs + outputs if config.residual and inputs.shape == outputs.shape else outputs


class RecurrentSeq2Seq(PieceModel[AttentionMemory, DecoderState]):
    """Encoder, attention and decoder for any `RecurrentLayer`; a family names its layer."""

    layer: type[RecurrentLayer]

    def __init__(self, config: RecurrentConfig, vocabulary: Vocabulary) -> None:
        hidden, size = config.hidden_size, config.embedding_size
        super().__init__(vocabulary, size, config)
        self.config = config
        self.encoder = Encoder(config, self.layer)
        self.attention = Attention(config.attention, hidden, hidden)
        self.attends = config.attention != "none"
        first = size + (size if config.input_feeding else 0)
        above = [2 * hidden] * (config.decoder_layers - 1)
        self.layers = nn.ModuleList(self.layer(inputs, hidden) for inputs in [first, *above])
        self.norms = nn.ModuleList(_norm(config) for _ in self.layers)
        self.bridges = nn.ModuleList(nn.Linear(hidden, hidden) for _ in self.layers)
        self.readout = nn.Linear(2 * hidden, size)

    def encode(self, source: Tensor, source_mask: Tensor) -> AttentionMemory:
        values, summary = self.encoder(self.source_embedding(source), source_mask)
        return self.attention.remember(values, source_mask, summary)

    def start(self, memory: AttentionMemory) -> DecoderState:
        layers = tuple(
            layer.initial_state(torch.tanh(bridge(memory.summary)))
            for layer, bridge in zip(self._layers(), self.bridges, strict=True)
        )
        readout = memory.summary.new_zeros(memory.summary.shape[0], self.config.embedding_size)
        return DecoderState(layers, readout if self.config.input_feeding else None)

    def step(self, memory: AttentionMemory, state: DecoderState, token: Tensor) -> tuple[Step, DecoderState]:
        embedded = self.target_embedding(token.unsqueeze(1)).squeeze(1)
        return self._step(memory, state, embedded, Masks((None,) * len(self.layers), None))

    def decode(self, memory: AttentionMemory, target_in: Tensor) -> Decoded:
        embedded = self.target_embedding(target_in)
        masks = self._masks(target_in)
        if self.config.input_feeding:
            return self._unroll(memory, embedded, masks)
        state = self.start(memory)
        # Layer 1 over the whole target: (B,T,D) -> (B,T,H); its outputs are the attention's queries.
        values = apply_mask(self.norms[0](self._layers()[0](embedded, state.layers[0])), masks.layers[0])
        context, weights = self.attention(values, memory)
        for number in range(1, len(self.layers)):
            outputs = self._layers()[number](torch.cat([values, context.to(values.dtype)], -1), state.layers[number])
            values = _residual(self.config, values, apply_mask(self.norms[number](outputs), masks.layers[number]))
        return Decoded(self._project(self._read(values, context, masks.readout), memory), weights)

    def _step(
        self, memory: AttentionMemory, state: DecoderState, embedded: Tensor, masks: Masks
    ) -> tuple[Step, DecoderState]:
        """embedded (N,D): what `decode` does, for one place."""
        inputs = embedded if state.readout is None else torch.cat([embedded, state.readout.to(embedded.dtype)], -1)
        cells, norms = self._layers(), list(self.norms)
        output, first = cells[0].step(inputs, state.layers[0])
        values = apply_mask(norms[0](output).unsqueeze(1), masks.layers[0])  # (N,1,H)
        context, weights = self.attention(values, memory)
        layers = [first]
        for number in range(1, len(cells)):
            inputs = torch.cat([values, context.to(values.dtype)], -1).squeeze(1)
            output, after = cells[number].step(inputs, state.layers[number])
            layers.append(after)
            outputs = apply_mask(norms[number](output).unsqueeze(1), masks.layers[number])
            values = _residual(self.config, values, outputs)
        readout = self._read(values, context, masks.readout).squeeze(1)
        step = Step(self._project(readout, memory), None if weights is None else weights.squeeze(1))
        return step, DecoderState(tuple(layers), None if state.readout is None else readout)

    def _unroll(self, memory: AttentionMemory, embedded: Tensor, masks: Masks) -> Decoded:
        """Teacher forcing with input feeding: one step after the other."""
        state, steps = self.start(memory), []
        for place in embedded.unbind(1):
            step, state = self._step(memory, state, place, masks)
            steps.append(step)
        attention = [step.attention for step in steps if step.attention is not None]
        return Decoded(torch.stack([s.logits for s in steps], 1), torch.stack(attention, 1) if attention else None)

    def _read(self, values: Tensor, context: Tensor, mask: Tensor | None) -> Tensor:
        """values, context (N,T,H) -> readout (N,T,D) (Luong et al. 2015, equation 5)."""
        return apply_mask(torch.tanh(self.readout(torch.cat([values, context.to(values.dtype)], dim=-1))), mask)

    def _masks(self, like: Tensor) -> Masks:
        config = self.config
        layers = tuple(locked_mask(like, config.hidden_size, config.dropout, self.training) for _ in self.layers)
        return Masks(layers, locked_mask(like, config.embedding_size, config.dropout, self.training))

    def _layers(self) -> list[RecurrentLayer]:
        return [layer for layer in self.layers if isinstance(layer, RecurrentLayer)]
