"""Text to text. N texts in, N translations out, whatever the texts contain.

Legend
    B  segments that are searched together
    S  source tokens
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch

from seq2seq.config.data import NormalForm
from seq2seq.config.search import SearchConfig
from seq2seq.data.batching import pad
from seq2seq.decoding.copy_slots import CopySlots
from seq2seq.decoding.search import Hypothesis, beam_search
from seq2seq.decoding.segmentation import Segmenter
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.decoding.translation import (
    Alternative,
    Translation,
    join_segments,
    join_sentences,
)
from seq2seq.models import Seq2Seq
from seq2seq.models.layers.prepack import WeightFormat
from seq2seq.text.normalization import fold_spaces, normalize_characters
from seq2seq.text.sentences import Sentence, SentenceSplitter
from seq2seq.text.tokenizer import BOS, COPY, EOS, PAD, UNK, Tokenizer

__all__ = ["Alternative", "Translation", "Translator"]


@dataclass(frozen=True)
class _Segment:
    """A sentence, or a part of a long one, that is translated at once.

    Attributes:
        text_number: which of the texts it is a part of.
        sentence_number: which of all sentences it is a part of.
        tokens: source tokens without </s>. Empty if there is nothing to translate, as in "…".
        copied: what the copy slots stand for, or the whole part if there is nothing to translate.
    """

    text_number: int
    sentence_number: int
    tokens: list[int]
    copied: list[str]


class Translator:
    """A model, its tokenizer and the settings of search. `seq2seq.load` makes one from a run."""

    def __init__(
        self,
        model: Seq2Seq,
        tokenizer: Tokenizer,
        search: SearchConfig,
        *,
        sentences: SentenceSplitter | None = None,
        normalize: NormalForm = "nfc",
        max_source_tokens: int = 128,
        shortlist: Shortlist | None = None,
        workers: int = 1,
        precision: WeightFormat = "float32",
    ) -> None:
        """
        Args:
            model: a model or an ensemble.
            tokenizer: the tokenizer that the model was trained with.
            search: the settings of search.
            sentences: divides a text into the sentences that are translated. None leaves a text as
                a whole.
            normalize: the Unicode form of the training text.
            max_source_tokens: longer sentences are divided. </s> counts.
            shortlist: limits the output to likely tokens, for speed.
            workers: how many batches are searched at the same time, with one thread each. On a
                CPU this is faster than all threads on one batch.
            precision: the number format of the model's weights, for reports.
        """
        self.model = model
        self.tokenizer = tokenizer
        self.search = search
        self.sentences = sentences
        self.normalize = normalize
        self.max_source_tokens = max_source_tokens
        self.shortlist = shortlist
        self.workers = workers
        self.precision = precision
        self.device = next(model.parameters()).device
        self._segmenter = Segmenter(tokenizer, max_source_tokens)
        self._copy_slots = CopySlots(tokenizer)

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Returns the best translation of each text."""
        return [translation.text for translation in self.translate(texts)]

    def translate(
        self,
        texts: Sequence[str],
        *,
        attention: bool = False,
        progress: Callable[[int, int], None] = lambda done, total: None,
        **changes: Any,
    ) -> list[Translation]:
        """Translates texts.

        Args:
            texts: N texts.
            attention: whether the results contain tokens and attention weights.
            progress: called with the number of finished texts and N.
            **changes: fields of SearchConfig for this call only, such as beam=1.

        Returns:
            N translations, in the order of the texts.

        Raises:
            pydantic.ValidationError: a change has a bad value.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be a list of texts. For one text, write translate([text]).")
        search = self.search.replace(**changes) if changes else self.search
        # 1. Normalize as in training and divide the texts into sentences.
        sentences_of_texts = [self._sentences_of(text) for text in texts]
        # 2. Divide long sentences, put unknown characters into copy slots.
        segments: list[_Segment] = []
        num_sentences = 0
        for text_number, sentences in enumerate(sentences_of_texts):
            for sentence in sentences:
                segments.extend(self._segments_of(text_number, num_sentences, sentence))
                num_sentences += 1
        # 3. Search segments of similar length together.
        was_training = self.model.training
        self.model.eval()
        try:
            results = self._translate_segments(segments, len(texts), search, attention, progress)
        finally:
            self.model.train(was_training)
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
        return self.sentences.split(normalized)

    def _segments_of(
        self, text_number: int, sentence_number: int, sentence: Sentence
    ) -> Iterator[_Segment]:
        for part in self._segmenter.divide(fold_spaces(sentence.text)):
            if not any(character.isalnum() for character in part.text):
                # "…" and "😀" are carried over unchanged.
                yield _Segment(text_number, sentence_number, [], [part.text])
                continue
            slotted = self._copy_slots.make(part.text)
            if slotted.copied and not slotted.has_words:
                yield _Segment(text_number, sentence_number, [], [part.text])
                continue
            tokens = part.tokens
            if slotted.copied:
                tokens = self.tokenizer.encode([slotted.text], "source")[0]
            yield _Segment(
                text_number, sentence_number, tokens[: self.max_source_tokens - 1], slotted.copied
            )

    # -- segments to batches -----------------------------------------------------------------------

    def _translate_segments(
        self,
        segments: list[_Segment],
        text_count: int,
        search: SearchConfig,
        attention: bool,
        progress: Callable[[int, int], None],
    ) -> list[list[Alternative]]:
        """Returns the alternatives of each segment."""
        batches = list(_batches(segments, search))
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
        if min(self.workers, len(batches)) < 2:
            yield from map(search_batch, batches)
            return
        threads = torch.get_num_threads()
        pool = ThreadPoolExecutor(self.workers, initializer=torch.set_num_threads, initargs=(1,))
        try:
            yield from pool.map(search_batch, batches)
        finally:
            # After an error or Ctrl-C, batches that have not started yet are dropped.
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)

    # -- search and detokenization -----------------------------------------------------------------

    def _search(
        self, segments: list[_Segment], search: SearchConfig, attention: bool
    ) -> list[list[Alternative]]:
        """Translates one batch."""
        to_search = [segment for segment in segments if segment.tokens]
        hypotheses = iter(self._beam_search(to_search, search, attention))
        results = []
        for segment in segments:
            if not segment.tokens:
                results.append([Alternative(segment.copied[0], 0.0)])
                continue
            alternatives = []
            for hypothesis in next(hypotheses):
                alternatives.append(self._alternative(segment, hypothesis, attention))
            results.append(alternatives)
        return results

    def _beam_search(
        self, segments: list[_Segment], search: SearchConfig, attention: bool
    ) -> list[list[Hypothesis]]:
        if not segments:
            return []
        source = pad([[*segment.tokens, EOS] for segment in segments]).to(self.device)  # (B,S)
        # A slot in the translation needs a slot in the source, and attention to find it.
        has_slots = any(segment.copied for segment in segments)
        forbidden = [PAD, UNK]
        if not has_slots:
            forbidden.append(self._copy_slots.token)
        candidates = None
        if self.shortlist is not None:
            candidates = self.shortlist.candidates(source, forbidden)
        return beam_search(
            self.model,
            source,
            source != PAD,
            search,
            bos=BOS,
            eos=EOS,
            forbidden=forbidden,
            keep_attention=attention or has_slots,
            candidates=candidates,
        )

    def _alternative(
        self, segment: _Segment, hypothesis: Hypothesis, attention: bool
    ) -> Alternative:
        decoded = self.tokenizer.decode([hypothesis.tokens])[0]
        # A translation is one line, even if the model has spelled a line feed.
        text = " ".join(decoded.split())
        if segment.copied or COPY in text:
            text = self._copy_slots.fill(
                text, segment.copied, segment.tokens, hypothesis.tokens, hypothesis.attention
            )
        if not attention or hypothesis.attention is None:
            return Alternative(text, hypothesis.score)
        source_tokens = [*self.tokenizer.tokens(segment.tokens, "source"), "</s>"]
        target_tokens = [*self.tokenizer.tokens(hypothesis.tokens, "target"), "</s>"]
        weights = hypothesis.attention[:, : len(source_tokens)]  # without padding
        return Alternative(text, hypothesis.score, source_tokens, target_tokens, weights)


def _batches(segments: list[_Segment], search: SearchConfig) -> Iterator[list[int]]:
    """Yields batches of segment numbers, longest first.

    The padded source tokens of a batch times the beam are at most `batch_tokens`. Segments with
    copy slots are in batches of their own: only they may produce slots, and a translation must not
    depend on its batch.
    """

    def sort_key(number: int) -> tuple[bool, int]:
        segment = segments[number]
        return bool(segment.copied), -len(segment.tokens)

    batch: list[int] = []
    for number in sorted(range(len(segments)), key=sort_key):
        if batch:
            longest = segments[batch[0]]
            padded_tokens = (len(batch) + 1) * (len(longest.tokens) + 1)
            is_full = padded_tokens * search.beam > search.batch_tokens
            is_other_kind = bool(longest.copied) != bool(segments[number].copied)
            if is_full or is_other_kind:
                yield batch
                batch = []
        batch.append(number)
    if batch:
        yield batch
