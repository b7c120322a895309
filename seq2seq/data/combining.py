"""Several corpora as one: splits, license, notes and origin put together."""

from collections.abc import Iterable, Sequence
from itertools import count

from seq2seq.data.corpus import Corpus, Pairs


def combine_corpora(corpora: Sequence[Corpus]) -> Corpus:
    """Returns one corpus with the pairs of all, in their order. One corpus is returned as it is.

    The train splits are joined, and the valid splits. The test splits stay apart: those of the
    first corpus keep their names. `test` of the corpus NAME becomes `test-NAME`, its `test-help`
    becomes `test-NAME-help`.

    Args:
        corpora: at least one, in one direction, with different names.
    """
    first = corpora[0]
    if len(corpora) == 1:
        return first
    splits = {name: pairs for name, pairs in first.splits.items() if name.startswith("test")}
    for corpus in corpora[1:]:
        for split, pairs in corpus.splits.items():
            if split.startswith("test"):
                splits[unused_name(_test_name(corpus.name, split), splits)] = pairs
    notes: list[str] = []
    origin: dict[str, str] = {}
    for corpus in corpora:
        notes += [f"{corpus.name}: {note}" for note in corpus.notes]
        origin |= {f"{corpus.name}, {key}": value for key, value in corpus.origin.items()}
    return Corpus(
        name=" + ".join(corpus.name for corpus in corpora),
        source_language=first.source_language,
        target_language=first.target_language,
        splits={"train": _join(corpora, "train"), "valid": _join(corpora, "valid"), **splits},
        license="; ".join(f"{corpus.name}: {corpus.license}" for corpus in corpora),
        attribution="; ".join(f"{corpus.name}: {corpus.attribution}" for corpus in corpora),
        notes=notes,
        origin=origin,
    )


def join_pairs(parts: Iterable[tuple[str, Pairs]]) -> Pairs:
    """Puts pairs of several origins one after the other.

    No group has pairs of two parts. The pairs of a part without groups are one group.

    Args:
        parts: the name of each part, which no other part has, and its pairs.
    """
    source: list[str] = []
    target: list[str] = []
    groups: list[str] = []
    for name, pairs in parts:
        source += pairs.source
        target += pairs.target
        if pairs.groups is None:
            groups += [name] * len(pairs)
        else:
            # One string for each group, however many pairs it has, to save memory.
            renamed = {group: f"{name}\n{group}" for group in dict.fromkeys(pairs.groups)}
            groups += [renamed[group] for group in pairs.groups]
    return Pairs(source=source, target=target, groups=groups)


def unused_name(name: str, taken: Iterable[str]) -> str:
    """Returns the name, or the first of NAME-2, NAME-3, ... that is not taken."""
    taken = set(taken)
    if name not in taken:
        return name
    return next(numbered for n in count(2) if (numbered := f"{name}-{n}") not in taken)


def _join(corpora: Sequence[Corpus], split: str) -> Pairs:
    return join_pairs(
        (corpus.name, corpus.splits[split]) for corpus in corpora if split in corpus.splits
    )


def _test_name(corpus: str, split: str) -> str:
    """Returns the name of a test split among those of other corpora."""
    rest = split.removeprefix("test").lstrip("-")
    return f"test-{corpus}-{rest}" if rest else f"test-{corpus}"
