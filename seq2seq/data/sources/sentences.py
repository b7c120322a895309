"""Dividing a paragraph into sentences, the same way on both sides of a translation.

The rules are plain. Where they go wrong they mostly go wrong on one side, so that the counts of the two sides differ
and the paragraph is left out: it costs text, not correctness.
"""

import re

_ABBREVIATIONS = {
    "ca": "p.ex. núm. pàg.",
    "cs": "např. apod. atd. tzv. tj. tzn. resp. obr. č.",
    "de": "z.b. d.h. bzw. ca. nr. usw. evtl. ggf. inkl. vgl. abb. bspw. sog. u.a. o.a. s.o. s.u. max. min. dr.",
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
"""Language -> words after whose full stop a sentence goes on."""
_END = re.compile(
    r"""(?P<end>[.!?…।][)\]"'”“’»]*)\s+   # an end mark, what closes after it, and a space
      | (?P<wide>[。！？][”」』）]*)\s*      # Chinese and Japanese put no space
    """,
    re.VERBOSE,
)
_OPENING = "\"'„“”«»‘’¿¡(["


def split_sentences(text: str, language: str) -> list[str]:
    """The sentences of a text in which white space has been folded."""
    abbreviations = {"etc.", *_ABBREVIATIONS.get(language.split("-")[0], "").split()}
    sentences = []
    start = 0
    for match in _END.finditer(text):
        following = text[match.end() :].lstrip(_OPENING)[:1]
        if match["end"] and not _ends_here(text[start : match.start() + 1], following, abbreviations):
            continue
        sentences.append(text[start : match.end("end" if match["end"] else "wide")])
        start = match.end()
    rest = text[start:].strip()
    return [*sentences, rest] if rest else sentences


def _ends_here(before: str, following: str, abbreviations: set[str]) -> bool:
    """Whether a sentence ends after `before` (with its end mark), where the next word begins with `following`."""
    if not following.isalnum() or following.islower():
        return False
    if not before.endswith("."):
        return True
    word = before.rpartition(" ")[2].lstrip(_OPENING).lower()
    if word in abbreviations or (len(word) == 2 and word[0].isalpha()):
        return False  # "etc." or an initial
    return not (word == before.lower() and word[:-1].isdigit())  # "1. Open the file": the number of a step
