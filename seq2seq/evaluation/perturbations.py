"""A test set as other people would write it: in capitals, without marks, with typing errors, with
addresses and emoji, several sentences in a line."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seq2seq.evaluation.test_set import TestSet
from seq2seq.text import noise
from seq2seq.text.numbers import localize_number

MAX_JOINED = 8
"""Sentences of the longest joined line."""

# Made up. None of them is in a corpus.
_INSERTED_SPANS: dict[str, tuple[str, ...]] = {
    "URL": (
        *("https://www.example.org/de/hilfe?id=17&v=2", "http://example.com", "www.beispiel.at"),
        *("https://example.net/a_b/c-d.html#teil-3", "ftp://ftp.example.org/pub/", "example.org"),
        *("https://example.org:8080/login", "https://beispiel.de/~anna/", "http://192.168.178.1/"),
        *("https://example.io/%C3%A4.pdf", "mailto:info@example.org", "https://t.example/x9Zq"),
    ),
    "e-mail": (
        *("anna.muster@example.org", "info@beispiel.de", "m_k+test@mail.example.com"),
        *("support@example.net", "a.b-c@sub.example.org", "hilfe@example.co.uk", "x1@example.io"),
        *("NoReply@Example.com", "max@uni-beispiel.de", "team@example.at", "k.l@example.ch"),
        "post@example.eu",
    ),
    "placeholder": (
        *("%s", "%1$s", "%d", "%.2f", "%(name)s", "{name}", "{0}", "{{user}}", "${count}", "$HOME"),
        *("%PRODUCTNAME", "{count, plural, one {# file} other {# files}}"),
    ),
    "path": (
        *(r"C:\Users\Anna\Brief.odt", r"\\server\daten\plan.xlsx", "/etc/apt/sources.list"),
        *("~/Bilder/urlaub.jpg", "./run.sh", "config.yaml", "../data/train.csv", "setup.exe"),
        *("/var/log/syslog", r"D:\Backup\2024", "index.html", "/usr/share/doc/"),
    ),
    # In German form.
    "number": (
        *("12.345,67", "1.234.567,89", "3,14", "0,5", "98,6", "45.678,9", "7.654.321", "2,718"),
        *("1.000.000", "99,95", "-12,5", "10.250,00"),
    ),
    "date": (
        *("24.12.2024", "2024-05-03", "01.02.2019", "14:30", "31.10.2025", "1999-12-31"),
        *("08:15", "23:59", "3.10.1990", "2031-01-15", "15.08.2022", "6:45"),
    ),
    "version": (
        *("2.0.1", "v1.10.3", "7.4.2.1", "v0.9.12", "24.2.7", "10.15.7", "v3.2.1", "5.15.0"),
        *("1.2.3.4", "v2.13.0", "6.1.0", "11.0.22"),
    ),
    "code": (
        *("`make test`", "foo_bar", "--verbose", "A1:B20", "SVERWEIS(A1:B20;2;FALSCH)", "mp3"),
        *("print()", "x86", "AB-1234", "#ff8800", "user_id", "--no-cache"),
    ),
    "entity": (
        *("&amp;", "&lt;", "&gt;", "&quot;", "&nbsp;", "&#39;", "&#169;", "&euro;", "&auml;"),
        *("&copy;", "&#x2014;", "&hellip;"),
    ),
}
_EMOJI = ("😀", "🎉", "👍🏽", "❤️", "🇩🇪", "👨‍👩‍👧‍👦", "☎", "✔", "🚀", "😂😂", "1️⃣", "▬▬▬")

# The marks at the end of a sentence, the space before them in French, and what closes after them.
_FINAL_MARKS = re.compile(r"""\s*[.!?…。！？]*["'”’“‘»)\]」]*$""")
_LONGEST_END = 10
_ENDS_WITH_MARK = re.compile(r"""[.!?…。！？][\s"'”’“‘»›«‹)\]」』）］]*$""")


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """A test set in another form.

    Attributes:
        name: its key in the report.
        label: its name in the terminal.
        sources: the L changed source texts.
        references: R reference sets of L texts each.
        inserted: the span that was inserted into each source. Empty if nothing was inserted.
        groups: the numbers of the sentences of each line, where lines were joined. Else empty.
    """

    name: str
    label: str
    sources: list[str]
    references: list[list[str]]
    inserted: tuple[str, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()

    def forms_of_inserted(self, line: int, source: str, target: str) -> tuple[str, ...]:
        """Returns how the span of a line may look in its translation; empty if there is none.

        Args:
            line: the number of the line.
            source: code of the source language.
            target: code of the target language.
        """
        if not self.inserted:
            return ()
        span = self.inserted[line]
        return (localize_number(span, source, target), span)


def perturb(test_set: TestSet, source: str, target: str, seed: int) -> list[Perturbation]:
    """Returns a test set as it is, and then in every other form.

    The last form, joined sentences, is left out if fewer than two sentences end with a mark.

    Args:
        test_set: N sentences.
        source: code of the source language.
        target: code of the target language.
        seed: the same seed gives the same texts, also in another process.
    """
    noises = noise.noises(source)

    def noisy(name: str, label: str) -> Perturbation:
        rng = random.Random(f"{seed} {name}")
        sources = [noises[name](text, rng) for text in test_set.sources]
        return Perturbation(name=name, label=label, sources=sources, references=test_set.references)

    def both_sides(name: str, label: str, change: Callable[[str, str], str]) -> Perturbation:
        sources = [change(text, source) for text in test_set.sources]
        references = [[change(text, target) for text in lines] for lines in test_set.references]
        return Perturbation(name=name, label=label, sources=sources, references=references)

    return [
        both_sides("clean", "clean", lambda text, language: text),
        noisy("upper", "CAPITALS"),
        noisy("title", "Title Case"),
        noisy("lower", "lower case"),
        both_sides(
            "no_final_punctuation",
            "no final punctuation",
            lambda text, language: noise.drop_final_punctuation(text),
        ),
        both_sides("in_quotes", "in quotes", noise.wrap_in_quotes),
        noisy("doubled_spaces", "doubled spaces"),
        noisy("typos", "typos"),
        noisy("diacritics", "no diacritics"),
        _with_spans(test_set, source, seed),
        _with_emoji(test_set, seed),
        *_joined(test_set, seed),
    ]


# -- inserting -------------------------------------------------------------------------------------


def _with_spans(test_set: TestSet, source: str, seed: int) -> Perturbation:
    rng = random.Random(f"{seed} spans")
    kinds = list(_INSERTED_SPANS)
    spans = []
    for _ in test_set.sources:
        kind = rng.choice(kinds)
        span = rng.choice(_INSERTED_SPANS[kind])
        spans.append(localize_number(span, "de", source) if kind == "number" else span)
    return _inserted("spans_inserted", "spans inserted", test_set, spans, rng)


def _with_emoji(test_set: TestSet, seed: int) -> Perturbation:
    rng = random.Random(f"{seed} emoji")
    emoji = [rng.choice(_EMOJI) for _ in test_set.sources]
    return _inserted("emoji_inserted", "emoji inserted", test_set, emoji, rng)


def _inserted(
    name: str, label: str, test_set: TestSet, spans: list[str], rng: random.Random
) -> Perturbation:
    """Inserts a span into each source. The references stay: see `remove_span`."""
    sources = []
    for text, span in zip(test_set.sources, spans, strict=True):
        sources.append(insert_span(text, span, rng))
    return Perturbation(
        name=name,
        label=label,
        sources=sources,
        references=test_set.references,
        inserted=tuple(spans),
    )


def insert_span(text: str, span: str, rng: random.Random) -> str:
    """Inserts a span between two words, or in one of two texts before the final marks."""
    words = text.split()
    if len(words) > 1 and rng.random() < 0.5:
        position = rng.randrange(1, len(words))
        return " ".join([*words[:position], span, *words[position:]])
    # Only the end is searched, so that the time does not grow with the square of the length.
    searched_from = max(0, len(text) - _LONGEST_END)
    found = _FINAL_MARKS.search(text, searched_from)
    end = found.start() if found else len(text)
    return f"{text[:end]} {span}{text[end:]}".strip()


def remove_span(translation: str, forms: tuple[str, ...]) -> str:
    """Removes an inserted span from a translation, so that the reference fits it again.

    Where the span would stand in the reference is not known.

    Args:
        translation: the text.
        forms: how the span may look. The first one that the text has is removed once.
    """
    for form in forms:
        start = translation.find(form)
        if start < 0:
            continue
        before = translation[:start].rstrip()
        after = translation[start + len(form) :].lstrip()
        is_end = not after or _FINAL_MARKS.fullmatch(after) is not None
        return before + after if is_end else f"{before} {after}".strip()
    return translation


# -- joining ---------------------------------------------------------------------------------------


def _joined(test_set: TestSet, seed: int) -> list[Perturbation]:
    """Joins 2 to `MAX_JOINED` neighboring sentences to a line each.

    A source without a mark at its end, such as a heading, is left out: in running text, nothing
    shows where it ends. Without two sentences to join, there is no such form.
    """
    numbers = [number for number, text in enumerate(test_set.sources) if ends_with_mark(text)]
    if len(numbers) < 2:
        return []
    groups = make_groups(numbers, random.Random(f"{seed} joined"))
    return [
        Perturbation(
            name="joined",
            label="sentences joined",
            sources=join_groups(test_set.sources, groups),
            references=[join_groups(lines, groups) for lines in test_set.references],
            groups=groups,
        )
    ]


def ends_with_mark(text: str) -> bool:
    """Tells whether a text ends with the mark of a sentence. Quotes and brackets may follow it."""
    return _ENDS_WITH_MARK.search(text, max(0, len(text) - _LONGEST_END)) is not None


def make_groups(numbers: Sequence[int], rng: random.Random) -> tuple[tuple[int, ...], ...]:
    """Divides numbers into groups of 2 to `MAX_JOINED` neighbors.

    A group of one number is there only if there is only one number.
    """
    groups: list[tuple[int, ...]] = []
    start = 0
    count = len(numbers)
    while start < count:
        end = min(count, start + rng.randint(2, MAX_JOINED))
        if count - end == 1:
            # The last number must not be alone.
            end += 1 if end - start < MAX_JOINED else -1
        groups.append(tuple(numbers[start:end]))
        start = end
    return tuple(groups)


def join_groups(texts: list[str], groups: tuple[tuple[int, ...], ...]) -> list[str]:
    """Joins the texts of each group with spaces."""
    return [" ".join(texts[number] for number in group) for group in groups]
