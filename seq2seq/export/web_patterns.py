"""Regular expressions of Python as regular expressions of JavaScript.

The page that translates offline finds spans, tags and marks with the patterns of `text/`. They are
compiled once, when a run is exported. What the two languages do differently is written out:

- verbose patterns lose their white space and comments;
- `X++` becomes `(?=(X+))\\1`, and an atomic group likewise: what a look-ahead has matched is not
  taken back;
- \\d, \\w, \\s and \\b become the classes of characters that Python means;
- letters that may have either case become classes of both.

The result needs the flag "v" of ECMAScript 2024.
"""

import re
from dataclasses import dataclass
from typing import Any

import regex

from seq2seq.export.web_character_classes import (
    CLASSES,
    PROPERTY,
    both_cases,
    in_class,
    property_class,
    range_class,
)
from seq2seq.export.web_pattern_reader import PatternReader

_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a"}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_QUANTIFIER = re.compile(r"[*+?]|\{(?:\d+(?:,\d*)?|,\d+)\}")
_NAMED_GROUP = re.compile(r"P?<(\w+)>")
_FLAGS = re.compile(r"(V[01]|[a-zL]*)(-[a-z]+)?([:)])")
_SET_OPERATION = re.compile("--|&&")


@dataclass(frozen=True)
class _Open:
    """The opening bracket of a group. Its name is None if only the translation needs it."""

    key: int
    name: str | None = None


@dataclass(frozen=True)
class _Reference:
    """A reference to the group with this key."""

    key: int


_Code = list["str | _Open | _Reference"]


def compile_pattern(pattern: "re.Pattern[str] | regex.Pattern[str]") -> dict[str, Any]:
    """Returns a compiled pattern as JavaScript.

    Returns:
        {"pattern": the source for the flag "v", "groups": {name: numbers}}. A group without a name
        is named by its number in Python. A name has several numbers if several groups have it.

    Raises:
        UnsupportedPatternError: the pattern has something that JavaScript lacks.
    """
    dialect = "re" if isinstance(pattern, re.Pattern) else "regex"
    parser = _Parser(pattern.pattern, dialect, pattern.flags)
    code = parser.parse()
    numbers: dict[int, int] = {}
    groups: dict[str, list[int]] = {}
    for part in code:
        if isinstance(part, _Open):
            numbers[part.key] = len(numbers) + 1
            if part.name is not None:
                groups.setdefault(part.name, []).append(numbers[part.key])
    source = ""
    for part in code:
        if isinstance(part, _Open):
            source += "("
        elif isinstance(part, _Reference):
            # The group keeps the reference apart from a digit that follows.
            source += rf"(?:\{numbers[part.key]})"
        else:
            source += part
    return {"pattern": source, "groups": groups}


class _Parser(PatternReader):
    """Reads a pattern from left to right and writes JavaScript."""

    def __init__(self, pattern: str, dialect: str, flags: int) -> None:
        super().__init__(pattern, verbose=bool(flags & re.VERBOSE))
        self._classes = CLASSES[dialect]
        self._ignores_case = bool(flags & re.IGNORECASE)
        self._dot_is_all = bool(flags & re.DOTALL)
        self._has_set_operations = False
        self._num_keys = 0
        # Name or number of a group of Python -> its last key.
        self._keys: dict[str, int] = {}
        self._num_groups = 0
        self._lookbehinds = 0

    def parse(self) -> _Code:
        code = self._alternatives()
        if self.position < len(self.pattern):
            raise self.unsupported("a bracket too many")
        return code

    # -- structure ---------------------------------------------------------------------------------

    def _alternatives(self) -> _Code:
        code = self._sequence()
        while self.take("|"):
            code += ["|", *self._sequence()]
        return code

    def _sequence(self) -> _Code:
        code: _Code = []
        while True:
            self.skip_white_space()
            if self.position == len(self.pattern) or self.next() in "|)":
                return code
            atom = self._atom()
            self.skip_white_space()
            code += self._quantified(atom)

    def _quantified(self, atom: _Code) -> _Code:
        match = _QUANTIFIER.match(self.pattern, self.position)
        if match is None:
            return atom
        self.position = match.end()
        times = match[0].replace("{,", "{0,")
        if self.take("+"):
            return self._atomic([*atom, times])
        return [*atom, times, "?"] if self.take("?") else [*atom, times]

    def _atomic(self, code: _Code) -> _Code:
        if self._lookbehinds:
            raise self.unsupported("a possessive quantifier in a look-behind")
        group = _Open(self._new_key())
        return ["(?=", group, *code, "))", _Reference(group.key)]

    def _atom(self) -> _Code:
        character = self.pattern[self.position]
        self.position += 1
        if character == "(":
            return self._group()
        if character == "[":
            return [self._set()]
        if character == "\\":
            return self._escape()
        if character == ".":
            return [r"\p{Any}" if self._dot_is_all else r"[^\n]"]
        if character == "^":
            return ["^"]
        if character == "$":
            return [r"(?=\n?$)"]
        return [self._literal(character)]

    # -- groups ------------------------------------------------------------------------------------

    def _group(self) -> _Code:
        if not self.take("?"):
            self._num_groups += 1
            return self._capturing(str(self._num_groups))
        for opening in ("<=", "<!"):
            if self.take(opening):
                self._lookbehinds += 1
                code = self._bracketed("(?" + opening)
                self._lookbehinds -= 1
                return code
        for opening in ("=", "!"):
            if self.take(opening):
                return self._bracketed("(?" + opening)
        if self.take(">"):
            code = self._alternatives()
            self.expect(")")
            return self._atomic(code)
        if self.take("P="):
            end = self.pattern.index(")", self.position)
            name = self.pattern[self.position : end]
            self.position = end + 1
            return [self._reference(name)]
        named = _NAMED_GROUP.match(self.pattern, self.position)
        if named is not None:
            self.position = named.end()
            self._num_groups += named[1] not in self._keys
            return self._capturing(named[1])
        return self._with_flags()

    def _capturing(self, name: str) -> _Code:
        group = _Open(self._new_key(), name)
        self._keys[name] = group.key
        self._keys.setdefault(str(self._num_groups), group.key)
        code = self._alternatives()
        self.expect(")")
        return [group, *code, ")"]

    def _bracketed(self, opening: str) -> _Code:
        code = self._alternatives()
        self.expect(")")
        return [opening, *code, ")"]

    def _with_flags(self) -> _Code:
        """Reads `(?:…)`, `(?i:…)` and `(?i)`."""
        match = _FLAGS.match(self.pattern, self.position)
        if match is None or match[2]:
            raise self.unsupported("this group")
        self.position = match.end()
        before = (self._ignores_case, self._dot_is_all)
        self._has_set_operations |= match[1] == "V1"
        for flag in match[1] if match[1][:1] != "V" else "":
            if flag not in "isu":
                raise self.unsupported(f"the flag {flag}")
            self._ignores_case |= flag == "i"
            self._dot_is_all |= flag == "s"
        if match[3] == ")":
            return []
        code = self._bracketed("(?:")
        self._ignores_case, self._dot_is_all = before
        return code

    # -- single characters -------------------------------------------------------------------------

    def _escape(self) -> _Code:
        character = self.next()
        if character in "dws":
            self.position += 1
            return [f"[{self._classes[character]}]"]
        if character in "DWS":
            self.position += 1
            return [f"[^{self._classes[character.lower()]}]"]
        if character in "pP":
            return [self._property()]
        if character in "bB":
            self.position += 1
            word = f"[{self._classes['w']}]"
            if character == "b":
                return [f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"]
            return [f"(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"]
        if character in "AZ":
            self.position += 1
            return ["^" if character == "A" else "$"]
        if character in "123456789":
            digits = re.compile(r"\d+").match(self.pattern, self.position)
            assert digits is not None
            self.position = digits.end()
            return [self._reference(digits[0])]
        return [self._literal(self._escaped_character())]

    def _escaped_character(self) -> str:
        character = self.next()
        self.position += 1
        if character in _HEX_DIGITS:
            end = self.position + _HEX_DIGITS[character]
            code = int(self.pattern[self.position : end], 16)
            self.position = end
            return chr(code)
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isalnum():
            raise self.unsupported(f"\\{character}")
        return character

    def _property(self) -> str:
        match = PROPERTY.match(self.pattern, self.position)
        if match is None:
            raise self.unsupported("this property")
        self.position = match.end()
        return property_class(match)

    def _literal(self, character: str) -> str:
        cases = self._cases(character)
        if len(cases) > 1:
            return "[" + "".join(map(in_class, cases)) + "]"
        if character in _SYNTAX:
            return "\\" + character
        return character if character.isprintable() else in_class(character)

    def _cases(self, character: str) -> list[str]:
        """Returns the characters that match this one."""
        return both_cases(character) if self._ignores_case else [character]

    # -- classes -----------------------------------------------------------------------------------

    def _set(self) -> str:
        """Reads a class of characters behind its opening bracket."""
        negation = "^" if self.take("^") else ""
        operands = [""]
        operations: list[str] = []
        is_first = True
        while is_first or self.next() != "]":
            operation = _SET_OPERATION.match(self.pattern, self.position)
            if operation is not None and self._has_set_operations and not is_first:
                self.position = operation.end()
                operations.append(operation[0])
                operands.append("")
            else:
                operands[-1] += self._member()
            is_first = False
        self.expect("]")
        if not operations:
            return f"[{negation}{operands[0]}]"
        if len(set(operations)) > 1:
            raise self.unsupported("two kinds of set operations in one class")
        return f"[{negation}" + operations[0].join(f"[{operand}]" for operand in operands) + "]"

    def _member(self) -> str:
        """Reads a character, a range, an escape or a class within a class."""
        if self._has_set_operations and self.take("["):
            return self._set()
        if self.pattern.startswith("[:", self.position):
            raise self.unsupported("a POSIX class")
        if self.next() == "\\":
            following = self.pattern[self.position + 1]
            if following in "dws":
                self.position += 2
                return self._classes[following]
            if following in "DWS":
                self.position += 2
                return f"[^{self._classes[following.lower()]}]"
            if following in "pP":
                self.position += 1
                return self._property()
        first = self._member_character()
        rest = self.pattern[self.position : self.position + 2]
        if rest[:1] != "-" or rest[1:] == "]" or (self._has_set_operations and rest == "--"):
            return "".join(map(in_class, self._cases(first)))
        self.position += 1
        return range_class(first, self._member_character(), ignores_case=self._ignores_case)

    def _member_character(self) -> str:
        character = self.next()
        self.position += 1
        if character == "\\":
            return "\b" if self.take("b") else self._escaped_character()
        return character

    def _new_key(self) -> int:
        self._num_keys += 1
        return self._num_keys

    def _reference(self, name: str) -> _Reference:
        if name not in self._keys or self._ignores_case:
            raise self.unsupported(f"the reference to the group {name}")
        return _Reference(self._keys[name])
