"""Cleaning: what is done to the text of a corpus before anything learns from it, each rule counted.

Only the training pairs are filtered. Valid and test are normalised, and that alone, so that a published test set stays
what it is (valid loses pairs with an empty side, which no loss can be computed on; test keeps every line).
"""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Literal

from pydantic import ConfigDict

from seq2seq.data.corpus import Corpus
from seq2seq.data.pairs import Pairs

NormalForm = Literal["nfc", "nfkc", "none"]


@dataclass(frozen=True, kw_only=True)
class CleaningConfig:
    """Rules for the text. Those that drop pairs touch the training split alone; `null` or `false` switches one off."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    normalize: NormalForm = "nfc"
    """Unicode form of every text, also of what is translated later: "nfc" joins letters and accents; "nfkc" also folds
    ligatures, full-width letters, superscripts and non-breaking spaces; "none" leaves the letters as they are."""
    max_words: int | None = 100
    """Pairs with a longer side, in words divided by spaces, are dropped."""
    max_chars: int | None = 600
    """Pairs with a longer side, in characters, are dropped; this is what limits languages written without spaces."""
    max_length_ratio: float | None = 3.0
    """Pairs are dropped whose lengths in characters differ by more than this factor, seen from the ratio that is usual in
    the corpus (so Chinese may be shorter than English). 10 is added to each length: short pairs differ by chance."""
    drop_identical: bool = True
    """Drop pairs whose two sides are the same text: they teach copying where translation is asked."""
    drop_duplicates: bool = True
    """Drop pairs that have occurred before with the same two sides."""
    drop_overlap: bool = True
    """Drop pairs of which either side, without regard to case and punctuation, also stands in valid or test."""
    max_foreign_letters: float | None = 0.5
    """Pairs are dropped where more than this share (0 to 1) of a side's letters is of a script in which its language is
    not written (Cyrillic in a German text, say). Languages unknown to the program are not checked."""

    def __post_init__(self) -> None:
        for name in ("max_words", "max_chars"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1, or null for no limit")
        if self.max_length_ratio is not None and self.max_length_ratio <= 1:
            raise ValueError(
                f"max_length_ratio is {self.max_length_ratio}; it must be greater than 1, or null for no limit"
            )
        if self.max_foreign_letters is not None and not 0 <= self.max_foreign_letters <= 1:
            raise ValueError(
                f"max_foreign_letters is {self.max_foreign_letters}; it must be a share from 0 to 1, or null for no "
                "limit"
            )


RULES = (
    "empty",
    "too long",
    "length ratio",
    "identical sides",
    "wrong script",
    "overlap with valid/test",
    "duplicate",
)
"""The reasons for which a pair is dropped, in the order in which they are tried: a pair counts for the first."""


@dataclass(frozen=True, kw_only=True)
class SplitReport:
    """What happened to one split, in pairs (`changed`: in texts, two to a pair)."""

    before: int
    after: int
    changed: int
    """Texts that normalisation altered."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Rule of `RULES` -> pairs dropped by it; rules that were not applied to this split are absent."""


@dataclass(frozen=True, kw_only=True)
class CleaningReport:
    """What cleaning did, by split."""

    splits: dict[str, SplitReport]

    def lines(self) -> list[str]:
        """The report as lines of text, one for each split and one for each rule that dropped something."""
        lines = []
        for name, report in self.splits.items():
            lines.append(f"{name}: {report.before:,} pairs, {report.after:,} kept; {report.changed:,} texts normalised")
            lines += [f"  dropped, {rule}: {count:,}" for rule, count in report.dropped.items() if count]
        return lines


# Control and other invisible characters. Those that divide words (Cc, line and paragraph separators) become spaces and
# the rest goes: soft hyphen, zero-width space, direction marks and isolates, word joiner, byte order mark, lone
# surrogates (no UTF-8 can hold them). The zero-width (non-)joiners U+200C and U+200D stay: Persian, the scripts of
# India and many emoji are spelt with them.
_DIVIDING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def normalize_text(text: str, form: NormalForm) -> str:
    """The text in Unicode form `form`, without control characters, each run of white space one space, ends stripped."""
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
        if form != "none":
            text = unicodedata.normalize("NFC" if form == "nfc" else "NFKC", text)
    # `split()` takes every Unicode space, the non-breaking one too; what is left after it are other control characters.
    return " ".join(_DIVIDING.sub(" ", text).split())


class _KeyTable(dict[int, int | None]):
    """For `str.translate`: letters, marks and digits stay, all else becomes a space. Filled as characters come by."""

    def __missing__(self, code: int) -> int | None:
        # Marks (M) must stay: without the vowel signs two words of Hindi would look alike.
        self[code] = code if unicodedata.category(chr(code))[0] in "LMN" else 32
        return self[code]


_KEY_TABLE = _KeyTable()


def sentence_key(text: str) -> str:
    """What two texts share when they are the same sentence but for case, punctuation, spaces and width of letters."""
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    folded = folded.casefold()
    key = " ".join(folded.translate(_KEY_TABLE).split())
    return key or " ".join(folded.split())  # a text of punctuation alone is only like itself


# First words of the Unicode names of a language's letters. Absent languages are not checked.
_LATIN_LANGUAGES = (
    "af ast az bs br ca cs cy da de en eo es et eu fi fo fr fy ga gd gl hr hsb hu id is it la lb lt lv ms mt nb nds nl "
    "nn no oc pl pt ro sk sl sq sv sw tl tr vi"
)
_CYRILLIC_LANGUAGES = "be bg kk ky mk mn ru tg tt uk"
_SCRIPTS: dict[str, frozenset[str]] = {
    **{language: frozenset({"LATIN", "FULLWIDTH"}) for language in _LATIN_LANGUAGES.split()},
    **{language: frozenset({"CYRILLIC"}) for language in _CYRILLIC_LANGUAGES.split()},
    **{language: frozenset({"ARABIC"}) for language in ("ar", "fa", "ur", "ug")},
    **{language: frozenset({"DEVANAGARI"}) for language in ("hi", "mr", "ne")},
    "am": frozenset({"ETHIOPIC"}),
    "bn": frozenset({"BENGALI"}),
    "el": frozenset({"GREEK"}),
    "gu": frozenset({"GUJARATI"}),
    "he": frozenset({"HEBREW"}),
    "hy": frozenset({"ARMENIAN"}),
    "ja": frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "HALFWIDTH"}),
    "ka": frozenset({"GEORGIAN"}),
    "km": frozenset({"KHMER"}),
    "ko": frozenset({"HANGUL", "CJK"}),
    "ta": frozenset({"TAMIL"}),
    "th": frozenset({"THAI"}),
    "zh": frozenset({"CJK", "IDEOGRAPHIC", "BOPOMOFO"}),
}


class _ScriptTable(dict[str, str]):
    """Character -> script (the first word of its Unicode name), "" for what is no letter."""

    def __missing__(self, char: str) -> str:
        self[char] = unicodedata.name(char, "").split(" ")[0] if char.isalpha() else ""
        return self[char]


_SCRIPT_OF = _ScriptTable()
_BEYOND_LATIN = re.compile("[^\x00-\u024f]")


def foreign_letters(text: str, language: str) -> float:
    """The share of the text's letters that are of no script of `language`; 0 without letters or if it is unknown."""
    scripts = _SCRIPTS.get(re.split("[-_]", language.lower())[0])
    if scripts is None or ("LATIN" in scripts and not _BEYOND_LATIN.search(text)):
        return 0.0
    letters = [script for script in map(_SCRIPT_OF.__getitem__, text) if script]
    return sum(script not in scripts for script in letters) / len(letters) if letters else 0.0


def clean_corpus(corpus: Corpus, config: CleaningConfig) -> tuple[Corpus, CleaningReport]:
    """The corpus cleaned by the rules of `config`, and what each rule did."""
    splits: dict[str, Pairs] = {}
    reports: dict[str, SplitReport] = {}
    for name, pairs in corpus.splits.items():
        clean = Pairs(
            source=[normalize_text(text, config.normalize) for text in pairs.source],
            target=[normalize_text(text, config.normalize) for text in pairs.target],
            groups=pairs.groups,
        )
        changed = sum(a != b for a, b in zip(clean.source, pairs.source, strict=True))
        changed += sum(a != b for a, b in zip(clean.target, pairs.target, strict=True))
        dropped = {}
        if name == "valid":
            kept = [i for i, (source, target) in enumerate(clean) if source and target]
            dropped = {"empty": len(clean) - len(kept)}
            clean = clean.select(kept)
        splits[name] = clean
        reports[name] = SplitReport(before=len(pairs), after=len(clean), changed=changed, dropped=dropped)
    if "train" in splits:
        train, dropped = _filter_train(splits, config, (corpus.source_language, corpus.target_language))
        splits["train"] = train
        reports["train"] = replace(reports["train"], after=len(train), dropped=dropped)
    return replace(corpus, splits=splits), CleaningReport(splits=reports)


def clean_added(added: Pairs, corpus: Corpus, config: CleaningConfig) -> tuple[Pairs, CleaningReport]:
    """Pairs that are trained on besides the corpus's own, cleaned by the same rules: none stands in valid or test."""
    splits = {name: pairs for name, pairs in corpus.splits.items() if name != "train"}
    clean, report = clean_corpus(replace(corpus, splits={"train": added, **splits}), config)
    return clean.splits["train"], CleaningReport(splits={"added": report.splits["train"]})


def _filter_train(
    splits: dict[str, Pairs], config: CleaningConfig, languages: tuple[str, str]
) -> tuple[Pairs, dict[str, int]]:
    """The training pairs that pass every rule, and the number dropped by each."""
    train = splits["train"]
    held_out: tuple[set[str], set[str]] = (set(), set())
    if config.drop_overlap:
        for name, pairs in splits.items():
            if name != "train":
                held_out[0].update(map(sentence_key, pairs.source))
                held_out[1].update(map(sentence_key, pairs.target))
    # The median, not the mean: the pairs that are to be found must not decide what is usual.
    usual_ratio = median([len(source) / len(target) for source, target in train if source and target] or [1.0])
    dropped = dict.fromkeys(RULES, 0)
    kept = []
    seen: set[tuple[str, str]] = set()
    for index, (source, target) in enumerate(train):
        rule = _broken_rule(source, target, config, languages, usual_ratio)
        if rule is None and config.drop_overlap:
            overlaps = sentence_key(source) in held_out[0] or sentence_key(target) in held_out[1]
            rule = "overlap with valid/test" if overlaps else None
        if rule is None and config.drop_duplicates:
            if (source, target) in seen:
                rule = "duplicate"
            seen.add((source, target))
        if rule is None:
            kept.append(index)
        else:
            dropped[rule] += 1
    return train.select(kept), dropped


def _broken_rule(
    source: str, target: str, config: CleaningConfig, languages: tuple[str, str], usual_ratio: float
) -> str | None:
    """The first rule that the pair breaks by itself, or None. `usual_ratio`: source characters per target character."""
    if not source or not target:
        return "empty"
    longest = max(len(source), len(target))
    if config.max_chars is not None and longest > config.max_chars:
        return "too long"
    # A text has at least as many characters as words: most pairs need not be divided to be found short enough.
    may_be_long = config.max_words is not None and longest > config.max_words
    if may_be_long and max(source.count(" "), target.count(" ")) + 1 > (config.max_words or longest):
        return "too long"
    if config.max_length_ratio is not None:
        ratio = (len(source) + 10) / (len(target) * usual_ratio + 10)
        if max(ratio, 1 / ratio) > config.max_length_ratio:
            return "length ratio"
    if config.drop_identical and source == target:
        return "identical sides"
    if config.max_foreign_letters is not None:
        sides = zip((source, target), languages, strict=True)
        if any(foreign_letters(text, language) > config.max_foreign_letters for text, language in sides):
            return "wrong script"
    return None
