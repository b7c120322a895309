"""The catalog: its entries, the language code in their names, and messages for unknown names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seq2seq.config.sources import DingSource, HubSource, LibreOfficeSource
from seq2seq.data import catalog
from seq2seq.data.catalog import CatalogEntry, find_entry, load_catalog, unknown_corpus
from seq2seq.errors import UserError

DING_CHECKSUMS = {
    "trans-de-en_1.9-6_all.deb": "45f6b4cf1c434776fba6811d7bc522efabb5425c43ba8afd0e289bf9e2e53df4"
}


@pytest.fixture(autouse=True)
def fresh_catalog() -> Iterator[None]:
    load_catalog.cache_clear()
    yield
    load_catalog.cache_clear()


def entry_of(name: str) -> CatalogEntry:
    entry = find_entry(name)
    assert entry is not None, name
    return entry


def all_names() -> list[str]:
    names = []
    for name, entry in load_catalog().items():
        names += [name.replace("LL", code) for code in entry.choices or ("",)]
    return names


def test_every_entry_has_two_languages_a_license_and_an_attribution() -> None:
    for name in all_names():
        entry = entry_of(name)
        assert entry.name == name
        assert len(set(entry.languages)) == 2
        assert entry.license
        assert entry.attribution


def test_no_placeholder_is_left_in_an_entry() -> None:
    for name in all_names():
        entry = entry_of(name)
        assert "LL" not in str((entry.name, entry.languages, entry.source)), name


def test_names_with_a_placeholder_have_choices() -> None:
    for name, entry in load_catalog().items():
        assert ("LL" in name) == bool(entry.choices), name


@pytest.mark.parametrize(
    "name",
    [
        "multi30k-de-en",
        "libreoffice-de-en",
        "libreoffice-help-fr-en",
        "libreoffice-pt-br-en",
        "ding-de-en",
        "ding-everyday-de-en",
        "wmt14-de-en",
        "iwslt2017-de-en",
        "opus-books-en-fr",
        "tatoeba-es-en",
        "tanaka-en-ja",
    ],
)
def test_corpora_in_the_catalog(name: str) -> None:
    assert find_entry(name) is not None


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("libreoffice-help-de-en", ("help",)),
        ("libreoffice-de-en", ("help", "interface")),
    ],
)
def test_parts_of_the_libreoffice_corpora(name: str, parts: tuple[str, ...]) -> None:
    source = entry_of(name).source
    assert isinstance(source, LibreOfficeSource)
    assert source.parts == parts


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("ding-de-en", ("sentences", "phrases")),
        ("ding-everyday-de-en", ("sentences", "words")),
    ],
)
def test_parts_of_the_ding_corpora(name: str, parts: tuple[str, ...]) -> None:
    source = entry_of(name).source
    assert isinstance(source, DingSource)
    assert source.parts == parts
    assert source.checksums == DING_CHECKSUMS


def test_an_entry_can_name_the_files_of_a_split() -> None:
    assert entry_of("multi30k-de-en").files == {"test": "test2016"}


def test_the_language_code_is_filled_in_everywhere() -> None:
    tatoeba = entry_of("tatoeba-fr-en")
    assert tatoeba.languages == ("fr", "en")
    assert isinstance(tatoeba.source, HubSource)
    assert tatoeba.source.config == "en-fr"
    assert tatoeba.source.columns == {"en": "english", "fr": "non_english"}


@pytest.mark.parametrize(
    "name", ["libreoffice-xx-en", "libreoffice-LL-en", "libreoffice-", "", "libreoffice--en"]
)
def test_no_entry_for_other_names(name: str) -> None:
    assert find_entry(name) is None


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("multi-30k-de-en", "multi30k-de-en"), ("libreofice-de-en", "libreoffice-de-en")],
)
def test_an_unknown_name_gets_the_nearest_names(name: str, nearest: str) -> None:
    message = str(unknown_corpus(name))
    assert "Did you mean" in message
    assert nearest in message


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    message = str(unknown_corpus("qqqq"))
    assert "Did you mean" not in message
    assert "Run `seq2seq data list` to see all corpora" in message


def test_a_name_with_the_placeholder_gets_an_example() -> None:
    message = str(unknown_corpus("libreoffice-LL-en"))
    assert "LL in 'libreoffice-LL-en' stands for a language" in message
    assert "Write libreoffice-ca-en, for example" in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist. Install seq2seq again"),
        ("a: [", "is broken"),
        ("- a", "is broken"),
        ("a-de-en: {languages: [de, en]}", "is broken.*description"),
        ("a-de-en: {kind: odd}", "is broken"),
        ("a-de-en: text", "is broken"),
        ("!!python/object/apply:os.system ['true']", "is broken"),
    ],
)
def test_a_broken_catalog(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "corpora.yaml"
    if content is not None:
        path.write_text(content)
    monkeypatch.setattr(catalog, "catalog_file", lambda: path)
    with pytest.raises(UserError, match=f"(?s){message}"):
        load_catalog()
