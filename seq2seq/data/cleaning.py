"""Cleaning: normalizes the text of a corpus and drops bad training pairs.

Only training pairs are filtered. Valid and test are only normalized, so that published test sets
stay the same. (Valid loses pairs with an empty side, for which there is no loss. Test keeps every
line.)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from seq2seq.config.data import CleaningConfig
from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.splitting import sentence_keys
from seq2seq.settings import NormalForm
from seq2seq.text.normalization import normalize_text, sentence_key
from seq2seq.text.scripts import foreign_letters

RULES = (
    "empty",
    "too long",
    "length ratio",
    "identical sides",
    "wrong script",
    "overlap with valid/test",
    "duplicate",
)
"""The reasons to drop a pair, in the order of the checks. A pair counts for the first one."""


@dataclass(frozen=True, kw_only=True)
class SplitReport:
    """What cleaning did to one split."""

    before: int
    """Pairs before cleaning."""
    after: int
    """Pairs after cleaning."""
    changed: int
    """Texts that normalization changed; a pair has two."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Rule of `RULES` -> pairs dropped by it. It has only the rules that apply to this split."""


@dataclass(frozen=True, kw_only=True)
class CleaningReport:
    """What cleaning did to each split."""

    splits: dict[str, SplitReport]

    def lines(self) -> list[str]:
        """Returns a line for each split, and one for each rule that dropped pairs."""
        lines = []
        for name, report in self.splits.items():
            lines.append(
                f"{name}: {report.before:,} pairs, {report.after:,} kept; "
                f"{report.changed:,} texts normalized"
            )
            for rule, count in report.dropped.items():
                if count:
                    lines.append(f"  dropped, {rule}: {count:,}")
        return lines


def clean_corpora(
    corpora: Sequence[Corpus], config: CleaningConfig
) -> tuple[list[Corpus], list[CleaningReport]]:
    """Cleans each corpus by itself, but drops training pairs that overlap with valid or test of
    any of them. A pair that two corpora have stays in both: their weights may differ."""
    held_out = [_held_out(corpus.splits) for corpus in corpora]
    clean = []
    reports = []
    for index, corpus in enumerate(corpora):
        others = [pairs for i, parts in enumerate(held_out) if i != index for pairs in parts]
        cleaned, report = clean_corpus(corpus, config, others)
        clean.append(cleaned)
        reports.append(report)
    return clean, reports


def clean_corpus(
    corpus: Corpus, config: CleaningConfig, held_out: Sequence[Pairs] = ()
) -> tuple[Corpus, CleaningReport]:
    """Returns the cleaned corpus, and what each rule did.

    Args:
        corpus: the raw pairs.
        config: the rules.
        held_out: raw pairs of other corpora. Training pairs must not overlap with them either.
    """
    splits: dict[str, Pairs] = {}
    reports: dict[str, SplitReport] = {}
    for name, pairs in corpus.splits.items():
        clean = _normalize_pairs(pairs, config.normalize)
        changed = _count_different(clean.source, pairs.source)
        changed += _count_different(clean.target, pairs.target)
        dropped = {}
        if name == "valid":
            nonempty = [i for i, (source, target) in enumerate(clean) if source and target]
            dropped["empty"] = len(clean) - len(nonempty)
            clean = clean.select(nonempty)
        splits[name] = clean
        reports[name] = SplitReport(
            before=len(pairs), after=len(clean), changed=changed, dropped=dropped
        )
    if "train" in splits:
        languages = (corpus.source_language, corpus.target_language)
        normalized = [_normalize_pairs(pairs, config.normalize) for pairs in held_out]
        all_held_out = [*_held_out(splits), *normalized]
        splits["train"], dropped = _filter_train(splits["train"], all_held_out, config, languages)
        after = len(splits["train"])
        reports["train"] = replace(reports["train"], after=after, dropped=dropped)
    return replace(corpus, splits=splits), CleaningReport(splits=reports)


def clean_extra_pairs(
    extra: Pairs, corpus: Corpus, config: CleaningConfig
) -> tuple[Pairs, CleaningReport]:
    """Cleans extra training pairs like the training pairs of the corpus.

    Args:
        extra: the extra pairs.
        corpus: pairs that overlap with its valid or test split are dropped.
        config: the rules.
    """
    splits = {**corpus.splits, "train": extra}
    clean, report = clean_corpus(replace(corpus, splits=splits), config)
    return clean.splits["train"], CleaningReport(splits={"extra pairs": report.splits["train"]})


def _held_out(splits: dict[str, Pairs]) -> list[Pairs]:
    return [pairs for name, pairs in splits.items() if name != "train"]


def _normalize_pairs(pairs: Pairs, form: NormalForm) -> Pairs:
    return Pairs(
        source=[normalize_text(text, form) for text in pairs.source],
        target=[normalize_text(text, form) for text in pairs.target],
        groups=pairs.groups,
    )


def _count_different(texts: Iterable[str], others: Iterable[str]) -> int:
    return sum(text != other for text, other in zip(texts, others, strict=True))


def _filter_train(
    train: Pairs, held_out: list[Pairs], config: CleaningConfig, languages: tuple[str, str]
) -> tuple[Pairs, dict[str, int]]:
    """Returns the training pairs that pass every rule, and the number dropped by each rule."""
    held_out_sources, held_out_targets = sentence_keys(held_out if config.drop_overlap else [])
    typical_ratio = _typical_length_ratio(train)
    dropped = dict.fromkeys(RULES, 0)
    passing = []
    seen: set[tuple[str, str]] = set()
    for index, (source, target) in enumerate(train):
        rule = _broken_rule(source, target, config, languages, typical_ratio)
        if rule is None and config.drop_overlap:
            if sentence_key(source) in held_out_sources or sentence_key(target) in held_out_targets:
                rule = "overlap with valid/test"
        if rule is None and config.drop_duplicates:
            if (source, target) in seen:
                rule = "duplicate"
            seen.add((source, target))
        if rule is None:
            passing.append(index)
        else:
            dropped[rule] += 1
    return train.select(passing), dropped


def _typical_length_ratio(pairs: Pairs) -> float:
    """Returns the median number of source characters per target character.

    The median, unlike the mean, is not moved by a few pairs of unusual lengths.
    """
    ratios = [len(source) / len(target) for source, target in pairs if source and target]
    return median(ratios or [1.0])


def _broken_rule(
    source: str,
    target: str,
    config: CleaningConfig,
    languages: tuple[str, str],
    typical_ratio: float,
) -> str | None:
    """Returns the first rule that the pair breaks by itself, or None."""
    if not source or not target:
        return "empty"
    if _is_too_long(source, target, config):
        return "too long"
    if config.max_length_ratio is not None:
        ratio = (len(source) + 10) / (len(target) * typical_ratio + 10)
        if max(ratio, 1 / ratio) > config.max_length_ratio:
            return "length ratio"
    if config.drop_identical and source == target:
        return "identical sides"
    if config.max_foreign_letters is not None:
        for text, language in zip((source, target), languages, strict=True):
            if foreign_letters(text, language) > config.max_foreign_letters:
                return "wrong script"
    return None


def _is_too_long(source: str, target: str, config: CleaningConfig) -> bool:
    longest = max(len(source), len(target))
    if config.max_chars is not None and longest > config.max_chars:
        return True
    # A text has at least as many characters as words, so the words of short texts need no count.
    if config.max_words is None or longest <= config.max_words:
        return False
    most_words = max(source.count(" "), target.count(" ")) + 1
    return most_words > config.max_words
