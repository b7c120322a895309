"""Claims about the families, and the rules that check them against measured numbers.

The claims are data, in claims.yaml beside this file. Each study computes measures: numbers with a
name, or a number for each of several names (probes, runs, gates). A rule compares them:

    speed_left[lstm] < speed_left[transformer]
    gradient_left[lstm] > 100 * gradient_left[rnn]
    parameters[*] >= 9e6 and parameters[*] <= 11e6

`[*]` stands for every name of the measure, and the comparison must hold for all of them. A claim
about a name that was not measured is left out.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from seq2seq.config.section import Section

Measures = Mapping[str, float | str | Mapping[str, float]]
"""Measure -> its number, its text, or a number for each name."""

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_COMPARISON = re.compile(r"(.+?) (<|<=|>|>=|==) (.+)")
_OPERAND = re.compile(
    r"(?:(?P<factor>\S+) \* )?(?P<measure>[a-z_]+)(?:\[(?P<name>[^\]]+)\])?", re.ASCII
)


@dataclass(frozen=True)
class Claim:
    """A claim and its verdict."""

    text: str
    holds: bool | None
    """None means that the numbers cannot decide."""
    numbers: str
    """The numbers behind the verdict."""


class ClaimRule(Section):
    """A claim in claims.yaml. `text` and `numbers` are templates: {measure[name]:.1f}."""

    text: str
    """What is claimed."""
    holds: str
    """The rule: comparisons joined by `and`."""
    undecided_if: str | None = None
    """A rule; if it holds, the numbers cannot decide about the claim."""
    numbers: str
    """The numbers that the page shows. {measure:.1f} lists the numbers of all names."""
    for_each: str | None = None
    """A measure. The claim is made for each of its names, which the rule and the templates call
    `each`."""
    excluding: tuple[str, ...] = ()
    """Names that the claim is not about."""


class NotMeasured(Exception):
    """A claim is about a name that was not measured."""


@dataclass(frozen=True)
class _Operand:
    """A constant (`measure` is None), or factor * measure[name]."""

    factor: float
    measure: str | None = None
    name: str | None = None

    @classmethod
    def parse(cls, text: str) -> "_Operand":
        match = _OPERAND.fullmatch(text)
        if match is None:
            return cls(float(text))
        return cls(float(match["factor"] or 1), match["measure"], match["name"])

    def value(self, scope: "_Scope", star: str | None) -> float:
        """The number. `star` is the name that `*` stands for."""
        if self.measure is None:
            return self.factor
        if self.name is None:
            return self.factor * scope.number(self.measure)
        name = star if self.name == "*" and star is not None else self.name
        return self.factor * scope.numbers(self.measure)[name]


class _NamedNumbers(dict[str, float]):
    """The numbers of one measure by name. Formatting it lists all of them."""

    def __missing__(self, name: str) -> float:
        raise NotMeasured(name)

    def __format__(self, spec: str) -> str:
        return ", ".join(f"{name}: {value:{spec}}" for name, value in self.items())


class _Scope(dict[str, float | str | _NamedNumbers]):
    """The measures that one claim can see."""

    def number(self, measure: str) -> float:
        value = self[measure]
        if not isinstance(value, int | float):
            raise TypeError(f"{measure} is not one number")
        return value

    def numbers(self, measure: str) -> _NamedNumbers:
        value = self[measure]
        if not isinstance(value, _NamedNumbers):
            raise TypeError(f"{measure} has no names")
        return value


def check_claims(study: str, measures: Measures) -> list[Claim]:
    """Checks the claims of a study.

    Args:
        study: the study's key in claims.yaml.
        measures: the numbers that the study measured.

    Raises:
        KeyError: a rule or template uses a measure that the study does not have.
    """
    claims = []
    for rule in load_claim_rules().get(study, ()):
        claims += check_claim(rule, measures)
    return claims


@cache
def load_claim_rules() -> dict[str, list[ClaimRule]]:
    """Reads claims.yaml: study -> its claims."""
    text = resources.files("seq2seq.studies").joinpath("claims.yaml").read_text(encoding="utf-8")
    rules = {}
    for study, entries in yaml.safe_load(text).items():
        rules[study] = [ClaimRule.model_validate(entry) for entry in entries]
    return rules


def check_claim(rule: ClaimRule, measures: Measures) -> list[Claim]:
    """Returns one claim; with `for_each` one for each name; none if the numbers are missing."""
    if rule.for_each is None:
        scopes = [_scope(rule, measures, None)]
    else:
        names = [name for name in _names(measures, rule.for_each) if name not in rule.excluding]
        scopes = [_scope(rule, measures, name) for name in names]
    claims = []
    for scope in scopes:
        try:
            undecided = rule.undecided_if is not None and _holds(rule.undecided_if, scope)
            holds = None if undecided else _holds(rule.holds, scope)
            text = rule.text.format_map(scope)
            numbers = rule.numbers.format_map(scope)
        except NotMeasured:
            continue
        claims.append(Claim(text, holds, numbers))
    return claims


def _names(measures: Measures, measure: str) -> list[str]:
    value = measures[measure]
    if not isinstance(value, Mapping):
        raise TypeError(f"{measure} has no names")
    return list(value)


def _scope(rule: ClaimRule, measures: Measures, each: str | None) -> _Scope:
    """Returns the measures without the excluded names. `each` is added as a name and as a text."""
    scope = _Scope()
    for measure, value in measures.items():
        if not isinstance(value, Mapping):
            scope[measure] = value
            continue
        numbers = _NamedNumbers()
        for name, number in value.items():
            if name not in rule.excluding:
                numbers[name] = number
        if each is not None and each in numbers:
            numbers["each"] = numbers[each]
        scope[measure] = numbers
    if each is not None:
        scope["each"] = each
    return scope


def _holds(rule: str, scope: _Scope) -> bool:
    # Every part is evaluated, so that a missing number is always noticed.
    verdicts = [_compare(part, scope) for part in rule.split(" and ")]
    return all(verdicts)


def _compare(text: str, scope: _Scope) -> bool:
    match = _COMPARISON.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a comparison, such as `speed[lstm] < 100`")
    left = _Operand.parse(match[1])
    compare = _OPERATORS[match[2]]
    right = _Operand.parse(match[3])
    starred = [each for each in (left, right) if each.name == "*" and each.measure is not None]
    if not starred:
        return compare(left.value(scope, None), right.value(scope, None))
    names = list(scope.numbers(str(starred[0].measure)))
    if not names:
        raise NotMeasured(starred[0].measure)
    verdicts = [compare(left.value(scope, name), right.value(scope, name)) for name in names]
    return all(verdicts)
