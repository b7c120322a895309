"""What a Python program does with a run folder that the command line trained."""

from pathlib import Path

import seq2seq


def test_a_loaded_run_translates_a_list(toy_run: Path) -> None:
    translate = seq2seq.load(toy_run)
    sources = ["ein hund sieht Anna.", "", "Otto ruft Ida."]
    assert translate(sources) == ["a dog sees Anna.", "", "Otto calls Ida."]


def test_search_options_can_be_changed(toy_run: Path) -> None:
    translate = seq2seq.load(toy_run, beam=1, nbest=1)
    assert translate.search.beam == 1
    assert translate(["Otto ruft Ida."]) == ["Otto calls Ida."]
