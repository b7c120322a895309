"""Search with a torch model: for validation while training, for GPUs, and for run folders.

Legend
    B  sentences in memory
    N  rows: the open hypotheses
    C  candidates of a sentence
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from seq2seq.decoding.beam_layout import BeamLayout
from seq2seq.decoding.engine import MINUS_INFINITY, Booleans, Floats, Integers
from seq2seq.decoding.engines.torch_layout import TensorLayout
from seq2seq.decoding.engines.torch_next_tokens import TorchNextTokens
from seq2seq.models import Memory, Rows, Seq2Seq


class TorchEngine:
    """Computes with a torch model; see `engine.Engine`."""

    def __init__(self, model: Seq2Seq, workers: int = 1) -> None:
        """
        Args:
            model: a model or an ensemble.
            workers: how many batches are searched at the same time, with one thread each. On a
                CPU this is faster than all threads on one batch.
        """
        self.model = model
        self.workers = workers

    @torch.inference_mode()
    def start(
        self,
        source: Integers,
        source_mask: Booleans,
        *,
        never: Sequence[int],
        candidates: Integers | None,
        keep_attention: bool,
        beam: int,
    ) -> "TorchDecoding":
        device = next(self.model.parameters()).device
        tokens = torch.from_numpy(source).to(device)
        memory = self.model.encode(tokens, torch.from_numpy(source_mask).to(device))
        return TorchDecoding(
            self.model,
            memory,
            self.model.start(memory),
            TensorLayout(len(source), 1),
            device=device,
            never=never,
            candidates=candidates,
            keep_attention=keep_attention,
        )

    @contextmanager
    def translating(self) -> Iterator[None]:
        was_training = self.model.training
        threads = torch.get_num_threads()
        self.model.eval()
        try:
            yield
        finally:
            self.model.train(was_training)
            if self.workers > 1:
                torch.set_num_threads(threads)

    def use_one_thread(self) -> None:
        torch.set_num_threads(1)


class TorchDecoding:
    """Memory and state of a batch; see `engine.Decoding`."""

    def __init__(
        self,
        model: Seq2Seq,
        memory: Memory,
        state: Rows,
        layout: TensorLayout,
        *,
        device: torch.device,
        never: Sequence[int],
        candidates: Integers | None,
        keep_attention: bool,
    ) -> None:
        """The arguments are those of `TorchEngine.start`, and what the model made of them."""
        self._device = device
        self._whole_model = model
        self._model = model
        self._never = torch.tensor(never, device=device)
        self._candidates: torch.Tensor | None = None
        self._keep_attention = keep_attention
        if candidates is not None:
            self._set_candidates(torch.from_numpy(candidates).to(device))
        self._memory = memory
        self._state = state
        self._set_layout(layout)

    @torch.inference_mode()
    def step(self, tokens: Integers) -> tuple[TorchNextTokens, Floats | None]:
        last_tokens = torch.from_numpy(tokens).to(self._device)
        step, self._state = self._model.step(self._memory, self._state, last_tokens)
        attention = None
        if self._keep_attention and step.attention is not None:
            attention = step.attention.float().cpu().numpy()
        if self._candidates is None:
            return TorchNextTokens(step.logits, self._layout, self._never), attention
        # Padding is masked before normalization, so it takes no share of the probability.
        padding = self._layout.expand(self._is_padding)  # (N,C)
        logits = step.logits.masked_fill_(padding, MINUS_INFINITY)
        return TorchNextTokens(logits, self._layout), attention

    @torch.inference_mode()
    def select(self, rows: Integers, sentences: Integers | None, layout: BeamLayout) -> None:
        self._state = self._state.select(torch.from_numpy(rows).to(self._device))
        if sentences is not None:
            memory_rows = torch.from_numpy(sentences).to(self._device)
            self._memory = self._memory.select(memory_rows)
            if self._candidates is not None:
                self._set_candidates(self._candidates[memory_rows])
        self._set_layout(TensorLayout.of(layout, self._device))

    def _set_candidates(self, candidates: torch.Tensor) -> None:
        self._candidates = candidates
        self._is_padding = candidates == self._never[0]  # (B,C)
        self._model = self._whole_model.with_candidates(candidates)

    def _set_layout(self, layout: TensorLayout) -> None:
        self._layout = layout
        self._memory = self._memory.with_layout(layout)
