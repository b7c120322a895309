"""Noise: each kind by hand, and what all kinds keep."""

import os
import random
import re
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.text.noise import (
    Noise,
    change_dashes,
    change_quotes,
    doubled_spaces,
    drop_diacritics,
    drop_final_punctuation,
    lower,
    noises,
    straight_quotes,
    title,
    typo,
    typographic_quotes,
    upper,
    without_diacritics,
    wrap_in_quotes,
)
from seq2seq.text.tokenizer import RESERVED, SLOTS

NOISES = noises("en")
every_noise = pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)


def test_case() -> None:
    text = f"Er isst e-mails in {SLOTS[1]}, don't straße!"
    assert upper(text) == f"ER ISST E-MAILS IN {SLOTS[1]}, DON'T STRASSE!"
    assert title(text) == f"Er Isst E-Mails In {SLOTS[1]}, Don't Straße!"
    assert lower("ÄRGER Über NATO") == "ärger über nato"


def test_title_leaves_capitals_and_codes() -> None:
    assert title("die NATO kauft 3d-drucker und mp3") == "Die NATO Kauft 3d-Drucker Und Mp3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Das ist gut.", "Das ist gut"),
        ("Wirklich ?!", "Wirklich"),
        ("Warten…  ", "Warten"),
        ("これは本です。", "これは本です"),
        ("z. B. hier", "z. B. hier"),
        ("„Ja.“", "„Ja.“"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_final_punctuation(text: str, expected: str) -> None:
    assert drop_final_punctuation(text) == expected


# -- quotes and dashes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Er sagte „Ja, ‚ja‘“.", "Er sagte \"Ja, 'ja'\"."),
        ("Elle dit «\xa0non\xa0» ici", 'Elle dit "non" ici'),
        ("don’t", "don't"),
        ("plain", "plain"),
    ],
)
def test_straight_quotes(text: str, expected: str) -> None:
    assert straight_quotes(text) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "“He said ‘no’” (“don’t”)"),
        ("de-AT", "„He said ‚no‘“ („don’t“)"),
        ("fr", "«\xa0He said «\xa0no\xa0»\xa0» («\xa0don’t\xa0»)"),
        ("nl", "“He said ‘no’” (“don’t”)"),
        ("xx", "“He said ‘no’” (“don’t”)"),
    ],
)
def test_typographic_quotes(language: str, expected: str) -> None:
    assert typographic_quotes('"He said \'no\'" ("don\'t")', language) == expected


def test_typographic_quotes_nest_at_both_ends() -> None:
    assert typographic_quotes("\"'Ja', sagt 'er'\"", "de") == "„‚Ja‘, sagt ‚er‘“"


def test_changed_quotes_go_both_ways() -> None:
    rng = random.Random(0)
    assert {change_quotes('"Ja"', rng, "de") for _ in range(20)} == {"„Ja“", "“Ja”"}
    assert change_quotes("„Ja“", rng, "de") == '"Ja"'
    assert change_quotes("Ja", rng, "de") == "Ja"


def test_wrapping_in_quotes() -> None:
    assert wrap_in_quotes("Ja.", "de") == "„Ja.“"
    assert wrap_in_quotes("Yes.", "en") == "“Yes.”"
    assert wrap_in_quotes("Oui.", "fr") == "«\xa0Oui.\xa0»"


def test_dashes_get_one_other_form() -> None:
    seen = {change_dashes("eins – zwei – drei", random.Random(seed)) for seed in range(50)}
    assert seen == {
        "eins — zwei — drei",
        "eins - zwei - drei",
        "eins -- zwei -- drei",
        "eins—zwei—drei",
    }
    assert change_dashes("one—two", random.Random(1)) != "one—two"


@pytest.mark.parametrize(
    "text", ["E-Mail", "10–12", "10 – 12", "5 - x", f"{SLOTS[0]} - {SLOTS[1]}", "- Punkt"]
)
def test_hyphens_and_dashes_beside_numbers_stay(text: str) -> None:
    assert change_dashes(text, random.Random(0)) == text


def test_doubled_spaces() -> None:
    assert doubled_spaces("a b c") == "a  b  c"


# -- letters


@pytest.mark.parametrize(
    ("text", "bare", "spelled_out"),
    [
        ("Ärger über Größe", "Arger uber Grosse", "Aerger ueber Groesse"),
        ("ÄRGER, TSCHÜSS, Ö", "ARGER, TSCHUSS, O", "AERGER, TSCHUESS, Oe"),
        ("café Søren Łódź", "cafe Soren Lodz", "cafe Soeren Lodz"),
        ("a\u0308b", "ab", "ab"),
        ("Ελλάδα", "Ελλαδα", "Ελλαδα"),
        ("ёлка й", "ёлка й", "ёлка й"),
        ("हिन्दी ガ", "हिन्दी ガ", "हिन्दी ガ"),
    ],
)
def test_dropping_diacritics(text: str, bare: str, spelled_out: str) -> None:
    assert drop_diacritics(text) == bare
    assert drop_diacritics(text, spelled_out=True) == spelled_out


def test_diacritics_go_in_both_ways() -> None:
    rng = random.Random(0)
    assert {without_diacritics("Öl", rng) for _ in range(20)} == {"Ol", "Oel"}


def edits(before: str, after: str) -> int:
    """The number of insertions, deletions, replacements and swaps of neighbors between two texts
    (optimal string alignment), by the table of its definition."""
    rows = [[max(i, j) for j in range(len(after) + 1)] for i in range(len(before) + 1)]
    for i in range(1, len(before) + 1):
        for j in range(1, len(after) + 1):
            differs = before[i - 1] != after[j - 1]
            best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + differs)
            if i > 1 and j > 1 and before[i - 2 : i] == after[j - 2 : j][::-1]:
                best = min(best, rows[i - 2][j - 2] + 1)
            rows[i][j] = best
    return rows[-1][-1]


@pytest.mark.parametrize("num_words", [1, 4, 14, 15, 20, 31])
def test_one_typo_in_ten_words_and_one_at_least(num_words: int) -> None:
    text = " ".join(["Katze"] * num_words)
    expected = max(1, round(num_words / 10))
    for seed in range(20):
        changed = typo(text, random.Random(seed), "de").split()
        wrong = [word for word in changed if word != "Katze"]
        assert len(wrong) == expected
        assert all(edits("Katze", word) == 1 for word in wrong)


def typos_of(word: str, language: str) -> set[str]:
    return {typo(word, random.Random(seed), language) for seed in range(2000)}


def test_all_typos_of_a_word() -> None:
    # q w e r        Keys beside a: q, w, s, and y or z. Beside b: v, g, h, n.
    #  a s d f
    doubled = {"aaba", "abba", "abaa"}
    dropped = {"ba", "aa", "ab"}
    swapped = {"baa", "aab"}
    first = {"qba", "wba", "sba", "zba"}
    middle = {"ava", "aga", "aha", "ana"}
    last = {"abq", "abw", "abs", "abz"}
    assert typos_of("aba", "en") == doubled | dropped | swapped | first | middle | last


def test_the_keyboard_fits_the_language() -> None:
    assert {"Yub", "Xub"} & typos_of("Zub", "en") == {"Xub"}
    assert "Tub" in typos_of("Zub", "de")
    assert "Lüß" in typos_of("Löß", "de") or "Lpß" in typos_of("Löß", "de")
    assert "цот" in typos_of("йот", "ru")


@pytest.mark.parametrize(
    "text", ["", "ab zu 12", "mp3 x86 a.b", "https://x.org/abc", f"abc{SLOTS[0]}", "これは本です1"]
)
def test_no_typo_outside_plain_words(text: str) -> None:
    assert typo(text, random.Random(0)) == text


def test_typos_keep_punctuation_and_slots() -> None:
    text = f"(Katze) {SLOTS[2]} 12,5!"
    for seed in range(50):
        changed = typo(text, random.Random(seed), "de")
        assert changed != text
        assert changed.startswith("(")
        assert changed.endswith(f") {SLOTS[2]} 12,5!")


# -- all kinds

texts = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from([*RESERVED, *" .!?-–—\"'„“äöüß09aZ"]),
    ),
    max_size=40,
)


@every_noise
@given(text=texts, seed=st.integers(0, 2**32))
def test_slots_and_digits_stay(noise: Noise, text: str, seed: int) -> None:
    def kept(text: str) -> list[str]:
        return [c for c in text if "\ue000" <= c <= "\uf8ff" or c.isdecimal()]

    changed = noise(text, random.Random(seed))
    assert kept(changed) == kept(text)
    assert bool(changed.strip()) == bool(text.strip())
    assert noise(text, random.Random(seed)) == changed


@every_noise
@pytest.mark.parametrize("character", ["a", " ", '"', "'", ".", "—", "- ", "ä", "\u0308", "a b"])
def test_time_grows_with_the_length_only(noise: Noise, character: str) -> None:
    started_at = time.monotonic()
    noise(character * 100_000, random.Random(0))
    assert time.monotonic() - started_at < 2


def test_the_names_are_those_of_the_config() -> None:
    from seq2seq.config.augment import AugmentConfig

    settings = set(AugmentConfig.model_fields) - {"join", "slots"}
    assert settings <= set(noises("de"))


def test_the_same_in_every_process() -> None:
    code = (
        "import random; from seq2seq.text.noise import noises; rng = random.Random(5);"
        "text = 'Die „große“ Maschine – sehr schön – läuft nicht.';"
        "print(ascii([noise(text, rng) for _ in range(9) for noise in noises('de').values()]))"
    )
    outputs = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", code]
        outputs.add(subprocess.run(command, env=environment, capture_output=True).stdout)
    assert len(outputs) == 1
    assert re.search(rb"Maschine", outputs.pop())
