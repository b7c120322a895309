"""Text to text: the only place that decodes. N texts in, N translations out, whatever is in them."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from seq2seq.allocator import keep_freed_memory
from seq2seq.data.batching import pad
from seq2seq.data.cleaning import NormalForm, normalize_text
from seq2seq.data.tokenizer import BOS, COPY, EOS, PAD, RESERVED, UNK, Tokenizer
from seq2seq.decoding.search import Hypothesis, SearchConfig, beam_search
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.models import Seq2Seq
from seq2seq.models.packing import WeightFormat

# A break after the end of a sentence, for texts longer than what the model has been trained on. Scripts with wide marks
# have no spaces.
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*(?=\S)")
_WIDE_MARKS = tuple("。！？")
_LETTER_OR_DIGIT = re.compile(r"\w")


@dataclass(frozen=True)
class Alternative:
    """One translation of a text, its score (the best is highest), and what its attention saw: the source pieces (S),
    the target pieces (T, with </s>) and the weights (T,S); these only if asked for."""

    text: str
    score: float
    source_pieces: list[str] | None = None
    target_pieces: list[str] | None = None
    attention: Tensor | None = None


@dataclass(frozen=True)
class Translation:
    """The text as given, and its translations, best first (none for an empty text)."""

    source: str
    alternatives: list[Alternative]

    @property
    def text(self) -> str:
        """The best translation; empty for an empty text."""
        return self.alternatives[0].text if self.alternatives else ""


@dataclass(frozen=True)
class _Segment:
    """A piece of a text that is searched at once: its number, and what stands in its copy slots."""

    text: int
    ids: list[int]
    copied: list[str]


class Translator:
    """A model, its tokenizer and how to search. `pipeline.load_translator` makes one from a run folder.

    With `workers` above 1 as many batches are searched at once, with one thread each, which on a CPU is faster than all
    threads on the small operations of one. `precision` says what the model's weights have been made.
    """

    def __init__(
        self,
        model: Seq2Seq[Any, Any],
        tokenizer: Tokenizer,
        search: SearchConfig,
        *,
        normalize: NormalForm = "nfc",
        max_source: int = 128,
        shortlist: Shortlist | None = None,
        workers: int = 1,
        precision: WeightFormat = "float32",
    ) -> None:
        keep_freed_memory()
        self.model = model
        self.tokenizer = tokenizer
        self.search = search
        self.normalize = normalize
        self.max_source = max_source
        self.shortlist = shortlist
        self.workers = workers
        self.precision = precision
        self.device = next(model.parameters()).device

    @classmethod
    def load(cls, run: Any, **changes: Any) -> "Translator":
        """Reads a run folder; `changes` are fields of SearchConfig (beam=1, nbest=5, …)."""
        # The one look upwards: what a run folder holds is the pipeline's knowledge, but people expect `load` here.
        from seq2seq.pipeline import load_translator

        return load_translator(run, **changes)

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """The best translation of each text."""
        return [translation.text for translation in self.translate(texts)]

    def translate(
        self,
        texts: Sequence[str],
        *,
        attention: bool = False,
        progress: Callable[[int, int], None] = lambda done, total: None,
        **changes: Any,
    ) -> list[Translation]:
        """`changes` are fields of SearchConfig for this call; `progress` is told how many texts of how many are done."""
        search = replace(self.search, **changes) if changes else self.search
        # 1. Normalise as in training; divide what is longer than training ever saw; put unknown characters in slots.
        segments = [segment for number, text in enumerate(texts) for segment in self._segments(number, text)]
        # 2. Search segments of like length together.
        found: list[list[Alternative]] = [[] for _ in segments]
        left = Counter(segment.text for segment in segments)
        was_training = self.model.training
        self.model.eval()
        batches = list(self._batches(segments, search))
        results = self._each(batches, lambda batch: self._search([segments[i] for i in batch], search, attention))
        for batch, results_of_batch in zip(batches, results, strict=True):
            for i, alternatives in zip(batch, results_of_batch, strict=True):
                found[i] = alternatives
            left.subtract(segments[i].text for i in batch)
            progress(len(texts) - sum(count > 0 for count in left.values()), len(texts))
        self.model.train(was_training)
        # 3. Put the segments of each text together again.
        parts: list[list[list[Alternative]]] = [[] for _ in texts]
        for segment, alternatives in zip(segments, found, strict=True):
            parts[segment.text].append(alternatives)
        return [Translation(text, _join(part)) for text, part in zip(texts, parts, strict=True)]

    def _each(
        self, batches: list[list[int]], search: Callable[[list[int]], list[list[Alternative]]]
    ) -> Iterator[list[list[Alternative]]]:
        """What `search` finds for each batch, in order."""
        if min(self.workers, len(batches)) < 2:
            yield from map(search, batches)
            return
        threads = torch.get_num_threads()
        pool = ThreadPoolExecutor(self.workers, initializer=torch.set_num_threads, initargs=(1,))
        try:
            yield from pool.map(search, batches)
        finally:
            # After an error or Ctrl-C, what has not begun is not begun any more.
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)

    def _segments(self, number: int, text: str) -> Iterator[_Segment]:
        clean = normalize_text(text, self.normalize)
        for part in self._divide(clean) if clean else []:
            if not any(character.isalnum() for character in part):
                # Nothing to translate in "…" or "😀": it is carried over as it is.
                yield _Segment(number, [], [part])
                continue
            unknown = self.tokenizer.unknown_characters(part, "source") | {*RESERVED}
            run = re.compile("[" + re.escape("".join(sorted(unknown))) + "]+")
            copied = run.findall(part)
            slotted = run.sub(COPY, part)
            if copied and not _LETTER_OR_DIGIT.search(slotted.replace(COPY, "")):
                yield _Segment(number, [], [part])
                continue
            yield _Segment(number, self.tokenizer.encode([slotted], "source")[0][: self.max_source - 1], copied)

    def _divide(self, text: str) -> list[str]:
        """Parts of at most `max_source` pieces: cut after sentences, else at spaces, else anywhere."""
        if len(text) < self.max_source // 4 or len(self.tokenizer.encode([text], "source")[0]) < self.max_source:
            return [text]
        sentences = _SENTENCE_END.split(text)
        if len(sentences) > 1:
            return [part for group in self._group(sentences) for part in self._divide(group)]
        words = text.split(" ")
        if len(words) > 1:
            middle = len(words) // 2
            return self._divide(" ".join(words[:middle])) + self._divide(" ".join(words[middle:]))
        if len(text) == 1:
            return [text]
        return self._divide(text[: len(text) // 2]) + self._divide(text[len(text) // 2 :])

    def _group(self, sentences: list[str]) -> list[str]:
        """Neighbouring sentences together as long as they fit."""
        groups, size = [sentences[0]], len(self.tokenizer.encode(sentences[:1], "source")[0])
        for sentence in sentences[1:]:
            length = len(self.tokenizer.encode([sentence], "source")[0])
            # Half of the limit: long inputs are rare in training, and models are weak on them.
            if size + length < self.max_source // 2:
                groups[-1], size = _joined([groups[-1], sentence]), size + length
            else:
                groups.append(sentence)
                size = length
        return groups

    def _batches(self, segments: list[_Segment], search: SearchConfig) -> Iterator[list[int]]:
        """Numbers of segments, longest first, at most `batch_tokens` padded pieces (times beam) together.

        Those with copy slots go apart: only they may say one, and a text must not depend on its neighbours.
        """
        order = sorted(range(len(segments)), key=lambda i: (bool(segments[i].copied), -len(segments[i].ids)))
        batch: list[int] = []
        for i in order:
            first = segments[batch[0] if batch else i]
            tokens = (len(batch) + 1) * (len(first.ids) + 1) * search.beam
            if batch and (tokens > search.batch_tokens or bool(first.copied) != bool(segments[i].copied)):
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    def _search(self, rows: list[_Segment], search: SearchConfig, attention: bool) -> list[list[Alternative]]:
        searched = [row for row in rows if row.ids]
        results: Iterator[list[Hypothesis]] = iter([])
        if searched:
            source = pad([[*row.ids, EOS] for row in searched]).to(self.device)
            forbidden = [PAD, UNK] + ([] if any(row.copied for row in searched) else self._copy_piece())
            keep = attention or any(row.copied for row in searched)
            found = beam_search(
                self.model,
                source,
                source != PAD,
                search,
                bos=BOS,
                eos=EOS,
                forbidden=forbidden,
                keep_attention=keep,
                candidates=None if self.shortlist is None else self.shortlist.candidates(source, forbidden),
            )
            results = iter(found)
        return [
            [self._alternative(row, hypothesis, attention) for hypothesis in next(results)]
            if row.ids
            else [Alternative(row.copied[0], 0.0)]
            for row in rows
        ]

    def _copy_piece(self) -> list[int]:
        return self.tokenizer.encode([COPY], "target")[0][-1:]

    def _alternative(self, row: _Segment, hypothesis: Hypothesis, attention: bool) -> Alternative:
        # A translation is one line, whatever bytes the model has spelled.
        text = " ".join(self.tokenizer.decode([hypothesis.tokens])[0].split())
        if row.copied or COPY in text:
            text = self._fill_slots(text, row, hypothesis)
        if not attention or hypothesis.attention is None:
            return Alternative(text, hypothesis.score)
        source_pieces = [*self.tokenizer.pieces(row.ids, "source"), "</s>"]
        target_pieces = [*self.tokenizer.pieces(hypothesis.tokens, "target"), "</s>"]
        weights = hypothesis.attention[:, : len(source_pieces)]
        return Alternative(text, hypothesis.score, source_pieces, target_pieces, weights)

    def _fill_slots(self, text: str, row: _Segment, hypothesis: Hypothesis) -> str:
        """Each slot of the translation gets the text of the source slot that its attention saw most."""
        copy = set(self._copy_piece())
        places = [place for place, piece in enumerate(row.ids) if piece in copy]
        left = list(range(min(len(places), len(row.copied))))
        fillings = []
        for token, piece in enumerate(hypothesis.tokens):
            if piece not in copy:
                continue
            filling = ""
            if left:
                weights = None if hypothesis.attention is None else hypothesis.attention[token]
                best = left[0] if weights is None else max(left, key=lambda slot: float(weights[places[slot]]))
                filling = row.copied[best]
                left.remove(best)
            fillings.append(filling)
        # All at once: what is filled in may hold the slot's own character.
        filled = iter(fillings)
        return " ".join(re.sub(COPY, lambda slot: next(filled, ""), text).split())


def _join(parts: list[list[Alternative]]) -> list[Alternative]:
    """The alternatives of a text from those of its segments: the n-th of each."""
    if len(parts) <= 1:
        return parts[0] if parts else []
    count = min((len(part) for part in parts if len(part) > 1), default=1)
    joined = []
    for rank in range(count):
        chosen = [part[min(rank, len(part) - 1)] for part in parts if part]
        joined.append(Alternative(_joined([c.text for c in chosen]), sum(c.score for c in chosen)))
    return joined


def _joined(texts: Sequence[str]) -> str:
    """With a space between them, but after a wide mark."""
    whole = ""
    for text in filter(None, texts):
        whole += text if not whole or whole.endswith(_WIDE_MARKS) else f" {text}"
    return whole
