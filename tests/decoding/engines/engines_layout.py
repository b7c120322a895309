"""Layouts of rows, for tests of the engines."""

import numpy as np

from seq2seq.decoding.beam_layout import BeamLayout


def layout_of(row_counts: list[int]) -> BeamLayout:
    """The layout of sentences with these numbers of rows."""
    return BeamLayout(np.array(row_counts))
