"""Text as people write it: capitals, typing errors, other quotes and dashes, missing marks.

Training adds this noise to sources, so that the model knows it (`data.augment`). `seq2seq evaluate
--robustness` measures how much it hurts. The kinds are those of OpusTrainer (Bogoychev et al.
2023).

Every function keeps digits and private-use characters, because the latter stand for parts of the
text that are copied. The draws depend only on the random generator that is passed in.
"""

import random
import re
import unicodedata
from collections.abc import Callable

import regex

from seq2seq.text.quotes import Quotes, find_quotes

Noise = Callable[[str, random.Random], str]
"""(text, random generator) -> changed text."""

# -- case ------------------------------------------------------------------------------------------

# A letter after an apostrophe goes on with the word: "don't".
_FIRST_LETTER = regex.compile(r"(?<![\p{L}\p{M}\p{N}\p{Co}_'’])\p{Ll}")


def upper(text: str) -> str:
    """Puts the text in capitals."""
    return text.upper()


def title(text: str) -> str:
    """Puts a capital at the start of each word. The other letters stay."""
    return _FIRST_LETTER.sub(lambda match: match[0].title(), text)


def lower(text: str) -> str:
    """Puts the text in lower case."""
    return text.lower()


# -- punctuation -----------------------------------------------------------------------------------

_FINAL_MARKS = ".!?…。．！？｡।॥؟۔"


def drop_final_punctuation(text: str) -> str:
    """Drops the marks that end the sentence, and white space around them.

    A text of nothing but such marks stays as it is.
    """
    shortened = text.rstrip().rstrip(_FINAL_MARKS).rstrip()
    return shortened or text


_DOUBLE_QUOTES = "“”„‟«»"
_SINGLE_QUOTES = "‘’‚‛‹›"
_ENGLISH_QUOTES = Quotes("“", "”", "‘", "’")
_STRAIGHT = str.maketrans(
    dict.fromkeys(_DOUBLE_QUOTES, '"') | dict.fromkeys(_SINGLE_QUOTES, "'"),
)
# French has spaces inside its quotes.
_SPACED_QUOTE = re.compile("«[ \xa0\u202f]|[ \xa0\u202f]»")
# At the start of a word, up to two other quotes may stand before it.
_STRAIGHT_QUOTE = regex.compile(
    r"""(?<start>(?<=(?:^|[\s\p{Ps}\p{Pd}])["']{0,2})["'])|["']""", regex.DOTALL
)


def straight_quotes(text: str) -> str:
    """Replaces typographic quotes and apostrophes by those of the keyboard: „Ja“ -> "Ja"."""
    if text.isascii():
        return text
    text = _SPACED_QUOTE.sub('"', text)
    return text.translate(_STRAIGHT)


def typographic_quotes(text: str, language: str = "en") -> str:
    """Replaces straight quotes by those of the language, and straight apostrophes by "’".

    A quote at the start of a word opens. Every other one closes.
    """
    if '"' not in text and "'" not in text:
        return text
    opening, closing, single_opening, single_closing = _quotes(language)

    def replace(match: regex.Match[str]) -> str:
        if match[0] == '"':
            return opening if match["start"] else closing
        if match["start"]:
            return single_opening
        # Inside a word it is an apostrophe in every language.
        return "’" if match.end() < len(text) and text[match.end()].isalpha() else single_closing

    return _STRAIGHT_QUOTE.sub(replace, text)


def change_quotes(text: str, rng: random.Random, language: str = "en") -> str:
    """Replaces typographic quotes by straight ones, or the other way round if there are none.

    The typographic ones are those of the language or, as often, those of English.
    """
    straight = straight_quotes(text)
    if straight != text:
        return straight
    return typographic_quotes(text, rng.choice((language, "en")))


def wrap_in_quotes(text: str, language: str) -> str:
    """Puts the text into the double quotes of the language."""
    opening, closing, _, _ = _quotes(language)
    return f"{opening}{text}{closing}"


def _quotes(language: str) -> Quotes:
    return find_quotes(language) or _ENGLISH_QUOTES


# A dash with spaces around it, or a long one between letters. Beside a number it may be a minus.
_DASH = regex.compile(r"(?<![\p{Nd}\p{Co}])\s(?:[-–—]|--)\s(?![\p{Nd}\p{Co}])|(?<=\p{L})—(?=\p{L})")
_DASH_FORMS = (" – ", " — ", " - ", " -- ", "—")


def change_dashes(text: str, rng: random.Random) -> str:
    """Writes all dashes between words in one other form, such as "—" or " - ".

    Hyphens stay, and so do dashes beside numbers.
    """
    found = _DASH.search(text)
    if found is None:
        return text
    form = rng.choice([form for form in _DASH_FORMS if form != found[0]])
    return _DASH.sub(form, text)


def doubled_spaces(text: str) -> str:
    """Doubles each space."""
    return text.replace(" ", "  ")


# -- letters ---------------------------------------------------------------------------------------

# Letters that Unicode does not decompose into a letter and an accent.
_BARE = {"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d"}
# German and the northern languages have spellings for keyboards without these letters.
_SPELLED_OUT = _BARE | {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}


def without_diacritics(text: str, rng: random.Random) -> str:
    """Drops all accents, or writes "ae" for "ä" and the like, in one of two texts each."""
    return drop_diacritics(text, spelled_out=rng.random() < 0.5)


def drop_diacritics(text: str, *, spelled_out: bool = False) -> str:
    """Drops the accents of Latin and Greek letters: "é" becomes "e".

    Other scripts stay, because their marks are no decoration.

    Args:
        text: the text.
        spelled_out: write "ae" for "ä", not "a", and likewise for "ö", "ü", "å" and "ø".
    """
    if text.isascii():
        return text
    table = _SPELLED_OUT if spelled_out else _BARE
    changed: list[str] = []
    for position, character in enumerate(text):
        if character.isascii():
            changed.append(character)
        elif character.lower() in table:
            letters = table[character.lower()]
            changed.append(_in_case_of(text, position, letters))
        elif unicodedata.combining(character) and changed and _has_accents(changed[-1][-1:]):
            continue
        else:
            changed.append(_bare(character))
    return "".join(changed)


def _bare(character: str) -> str:
    decomposed = unicodedata.normalize("NFD", character)
    return decomposed[0] if _has_accents(decomposed[0]) else character


def _has_accents(letter: str) -> bool:
    """Tells whether a letter is of a script whose accents can be left out: Latin or Greek."""
    return letter.isalpha() and (letter < "\u0250" or "\u0370" <= letter < "\u0400")


def _in_case_of(text: str, position: int, letters: str) -> str:
    """Returns the letters in the case of the one that they replace.

    Ä becomes Ae, but ÄRGER becomes AERGER.
    """
    if not text[position].isupper():
        return letters
    neighbors = text[position + 1 : position + 2] or text[max(0, position - 1) : position]
    return letters.upper() if neighbors.isupper() else letters.capitalize()


_WORDS_PER_TYPO = 10
# A word of letters only, with punctuation around it at most. Addresses and codes are left out.
_WORD = regex.compile(r"""(?<![^\s\p{Ps}\p{Pi}„‚"'])\p{L}{3,}+(?=\p{P}*+(?:\s|$))""")

_KEYBOARDS = {
    "qwerty": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "qwertz": ("qwertzuiopü", "asdfghjklöä", "yxcvbnm"),
    "azerty": ("azertyuiop", "qsdfghjklm", "wxcvbn"),
    "cyrillic": ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
}
_LAYOUTS: dict[str, str] = {
    **dict.fromkeys(("cs", "de", "hr", "hu", "lb", "sk", "sl"), "qwertz"),
    "fr": "azerty",
    **dict.fromkeys(("be", "bg", "ru", "uk"), "cyrillic"),
}


def _neighbor_keys(rows: tuple[str, ...]) -> dict[str, str]:
    """Returns the letters beside each letter of a keyboard.

    Rows are shifted to the right by half a key, so a key touches those at i and i + 1 above it.
    """
    neighbors: dict[str, str] = {}
    for above, row, below in zip(("", *rows), rows, (*rows[1:], ""), strict=False):
        for i, key in enumerate(row):
            beside = row[max(0, i - 1) : i] + row[i + 1 : i + 2]
            neighbors[key] = beside + above[i : i + 2] + below[max(0, i - 1) : i + 1]
    return neighbors


_NEIGHBORS = {name: _neighbor_keys(rows) for name, rows in _KEYBOARDS.items()}


def typo(text: str, rng: random.Random, language: str = "en") -> str:
    """Makes a typing error in one of ten words, and in one at least.

    An error is a letter of a neighbor key, a letter doubled, a letter dropped, or two swapped.
    Words of one or two letters have none, and neither have words with digits or symbols.

    Args:
        text: the text.
        rng: chooses words and errors.
        language: chooses the keyboard: QWERTZ for German, AZERTY for French and so on.
    """
    words = list(_WORD.finditer(text))
    if not words:
        return text
    count = max(1, round(len(text.split()) / _WORDS_PER_TYPO))
    chosen = sorted(rng.sample(range(len(words)), min(count, len(words))))
    keyboard = _NEIGHBORS[_LAYOUTS.get(_base(language), "qwerty")]
    parts = []
    end = 0
    for number in chosen:
        word = words[number]
        parts += [text[end : word.start()], _mistyped(word[0], rng, keyboard)]
        end = word.end()
    return "".join([*parts, text[end:]])


def _mistyped(word: str, rng: random.Random, neighbors: dict[str, str]) -> str:
    """Returns a word of two letters or more with one typing error."""
    kind = rng.choice(("neighbor", "doubled", "dropped", "swapped"))
    i = rng.randrange(len(word))
    if kind == "neighbor":
        keys = neighbors.get(word[i].lower(), "")
        if keys:
            key = rng.choice(keys)
            return word[:i] + (key.upper() if word[i].isupper() else key) + word[i + 1 :]
    if kind == "swapped":
        i = min(i, len(word) - 2)
        if word[i] != word[i + 1]:
            return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if kind == "dropped":
        return word[:i] + word[i + 1 :]
    # Letters without neighbors, and equal letters, are doubled instead.
    return word[:i] + word[i] + word[i:]


def _base(language: str) -> str:
    """Returns the language without its region: "de-AT" -> "de"."""
    return re.split("[-_]", language.lower())[0]


# -- all kinds -------------------------------------------------------------------------------------


def _always(function: Callable[[str], str]) -> Noise:
    """Makes noise of a function that draws nothing."""
    return lambda text, rng: function(text)


def noises(language: str) -> dict[str, Noise]:
    """Returns every kind of noise for text of a language. The names are those of `data.augment`.

    Args:
        language: code such as "de" or "pt-br". It decides about keyboard and quotes.
    """
    return {
        "upper": _always(upper),
        "title": _always(title),
        "lower": _always(lower),
        "no_final_punctuation": _always(drop_final_punctuation),
        "typos": lambda text, rng: typo(text, rng, language),
        "diacritics": without_diacritics,
        "quotes": lambda text, rng: change_quotes(text, rng, language),
        "dashes": change_dashes,
        "doubled_spaces": _always(doubled_spaces),
    }
