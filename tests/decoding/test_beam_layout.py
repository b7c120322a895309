"""Beam layouts by hand: sentences with 2, 0 and 1 rows, and sentences with the same number."""

import torch

from seq2seq.decoding.engines.torch_layout import TensorLayout

UNEVEN = TensorLayout(sentences=3, width=2, slots=torch.tensor([0, 1, 4]))
EVEN = TensorLayout(sentences=2, width=2)
SINGLE = TensorLayout(sentences=2, width=1)
ROWS = torch.tensor([[5.0], [6.0], [7.0]])


def test_group_fills_empty_slots() -> None:
    grouped = UNEVEN.group(ROWS, fill=-1.0)
    assert grouped.squeeze(2).tolist() == [[5, 6], [-1, -1], [7, -1]]


def test_ungroup_undoes_group() -> None:
    assert torch.equal(UNEVEN.ungroup(UNEVEN.group(ROWS)), ROWS)


def test_expand_gives_each_row_the_entry_of_its_sentence() -> None:
    assert UNEVEN.expand(torch.tensor([10, 20, 30])).tolist() == [10, 10, 30]


def test_row_numbers_are_zero_in_empty_slots() -> None:
    assert UNEVEN.row_numbers().tolist() == [[0, 1], [0, 0], [2, 0]]


def test_even_layout_groups_without_slots() -> None:
    assert EVEN.group(torch.arange(4)).tolist() == [[0, 1], [2, 3]]
    assert EVEN.row_numbers().tolist() == [[0, 1], [2, 3]]


def test_even_layout_ungroups_without_slots() -> None:
    assert EVEN.ungroup(torch.arange(4).view(2, 2)).tolist() == [0, 1, 2, 3]


def test_even_layout_expands_without_slots() -> None:
    assert EVEN.expand(torch.tensor([8, 9])).tolist() == [8, 8, 9, 9]


def test_expand_with_one_row_a_sentence_changes_nothing() -> None:
    assert SINGLE.expand(torch.tensor([8, 9])).tolist() == [8, 9]
