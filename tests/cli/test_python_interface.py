"""What a Python program does with a run folder that the command line trained."""

from pathlib import Path
from typing import Any

import pytest

import seq2seq


def test_a_loaded_run_translates_a_list(toy_run: Path) -> None:
    translate = seq2seq.load(toy_run)
    sources = ["ein hund sieht Anna.", "", "Otto ruft Ida."]
    assert translate(sources) == ["a dog sees Anna.", "", "Otto calls Ida."]


def test_search_options_can_be_changed(toy_run: Path) -> None:
    translate = seq2seq.load(toy_run, beam=1, nbest=1)
    assert translate.search.beam == 1
    assert translate(["Otto ruft Ida."]) == ["Otto calls Ida."]


@pytest.mark.parametrize("folder", [None, 3, b"runs/toy", ["runs/toy"]])
def test_a_folder_must_be_a_path(folder: Any) -> None:
    message = rf"must be a path \(str or pathlib\.Path\), not {type(folder).__name__}\."
    with pytest.raises(TypeError, match=message):
        seq2seq.load(folder)
    with pytest.raises(TypeError, match=message):
        seq2seq.load("runs/toy", ensemble=["runs/toy", folder])
