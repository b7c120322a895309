"""Several corpora as one: every pair is there once, in order, and groups stay apart."""

from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.combining import combine_corpora, join_pairs, unused_name
from seq2seq.data.corpus import Corpus, Pairs


def make_corpus(name: str, **sizes: int) -> Corpus:
    """Makes a corpus with the splits of these sizes; `test_help` becomes "test-help"."""
    splits = {}
    for keyword, size in sizes.items():
        split = keyword.replace("_", "-")
        splits[split] = Pairs(
            source=[f"{name} {split} {n}" for n in range(size)],
            target=[f"{name} {split} {n}!" for n in range(size)],
        )
    return Corpus(
        name=name,
        source_language="de",
        target_language="en",
        splits=splits,
        license=f"license of {name}",
        attribution=f"author of {name}",
        notes=[f"note on {name}"],
        origin={"package": "1"},
    )


def test_one_corpus_is_returned_as_it_is() -> None:
    corpus = make_corpus("a", train=2, valid=1)
    assert combine_corpora([corpus]) is corpus


def test_train_and_valid_are_joined_in_order() -> None:
    combined = combine_corpora(
        [make_corpus("a", train=2, valid=1), make_corpus("b", train=1, valid=1)]
    )
    assert combined.splits["train"].source == ["a train 0", "a train 1", "b train 0"]
    assert combined.splits["train"].target == ["a train 0!", "a train 1!", "b train 0!"]
    assert combined.splits["valid"].source == ["a valid 0", "b valid 0"]


def test_the_test_splits_stay_apart() -> None:
    combined = combine_corpora(
        [
            make_corpus("a", train=1, valid=1, test=1, test_help=1),
            make_corpus("b", train=1, valid=1, test=2, test_help=1, test2017=1),
        ]
    )
    assert {name: pairs.source[0] for name, pairs in combined.splits.items()} == {
        "train": "a train 0",
        "valid": "a valid 0",
        "test": "a test 0",
        "test-help": "a test-help 0",
        "test-b": "b test 0",
        "test-b-help": "b test-help 0",
        "test-b-2017": "b test2017 0",
    }


def test_no_test_split_replaces_another() -> None:
    combined = combine_corpora(
        [
            make_corpus("a", train=1, valid=1, test_b=1),
            make_corpus("b", train=1, valid=1, test=1),
        ]
    )
    assert list(combined.splits) == ["train", "valid", "test-b", "test-b-2"]


def test_license_notes_and_origin_name_their_corpus() -> None:
    combined = combine_corpora([make_corpus("a", train=1), make_corpus("b", train=1)])
    assert combined.name == "a + b"
    assert combined.license == "a: license of a; b: license of b"
    assert combined.attribution == "a: author of a; b: author of b"
    assert combined.notes == ["a: note on a", "b: note on b"]
    assert combined.origin == {"a, package": "1", "b, package": "1"}


def test_a_part_without_groups_is_one_group() -> None:
    grouped = Pairs(source=["1", "2"], target=["1", "2"], groups=["page", "other page"])
    joined = join_pairs([("a", Pairs(source=["0"] * 2, target=["0"] * 2)), ("b", grouped)])
    assert joined.groups == ["a", "a", "b\npage", "b\nother page"]


GROUPS = st.lists(st.sampled_from(["", "a", "b", "page"]), max_size=5)


@given(st.lists(st.none() | GROUPS, max_size=4))
def test_no_group_has_pairs_of_two_parts(parts: list[list[str] | None]) -> None:
    named = []
    for number, groups in enumerate(parts):
        texts = [f"{number} {n}" for n in range(3 if groups is None else len(groups))]
        named.append((f"part {number}", Pairs(source=texts, target=texts, groups=groups)))
    joined = join_pairs(named)
    assert joined.source == joined.target == [text for _, pairs in named for text in pairs.source]
    assert joined.groups is not None
    before = [
        (name, group)
        for name, pairs in named
        for group in pairs.groups or [None] * len(pairs)  # None: the whole part
    ]
    # Two pairs share a group after joining if and only if they shared one before.
    assert len(set(before)) == len(set(joined.groups))
    assert len(set(zip(before, joined.groups, strict=True))) == len(set(before))


def test_names_are_numbered_from_two() -> None:
    assert unused_name("files", []) == "files"
    assert unused_name("files", ["files"]) == "files-2"
    assert unused_name("files", ["files", "files-2", "hub"]) == "files-3"
