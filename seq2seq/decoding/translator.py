"""Text to text. N texts in, N translations out, whatever the texts contain.

Legend
    B  segments that are searched together
    S  source tokens
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from seq2seq.decoding.engine import Engine, Integers
from seq2seq.decoding.search import Hypothesis, beam_search
from seq2seq.decoding.segmentation import Segmenter
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.decoding.translation import (
    Alternative,
    Translation,
    join_segments,
    join_sentences,
)
from seq2seq.settings import NormalForm, SearchSettings
from seq2seq.text.blocks import divide_at_blocks
from seq2seq.text.layer import SourceText, TextLayer
from seq2seq.text.normalization import normalize_characters
from seq2seq.text.sentences import Sentence, SentenceSplitter
from seq2seq.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

__all__ = ["Alternative", "Translation", "Translator"]


# So few segments are not worth the start of a thread.
_FEWEST_TO_SHARE = 4


@dataclass(frozen=True)
class _Segment:
    """A sentence, or a part of a long one, that is translated at once.

    Attributes:
        text_number: which of the texts it is a part of.
        sentence_number: which of all sentences it is a part of.
        source: what the model reads. It has no tokens if there is nothing to translate, as in "…".
    """

    text_number: int
    sentence_number: int
    source: SourceText


class Translator:
    """A model, its tokenizer and the settings of search. `seq2seq.load` makes one from a run."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        search: SearchSettings,
        *,
        layer: TextLayer,
        sentences: SentenceSplitter | None = None,
        normalize: NormalForm = "nfc",
        max_source_tokens: int = 128,
        shortlist: Shortlist | None = None,
        precision: str = "float32",
    ) -> None:
        """
        Args:
            engine: computes a model or an ensemble.
            tokenizer: the tokenizer that the model was trained with.
            search: the settings of search.
            layer: prepares sentences for the model.
            sentences: divides a text into the sentences that are translated. None leaves a text as
                a whole.
            normalize: the Unicode form of the training text.
            max_source_tokens: longer sentences are divided. </s> counts.
            shortlist: limits the output to likely tokens, for speed.
            precision: the number format of the model's weights, for reports.
        """
        self.engine = engine
        self.tokenizer = tokenizer
        self.search = search
        self.sentences = sentences
        self.normalize = normalize
        self.max_source_tokens = max_source_tokens
        self.shortlist = shortlist
        self.precision = precision
        self._layer = layer
        self._segmenter = Segmenter(layer, max_source_tokens)

    def __call__(self, texts: Iterable[str]) -> list[str]:
        """Returns the best translation of each text. For arguments and errors see `translate`."""
        return [translation.text for translation in self.translate(texts)]

    def translate(
        self,
        texts: Iterable[str],
        *,
        attention: bool = False,
        progress: Callable[[int, int], None] = lambda done, total: None,
        **changes: Any,
    ) -> list[Translation]:
        """Translates texts.

        Args:
            texts: N texts in an order: a list, a tuple, an iterator. All are read before the first
                is translated.
            attention: whether the results contain tokens and attention weights.
            progress: called with the number of finished texts and N.
            **changes: fields of SearchSettings for this call only, such as beam=1.

        Returns:
            N translations, in the order of the texts.

        Raises:
            TypeError: `texts` is no list of texts.
            UserError: a change has a bad value.
        """
        texts = _checked(texts)
        search = self.search.replace(**changes) if changes else self.search
        # 1. Normalize as in training and divide the texts into sentences.
        sentences_of_texts = [self._sentences_of(text) for text in texts]
        # 2. Divide long sentences, and put what must not change into slots.
        segments: list[_Segment] = []
        num_sentences = 0
        for text_number, sentences in enumerate(sentences_of_texts):
            for sentence in sentences:
                segments.extend(self._segments_of(text_number, num_sentences, sentence))
                num_sentences += 1
        # 3. Search segments of similar length together.
        with self.engine.translating():
            results = self._translate_segments(segments, len(texts), search, attention, progress)
        # 4. Join the segments of each sentence, and the sentences of each text.
        parts: list[list[list[Alternative]]] = [[] for _ in range(num_sentences)]
        for segment, alternatives in zip(segments, results, strict=True):
            parts[segment.sentence_number].append(alternatives)
        translated = map(join_segments, parts)
        translations = []
        for text, sentences in zip(texts, sentences_of_texts, strict=True):
            sentence_parts = list(itertools.islice(translated, len(sentences)))
            translations.append(Translation(text, join_sentences(sentence_parts, sentences)))
        return translations

    # -- text to segments --------------------------------------------------------------------------

    def _sentences_of(self, text: str) -> list[Sentence]:
        normalized = normalize_characters(text, self.normalize)
        if not normalized:
            return []
        if self.sentences is None:
            return [Sentence(normalized)]
        sentences = itertools.chain(*map(divide_at_blocks, self.sentences.split(normalized)))
        return self._segmenter.whole_spans(list(sentences))

    def _segments_of(
        self, text_number: int, sentence_number: int, sentence: Sentence
    ) -> Iterator[_Segment]:
        for source in self._segmenter.divide(self._layer.fold_spaces(sentence.text)):
            yield _Segment(text_number, sentence_number, source)

    # -- segments to batches -----------------------------------------------------------------------

    def _translate_segments(
        self,
        segments: list[_Segment],
        text_count: int,
        search: SearchSettings,
        attention: bool,
        progress: Callable[[int, int], None],
    ) -> list[list[Alternative]]:
        """Returns the alternatives of each segment."""
        batches = list(_batches(segments, search, self.engine.workers))
        results: list[list[Alternative]] = [[] for _ in segments]
        # How many segments of each text are not translated yet.
        remaining = Counter(segment.text_number for segment in segments)

        def search_batch(batch: list[int]) -> list[list[Alternative]]:
            return self._search([segments[number] for number in batch], search, attention)

        batch_results = self._map_batches(search_batch, batches)
        for batch, alternatives_of_batch in zip(batches, batch_results, strict=True):
            for number, alternatives in zip(batch, alternatives_of_batch, strict=True):
                results[number] = alternatives
                remaining[segments[number].text_number] -= 1
            unfinished = sum(count > 0 for count in remaining.values())
            progress(text_count - unfinished, text_count)
        return results

    def _map_batches(
        self,
        search_batch: Callable[[list[int]], list[list[Alternative]]],
        batches: list[list[int]],
    ) -> Iterator[list[list[Alternative]]]:
        """Yields the result of each batch, in order. Several batches run at the same time."""
        workers = self.engine.workers
        if min(workers, len(batches)) < 2:
            yield from map(search_batch, batches)
            return
        pool = ThreadPoolExecutor(workers, initializer=self.engine.use_one_thread)
        try:
            yield from pool.map(search_batch, batches)
        finally:
            # After an error or Ctrl-C, batches that have not started yet are dropped.
            pool.shutdown(cancel_futures=True)

    # -- search and detokenization -----------------------------------------------------------------

    def _search(
        self, segments: list[_Segment], search: SearchSettings, attention: bool
    ) -> list[list[Alternative]]:
        """Translates one batch."""
        to_search = [segment.source for segment in segments if segment.source.tokens]
        hypotheses = iter(self._beam_search(to_search, search, attention))
        results = []
        for segment in segments:
            source = segment.source
            if not source.tokens:
                results.append([Alternative(self._layer.carried_over(source), 0.0)])
                continue
            alternatives = []
            for hypothesis in next(hypotheses):
                alternatives.append(self._alternative(source, hypothesis, attention))
            results.append(alternatives)
        return results

    def _beam_search(
        self, sources: list[SourceText], search: SearchSettings, attention: bool
    ) -> list[list[Hypothesis]]:
        if not sources:
            return []
        rows = [[*self._tokens(source), EOS] for source in sources]
        source = _pad(rows)  # (B,S)
        slots = [self._layer.slots_of(text) for text in sources]
        all_slots = list(self._layer.slot_tokens.values())
        forbidden_of = [self._layer.forbidden_tokens(text) for text in sources]
        candidates = None
        if self.shortlist is not None:
            candidates = self.shortlist.candidates(
                source, [PAD, UNK, *all_slots], slots, forbidden_of
            )
        return beam_search(
            self.engine,
            source,
            source != PAD,
            search,
            bos=BOS,
            eos=EOS,
            forbidden=[PAD, UNK],
            forbidden_of=forbidden_of,
            keep_attention=attention or any(text.needs_attention for text in sources),
            candidates=candidates,
            slots=slots if any(slots) else None,
            all_slots=all_slots,
        )

    def _tokens(self, source: SourceText) -> tuple[int, ...]:
        """Returns the tokens, cut where a single character of a text is longer than the limit."""
        return source.tokens[: self.max_source_tokens - 1]

    def _alternative(
        self, source: SourceText, hypothesis: Hypothesis, attention: bool
    ) -> Alternative:
        weights = hypothesis.attention
        text = self._layer.finish(source, hypothesis.tokens, weights)
        if not attention or weights is None:
            return Alternative(text, hypothesis.score)
        source_tokens, target_tokens = self._layer.shown_tokens(
            source, self._tokens(source), hypothesis.tokens
        )
        weights = weights[:, : len(source_tokens) + 1]  # without padding
        return Alternative(
            text, hypothesis.score, [*source_tokens, "</s>"], [*target_tokens, "</s>"], weights
        )


def _checked(texts: object) -> list[str]:
    """Returns the texts of a list, a tuple, an iterator.

    Raises:
        TypeError: it has no order, or it contains something that is no text.
    """
    if isinstance(texts, str):
        raise TypeError("texts must be a list of texts. For one text, write translate([text]).")
    if not isinstance(texts, Iterable) or isinstance(texts, Mapping | Set | bytes | bytearray):
        raise TypeError(f"texts must be a list of texts, not {type(texts).__name__}.")
    checked: list[str] = []
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(
                f"texts[{len(checked)}] must be a text (str), not {type(text).__name__}."
            )
        checked.append(text)
    return checked


def _batches(segments: list[_Segment], search: SearchSettings, workers: int) -> Iterator[list[int]]:
    """Yields batches of segment numbers, longest first.

    The padded source tokens of a batch times the beam are at most `batch_tokens`, and less if some
    of the workers would have nothing to do. Segments with tags are in batches of their own: the
    others need no attention.
    """

    def kind(number: int) -> bool:
        return segments[number].source.needs_attention

    def length(number: int) -> int:
        return len(segments[number].source.tokens)

    most_tokens = search.batch_tokens
    if len(segments) >= _FEWEST_TO_SHARE:
        total = search.beam * sum(length(number) + 1 for number in range(len(segments)))
        most_tokens = min(most_tokens, -(-total // workers))
    batch: list[int] = []
    for number in sorted(range(len(segments)), key=lambda number: (kind(number), -length(number))):
        if batch:
            padded_tokens = (len(batch) + 1) * (length(batch[0]) + 1)
            is_full = padded_tokens * search.beam > most_tokens
            if is_full or kind(batch[0]) != kind(number):
                yield batch
                batch = []
        batch.append(number)
    if batch:
        yield batch


def _pad(rows: Sequence[Sequence[int]]) -> Integers:
    """B rows of tokens -> (B,S), with PAD at the end of short rows."""
    padded = np.full((len(rows), max(map(len, rows))), PAD, dtype=np.int64)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    return padded
