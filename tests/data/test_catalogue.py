from collections.abc import Iterator
from pathlib import Path

import pytest

from seq2seq.data import catalogue
from seq2seq.data.catalogue import find_entry, load_catalogue, unknown_corpus
from seq2seq.data.sources import HubSpec, LibreOfficeSpec
from seq2seq.errors import UserError


@pytest.fixture(autouse=True)
def fresh_catalogue() -> Iterator[None]:
    load_catalogue.cache_clear()
    yield
    load_catalogue.cache_clear()


def test_every_entry_of_the_catalogue_can_be_filled_in() -> None:
    for name, entry in load_catalogue().items():
        assert ("LL" in name) == bool(entry.choices), name
        for code in entry.choices or ("",):
            found = find_entry(name.replace("LL", code))
            assert found is not None
            assert found.name == name.replace("LL", code)
            assert "LL" not in str((found.name, found.languages, found.source)), found
            assert len(set(found.languages)) == 2
        assert entry.licence
        assert entry.attribution


def test_the_corpora_that_the_issue_asks_for() -> None:
    for name in ("multi30k-de-en", "libreoffice-de-en", "libreoffice-help-fr-en", "ding-de-en", "wmt14-de-en"):
        assert find_entry(name) is not None, name
    for name in ("iwslt2017-de-en", "opus-books-en-fr", "tatoeba-es-en", "libreoffice-pt-br-en"):
        assert find_entry(name) is not None, name
    help_only, both = find_entry("libreoffice-help-de-en"), find_entry("libreoffice-de-en")
    assert help_only is not None
    assert both is not None
    assert isinstance(help_only.source, LibreOfficeSpec)
    assert isinstance(both.source, LibreOfficeSpec)
    assert (help_only.source.parts, both.source.parts) == (("help",), ("help", "interface"))
    multi30k = find_entry("multi30k-de-en")
    assert multi30k is not None
    assert multi30k.files == {"test": "test2016"}


def test_the_language_is_filled_in_everywhere() -> None:
    tatoeba = find_entry("tatoeba-fr-en")
    assert tatoeba is not None
    assert isinstance(tatoeba.source, HubSpec)
    assert tatoeba.languages == ("fr", "en")
    assert (tatoeba.source.config, tatoeba.source.columns) == ("en-fr", {"en": "english", "fr": "non_english"})


@pytest.mark.parametrize("name", ["libreoffice-xx-en", "libreoffice-LL-en", "libreoffice-", "", "libreoffice--en"])
def test_no_such_entry(name: str) -> None:
    assert find_entry(name) is None


def test_unknown_names_are_told_with_the_nearest() -> None:
    assert "Did you mean multi30k-de-en" in str(unknown_corpus("multi-30k-de-en"))
    assert "libreoffice-de-en" in str(unknown_corpus("libreofice-de-en"))
    assert "Did you mean" not in str(unknown_corpus("qqqq"))
    assert "`seq2seq data list` shows all" in str(unknown_corpus("qqqq"))
    assert "LL stands for a language: write for example libreoffice-ca-en" in str(unknown_corpus("libreoffice-LL-en"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist. Install seq2seq again"),
        ("a: [", "is broken"),
        ("- a", "is broken"),
        ("a-de-en: {languages: [de, en]}", "is broken.*description"),
        ("a-de-en: {kind: odd}", "is broken"),
        ("!!python/object/apply:os.system ['true']", "is broken"),
    ],
)
def test_a_broken_catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "corpora.yaml"
    if content is not None:
        path.write_text(content)
    monkeypatch.setattr(catalogue, "catalogue_file", lambda: path)
    with pytest.raises(UserError, match=f"(?s){message}"):
        load_catalogue()
