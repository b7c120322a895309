"""Splitting a paragraph of a corpus into sentences, by the same rules on both sides.

`sentences.py` divides the text to translate, with a library. Here the rules must stay as they are,
because they decide which training pairs come out of a paragraph and its translation.

The rules are simple. Where they are wrong, they are mostly wrong on one side only. Then the two
sides have different numbers of sentences and the paragraph is left out. That costs text, but it
does not misalign sentences.
"""

import re

_ABBREVIATIONS = {
    "ca": "p.ex. núm. pàg.",
    "cs": "např. apod. atd. tzv. tj. tzn. resp. obr. č.",
    "de": (
        "z.b. d.h. bzw. ca. nr. usw. evtl. ggf. inkl. vgl. abb. bspw. sog. u.a. o.a. s.o. s.u. "
        "max. min. dr."
    ),
    "en": "e.g. i.e. vs. mr. mrs. ms. dr. fig. approx. resp. max. min. st. incl.",
    "es": "p.ej. p.e. ej. núm. pág. art. sr. sra. ud. uds.",
    "fr": "p.ex. ex. art. fig. cf. n°.",
    "it": "p.es. es. ecc. pag. art. fig. sig.",
    "nl": "bijv. d.w.z. enz. blz. nr. evt. m.b.v. o.a. resp.",
    "pl": "np. tzn. tj. itd. itp. m.in. nr. rys. str.",
    "pt": "p.ex. ex. núm. pág. art. sr. sra.",
    "ru": "т.е. т.д. т.п. др. напр. рис. см.",
    "sk": "napr. apod. atď. tzv. tj. resp. obr. č.",
}
"""Language -> words whose period does not end a sentence."""

_BOUNDARY = re.compile(
    r"""(?P<end>[.!?…।][)\]"'”“’»]*)\s+   # an end mark, closing quotes and brackets, and a space
      | (?P<wide>[。！？][”」』）]*)\s*      # Chinese and Japanese have no space
    """,
    re.VERBOSE,
)
_OPENING_MARKS = "\"'„“”«»‘’¿¡(["


def split_paragraph(text: str, language: str) -> list[str]:
    """Splits a paragraph whose white space is folded into sentences.

    Args:
        text: the text.
        language: language code such as "de" or "pt-br".
    """
    abbreviations = {"etc.", *_ABBREVIATIONS.get(language.split("-")[0], "").split()}
    sentences = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        following = text[match.end() :].lstrip(_OPENING_MARKS)[:1]
        # `before` ends with the end mark itself, without closing quotes.
        before = text[start : match.start() + 1]
        if match["end"] and not _ends_sentence(before, following, abbreviations):
            continue
        group = "end" if match["end"] else "wide"
        sentences.append(text[start : match.end(group)])
        start = match.end()
    rest = text[start:].strip()
    if rest:
        sentences.append(rest)
    return sentences


def _ends_sentence(before: str, following: str, abbreviations: set[str]) -> bool:
    """Decides whether a sentence ends after `before`.

    Args:
        before: the sentence so far, with its end mark.
        following: first letter of the next word.
        abbreviations: words whose period does not end a sentence.
    """
    if not following.isalnum() or following.islower():
        return False
    if not before.endswith("."):
        return True
    word = before.rpartition(" ")[2].lstrip(_OPENING_MARKS).lower()
    is_initial = len(word) == 2 and word[0].isalpha()
    if word in abbreviations or is_initial:
        return False
    # "1. Open the file": the number of a step.
    is_step_number = word == before.lower() and word[:-1].isdigit()
    return not is_step_number
