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

# What the escapes mean in `re` and in `regex`, as the content of a class.
_SPACE = r"\x09-\x0d\x1c-\x1f\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CLASSES = {
    "re": {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": _SPACE},
    "regex": {
        "d": r"\p{Nd}",
        "w": r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}",
        "s": _SPACE.replace(r"\x1c-\x1f", ""),
    },
}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a"}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_BINARY_PROPERTIES = {"ExtPict", "EMod", "RI", "Alphabetic", "Lowercase", "Uppercase", "Emoji"}
_CATEGORY = re.compile(r"[CLMNPSZ][a-z]?")
_PROPERTY = re.compile(r"[pP]\{(\^?)(?:(scx|sc|gc|Script|Script_Extensions)=)?(\w+)\}")
_QUANTIFIER = re.compile(r"[*+?]|\{(?:\d+(?:,\d*)?|,\d+)\}")
_NAMED_GROUP = re.compile(r"P?<(\w+)>")
_FLAGS = re.compile(r"(V[01]|[a-zL]*)(-[a-z]+)?([:)])")
_SET_OPERATION = re.compile("--|&&")
# Letters that are equal to an ASCII letter where case does not count.
_OTHER_CASES = {"s": "ſ", "k": "K"}


class UnsupportedPatternError(ValueError):
    """A pattern has something that JavaScript lacks."""


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


class _Parser:
    """Reads a pattern from left to right and writes JavaScript."""

    def __init__(self, pattern: str, dialect: str, flags: int) -> None:
        self._pattern = pattern
        self._position = 0
        self._classes = _CLASSES[dialect]
        self._verbose = bool(flags & re.VERBOSE)
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
        if self._position < len(self._pattern):
            raise self._unsupported("a bracket too many")
        return code

    # -- structure ---------------------------------------------------------------------------------

    def _alternatives(self) -> _Code:
        code = self._sequence()
        while self._take("|"):
            code += ["|", *self._sequence()]
        return code

    def _sequence(self) -> _Code:
        code: _Code = []
        while True:
            self._skip_white_space()
            if self._position == len(self._pattern) or self._next() in "|)":
                return code
            atom = self._atom()
            self._skip_white_space()
            code += self._quantified(atom)

    def _quantified(self, atom: _Code) -> _Code:
        match = _QUANTIFIER.match(self._pattern, self._position)
        if match is None:
            return atom
        self._position = match.end()
        times = match[0].replace("{,", "{0,")
        if self._take("+"):
            return self._atomic([*atom, times])
        return [*atom, times, "?"] if self._take("?") else [*atom, times]

    def _atomic(self, code: _Code) -> _Code:
        if self._lookbehinds:
            raise self._unsupported("a possessive quantifier in a look-behind")
        group = _Open(self._new_key())
        return ["(?=", group, *code, "))", _Reference(group.key)]

    def _atom(self) -> _Code:
        character = self._pattern[self._position]
        self._position += 1
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
        if not self._take("?"):
            self._num_groups += 1
            return self._capturing(str(self._num_groups))
        for opening in ("<=", "<!"):
            if self._take(opening):
                self._lookbehinds += 1
                code = self._bracketed("(?" + opening)
                self._lookbehinds -= 1
                return code
        for opening in ("=", "!"):
            if self._take(opening):
                return self._bracketed("(?" + opening)
        if self._take(">"):
            code = self._alternatives()
            self._expect(")")
            return self._atomic(code)
        if self._take("P="):
            end = self._pattern.index(")", self._position)
            name = self._pattern[self._position : end]
            self._position = end + 1
            return [self._reference(name)]
        named = _NAMED_GROUP.match(self._pattern, self._position)
        if named is not None:
            self._position = named.end()
            self._num_groups += named[1] not in self._keys
            return self._capturing(named[1])
        return self._with_flags()

    def _capturing(self, name: str) -> _Code:
        group = _Open(self._new_key(), name)
        self._keys[name] = group.key
        self._keys.setdefault(str(self._num_groups), group.key)
        code = self._alternatives()
        self._expect(")")
        return [group, *code, ")"]

    def _bracketed(self, opening: str) -> _Code:
        code = self._alternatives()
        self._expect(")")
        return [opening, *code, ")"]

    def _with_flags(self) -> _Code:
        """Reads `(?:…)`, `(?i:…)` and `(?i)`."""
        match = _FLAGS.match(self._pattern, self._position)
        if match is None or match[2]:
            raise self._unsupported("this group")
        self._position = match.end()
        before = (self._ignores_case, self._dot_is_all)
        self._has_set_operations |= match[1] == "V1"
        for flag in match[1] if match[1][:1] != "V" else "":
            if flag not in "isu":
                raise self._unsupported(f"the flag {flag}")
            self._ignores_case |= flag == "i"
            self._dot_is_all |= flag == "s"
        if match[3] == ")":
            return []
        code = self._bracketed("(?:")
        self._ignores_case, self._dot_is_all = before
        return code

    # -- single characters -------------------------------------------------------------------------

    def _escape(self) -> _Code:
        character = self._next()
        if character in "dws":
            self._position += 1
            return [f"[{self._classes[character]}]"]
        if character in "DWS":
            self._position += 1
            return [f"[^{self._classes[character.lower()]}]"]
        if character in "pP":
            return [self._property()]
        if character in "bB":
            self._position += 1
            word = f"[{self._classes['w']}]"
            if character == "b":
                return [f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"]
            return [f"(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"]
        if character in "AZ":
            self._position += 1
            return ["^" if character == "A" else "$"]
        if character in "123456789":
            digits = re.compile(r"\d+").match(self._pattern, self._position)
            assert digits is not None
            self._position = digits.end()
            return [self._reference(digits[0])]
        return [self._literal(self._escaped_character())]

    def _escaped_character(self) -> str:
        character = self._next()
        self._position += 1
        if character in _HEX_DIGITS:
            end = self._position + _HEX_DIGITS[character]
            code = int(self._pattern[self._position : end], 16)
            self._position = end
            return chr(code)
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isalnum():
            raise self._unsupported(f"\\{character}")
        return character

    def _property(self) -> str:
        match = _PROPERTY.match(self._pattern, self._position)
        if match is None:
            raise self._unsupported("this property")
        self._position = match.end()
        letter = match[0][0]
        if match[1]:
            letter = "P" if letter == "p" else "p"
        name = match[3]
        if match[2]:
            return rf"\{letter}{{{match[2]}={name}}}"
        if _CATEGORY.fullmatch(name) or name in _BINARY_PROPERTIES:
            return rf"\{letter}{{{name}}}"
        return rf"\{letter}{{Script={name}}}"

    def _literal(self, character: str) -> str:
        cases = self._cases(character)
        if len(cases) > 1:
            return "[" + "".join(map(_in_class, cases)) + "]"
        if character in _SYNTAX:
            return "\\" + character
        return character if character.isprintable() else _in_class(character)

    def _cases(self, character: str) -> list[str]:
        """Returns the characters that match this one."""
        if not self._ignores_case or not character.isalpha():
            return [character]
        cases = [character.lower(), character.upper(), _OTHER_CASES.get(character.lower(), "")]
        return sorted({character, *(case for case in cases if len(case) == 1)})

    # -- classes -----------------------------------------------------------------------------------

    def _set(self) -> str:
        """Reads a class of characters behind its opening bracket."""
        negation = "^" if self._take("^") else ""
        operands = [""]
        operations: list[str] = []
        is_first = True
        while is_first or self._next() != "]":
            operation = _SET_OPERATION.match(self._pattern, self._position)
            if operation is not None and self._has_set_operations and not is_first:
                self._position = operation.end()
                operations.append(operation[0])
                operands.append("")
            else:
                operands[-1] += self._member()
            is_first = False
        self._expect("]")
        if not operations:
            return f"[{negation}{operands[0]}]"
        if len(set(operations)) > 1:
            raise self._unsupported("two kinds of set operations in one class")
        return f"[{negation}" + operations[0].join(f"[{operand}]" for operand in operands) + "]"

    def _member(self) -> str:
        """Reads a character, a range, an escape or a class within a class."""
        if self._has_set_operations and self._take("["):
            return self._set()
        if self._pattern.startswith("[:", self._position):
            raise self._unsupported("a POSIX class")
        if self._next() == "\\":
            following = self._pattern[self._position + 1]
            if following in "dws":
                self._position += 2
                return self._classes[following]
            if following in "DWS":
                self._position += 2
                return f"[^{self._classes[following.lower()]}]"
            if following in "pP":
                self._position += 1
                return self._property()
        first = self._member_character()
        rest = self._pattern[self._position : self._position + 2]
        if rest[:1] != "-" or rest[1:] == "]" or (self._has_set_operations and rest == "--"):
            return "".join(map(_in_class, self._cases(first)))
        self._position += 1
        return self._range(first, self._member_character())

    def _range(self, first: str, last: str) -> str:
        pairs = {(first, last)}
        if self._ignores_case:
            pairs |= {(first.lower(), last.lower()), (first.upper(), last.upper())}
        return "".join(f"{_in_class(a)}-{_in_class(b)}" for a, b in sorted(pairs))

    def _member_character(self) -> str:
        character = self._next()
        self._position += 1
        if character == "\\":
            return "\b" if self._take("b") else self._escaped_character()
        return character

    # -- reading -----------------------------------------------------------------------------------

    def _next(self) -> str:
        if self._position == len(self._pattern):
            raise self._unsupported("an end like this")
        return self._pattern[self._position]

    def _take(self, text: str) -> bool:
        """Reads a text if it comes next."""
        if not self._pattern.startswith(text, self._position):
            return False
        self._position += len(text)
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unsupported(f"a group without {text!r}")

    def _skip_white_space(self) -> None:
        while self._verbose and self._position < len(self._pattern):
            if self._next() == "#":
                end = self._pattern.find("\n", self._position)
                self._position = len(self._pattern) if end < 0 else end
            elif not self._next().isspace():
                return
            else:
                self._position += 1
        if self._take("(?#"):
            self._position = self._pattern.index(")", self._position) + 1
            self._skip_white_space()

    def _new_key(self) -> int:
        self._num_keys += 1
        return self._num_keys

    def _reference(self, name: str) -> _Reference:
        if name not in self._keys or self._ignores_case:
            raise self._unsupported(f"the reference to the group {name}")
        return _Reference(self._keys[name])

    def _unsupported(self, what: str) -> UnsupportedPatternError:
        return UnsupportedPatternError(
            f"The regular expression {self._pattern!r} has {what} at position {self._position}, "
            "which JavaScript lacks."
        )


def _in_class(character: str) -> str:
    """Returns a character as JavaScript may have it in a class."""
    if character.isalnum() and character.isascii():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return character if character.isprintable() else f"\\u{{{code:x}}}"
