"""The shortlist against sets, its lexicon against expectation maximisation in dictionaries, search with it against search
of one sentence at a time among the same pieces."""

import random
from collections import defaultdict

import pytest
import torch
from fakes import TableModel, source_of

from seq2seq.data.alignment import learn_lexicon
from seq2seq.data.tokenizer import BOS, EOS, PAD, UNK
from seq2seq.decoding.search import SearchConfig, beam_search
from seq2seq.decoding.shortlist import Shortlist, build_shortlist
from seq2seq.errors import UserError

SOURCES, TARGETS = 12, 15


def some_pairs(count: int, seed: int = 0) -> tuple[list[list[int]], list[list[int]]]:
    """Piece p is translated as p + 1, in any order, and a 14 comes from nothing."""
    rng = random.Random(seed)
    source = [[rng.randrange(4, SOURCES) for _ in range(rng.randrange(1, 6))] for _ in range(count)]
    return source, [rng.sample([p + 1 for p in row] + [14], len(row) + 1) for row in source]


def slow_lexicon(source: list[list[int]], target: list[list[int]], rounds: int) -> dict[tuple[int, int], float]:
    table: dict[tuple[int, int], float] = defaultdict(lambda: 1.0)
    for _ in range(rounds):
        counts: dict[tuple[int, int], float] = defaultdict(float)
        for s_row, t_row in zip(source, target, strict=True):
            for t in t_row if s_row else []:
                total = sum(table[s, t] for s in [*s_row, SOURCES])
                for s in [*s_row, SOURCES]:
                    counts[s, t] += table[s, t] / total
        of_source: dict[int, float] = defaultdict(float)
        for (s, _), count in counts.items():
            of_source[s] += count
        table = defaultdict(float, {(s, t): count / of_source[s] for (s, t), count in counts.items()})
    return dict(table)


def test_the_lexicon_equals_the_slow_one() -> None:
    source, target = some_pairs(60)
    source[7], target[9] = [], []
    found = learn_lexicon(source, target, source_size=SOURCES, target_size=TARGETS, rounds=4)
    table = dict(zip(zip(found.source.tolist(), found.target.tolist(), strict=True), found.probability, strict=True))
    assert table == pytest.approx(slow_lexicon(source, target, 4))
    assert found.nothing == SOURCES


def test_the_lexicon_finds_the_translations() -> None:
    source, target = some_pairs(500)
    found = learn_lexicon(source, target, source_size=SOURCES, target_size=TARGETS)
    for piece in range(4, SOURCES):
        rows = found.source == piece
        assert found.target[rows][found.probability[rows].argmax()] == piece + 1
    assert found.target[found.source == found.nothing][found.probability[found.source == found.nothing].argmax()] == 14


def test_a_large_corpus_is_sampled_evenly() -> None:
    source, target = [[4]] * 100, [[5]] * 50 + [[6]] * 50
    found = learn_lexicon(source, target, source_size=SOURCES, target_size=TARGETS, most_pairs=40)
    rows = found.source == 4
    assert dict(zip(found.target[rows], found.probability[rows], strict=True)) == pytest.approx({5: 0.5, 6: 0.5})


def test_no_pairs_at_all() -> None:
    found = learn_lexicon([[], [4]], [[5], []], source_size=SOURCES, target_size=TARGETS)
    assert len(found.source) == 0
    empty = build_shortlist([], [], source_size=4, target_size=6, always=[5], identical=False)
    assert {*empty.candidates(torch.tensor([[3, 3]]))[0].tolist()} - {PAD} >= {EOS, 5}


def shortlist_of(seed: int, best: int = 2, frequent: int = 1) -> tuple[Shortlist, list[list[int]], list[list[int]]]:
    source, target = some_pairs(80, seed)
    made = build_shortlist(
        source,
        target,
        source_size=SOURCES,
        target_size=TARGETS,
        always=[5],
        identical=True,
        best=best,
        frequent=frequent,
    )
    return made, source, target


def test_candidates_equal_those_of_sets() -> None:
    made, source, target = shortlist_of(1)
    table = slow_lexicon(source, target, 5)
    likely = {
        s: set(sorted((t for s2, t in table if s2 == s), key=lambda t, s=s: (-table[s, t], t))[:2])
        for s in range(SOURCES + 1)
    }
    said = [t for row in target for t in row]
    always = {5, max(range(TARGETS), key=said.count), *likely[SOURCES]}
    rows = [[4, 7, EOS], [9, EOS], [11, 11, 11, EOS]]
    found = made.candidates(source_of(rows)[0], forbidden=[7])
    assert found.shape[1] % 64 == 0
    for row, candidates in zip(rows, found.tolist(), strict=True):
        # Padding is a source piece like any other here: it may become itself, which is forbidden anyway.
        wanted = always | {t for s in row for t in likely[s] | {s}}
        assert candidates[0] == EOS
        assert set(candidates) - {PAD} == (wanted | {EOS}) - {7, PAD}
        assert len([c for c in candidates if c != PAD]) == len(set(candidates) - {PAD})


def test_a_neighbour_changes_nothing() -> None:
    made, _, _ = shortlist_of(2)
    together = made.candidates(source_of([[4, 5, EOS], [9, 10, 8, 7, 6, EOS]])[0])[0]
    alone = made.candidates(torch.tensor([[4, 5, EOS]]))[0]
    assert set(together.tolist()) == set(alone.tolist())


def test_coverage_by_hand() -> None:
    made, _, _ = shortlist_of(3, best=1)
    size, share = made.coverage([[4], [6]], [[5, 14, 13], [7]])
    assert share == pytest.approx(3 / 4)
    assert 4 <= size <= 7


def test_a_file_keeps_it_and_a_wrong_one_is_refused() -> None:
    made, _, _ = shortlist_of(4)
    again = Shortlist.of_tensors(made.tensors(), source_size=SOURCES, target_size=TARGETS)
    source = source_of([[4, 8, EOS]])[0]
    assert torch.equal(again.candidates(source), made.candidates(source))
    whole = made.tensors()
    for broken, size in (
        ({"begins": whole["begins"]}, TARGETS),
        (whole | {"pieces": whole["pieces"] + 9}, TARGETS),
        (whole | {"always": whole["always"] - 99}, TARGETS),
        (whole | {"begins": whole["begins"].flip(0)}, TARGETS),
        (whole | {"begins": whole["begins"][:-1]}, TARGETS),
        (whole, 9),
    ):
        with pytest.raises(UserError, match="does not fit its vocabulary"):
            Shortlist.of_tensors(broken, source_size=SOURCES, target_size=size)


@pytest.mark.parametrize("seed", range(12))
def test_search_among_candidates_equals_search_with_all_else_forbidden(seed: int) -> None:
    rng = random.Random(seed)
    model = TableModel(TARGETS, seed=seed, end_bonus=rng.choice([0.0, 1.5]))
    rows = [[rng.randrange(4, SOURCES) for _ in range(rng.randrange(1, 6))] + [EOS] for _ in range(5)]
    config = SearchConfig(
        beam=rng.choice([1, 3, 5]), length_penalty=rng.choice([0.0, 1.0]), no_repeat_ngram=rng.choice([0, 2])
    )
    made, _, _ = shortlist_of(seed, best=rng.choice([1, 4]))
    forbidden = [PAD, UNK, rng.randrange(4, TARGETS)]
    source, mask = source_of(rows)
    found = beam_search(
        model,
        source,
        mask,
        config,
        bos=BOS,
        eos=EOS,
        forbidden=forbidden,
        keep_attention=True,
        candidates=made.candidates(source, forbidden),
    )
    for row, hypotheses in zip(rows, found, strict=True):
        own = set(made.candidates(torch.tensor([row]), forbidden)[0].tolist())
        others = [piece for piece in range(TARGETS) if piece not in own and piece != BOS]
        alone, alone_mask = source_of([row])
        (wanted,) = beam_search(
            _Among(TARGETS, model, sorted(own - {PAD})),
            alone,
            alone_mask,
            config,
            bos=BOS,
            eos=EOS,
            forbidden=[PAD, *others],
            keep_attention=True,
        )
        assert [h.tokens for h in hypotheses] == [h.tokens for h in wanted]
        assert [h.log_prob for h in hypotheses] == pytest.approx([h.log_prob for h in wanted], abs=1e-4)
        for one, other in zip(hypotheses, wanted, strict=True):
            assert one.attention is not None
            assert other.attention is not None
            assert torch.allclose(one.attention[:, : len(row)], other.attention, atol=1e-5)


class _Among(TableModel):
    """The model, with no probability for what is not among `own`: log_softmax runs over these alone."""

    def __init__(self, pieces: int, like: TableModel, own: list[int]) -> None:
        super().__init__(pieces, seed=like.seed, spread=like.spread, end_bonus=like.end_bonus)
        self.own = own

    def step(self, memory, state, token):  # type: ignore[no-untyped-def]
        step, after = super().step(memory, state, token)
        kept = torch.full_like(step.logits, -1e9)
        kept[:, self.own] = step.logits[:, self.own]
        return type(step)(kept, step.attention), after
