"""Dividing a paragraph into sentences, the same way on both sides of a translation.

The rules are plain. Where they go wrong they mostly go wrong on one side, so that the counts of the two sides differ
and the paragraph is left out: it costs text, not correctness.
"""

import re

_ABBREVIATIONS = frozenset(
    ["e.g.", "i.e.", "etc.", "vs.", "mr.", "mrs.", "dr.", "fig.", "no.", "approx.", "resp.", "max.", "min.", "st.", "incl.", "z.b.", "d.h.", "bzw.", "ca.", "nr.", "usw.", "evtl.", "ggf.", "inkl.", "vgl.", "abb.", "allg.", "bspw.", "sog.", "dt.", "engl.", "u.a.", "o.a.", "s.o.", "s.u.", "p.ex.", "p.e.", "ex.", "art.", "pag.", "pág.", "núm.", "par.", "cap.", "ej.", "es.", "ecc.", "sig.", "sr.", "sra.", "bijv.", "d.w.z.", "enz.", "blz.", "np.", "tzn.", "tj.", "itd.", "itp.", "m.in.", "ok.", "nr.", "rys.", "str.", "napr.", "např.", "apod.", "atd.", "tzv.", "resp.", "т.е.", "т.д.", "т.п.", "др.", "напр.", "рис.", "см."]
)
_END = re.compile(
    r"""(?P<end>[.!?…।][)\]"'”“’»]*)\s+   # an end mark, what closes after it, and a space
      | (?P<wide>[。！？][”」』）]*)\s*      # Chinese and Japanese put no space
    """,
    re.VERBOSE,
)
_OPENING = "\"'„“”«»‘’¿¡(["


def split_sentences(text: str) -> list[str]:
    """The sentences of a text in which white space has been folded."""
    sentences = []
    start = 0
    for match in _END.finditer(text):
        following = text[match.end() :].lstrip(_OPENING)[:1]
        if match["end"] and not _ends_here(text[start : match.start() + 1], following):
            continue
        sentences.append(text[start : match.end("end" if match["end"] else "wide")])
        start = match.end()
    rest = text[start:].strip()
    return [*sentences, rest] if rest else sentences


def _ends_here(before: str, following: str) -> bool:
    """Whether a sentence ends after `before` (with its end mark), where the next word begins with `following`."""
    if not following.isalnum() or following.islower():
        return False
    if not before.endswith("."):
        return True
    word = before.rpartition(" ")[2].lstrip(_OPENING).lower()
    if word in _ABBREVIATIONS or (len(word) == 2 and word[0].isalpha()):
        return False  # "etc." or an initial
    return not (word == before.lower() and word[:-1].isdigit())  # "1. Open the file": the number of a step
