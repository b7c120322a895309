"""Finding the parts of a text that a translation keeps as they are: addresses, numbers, code, …

One regular expression finds them all. At a position the first alternative that fits wins, so the
special comes before the general. Time is linear in the length of the text: no alternative scans
past the place where the next one of its kind could start, or it has a bound.
"""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import regex

from seq2seq.errors import UserError

SpanKind = Literal[
    "url",
    "email",
    "path",
    "placeholder",
    "tag",
    "entity",
    "code",
    "handle",
    "number",
    "emoji",
    "symbol",
    "reserved",
    "pattern",
    "unknown",
]


@dataclass(frozen=True)
class Span:
    """A part of a text.

    Attributes:
        start: the position of its first character.
        end: the position after its last character.
        kind: what it is.
    """

    start: int
    end: int
    kind: SpanKind


class SpanFinder:
    """Finds the parts of a text that must not change in translation."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """
        Args:
            patterns: regular expressions of the user. What they match is a span, whatever else it
                is. The first one that matches wins.

        Raises:
            UserError: a pattern is no regular expression, or it matches the empty text.
        """
        self._patterns = [_compile_user_pattern(pattern) for pattern in patterns]

    def find(self, text: str) -> list[Span]:
        """Returns the spans of a text in their order. They do not overlap."""
        spans: list[Span] = []
        for pattern in self._patterns:
            spans = _fill_gaps(text, spans, functools.partial(_user_spans, pattern))
        return _fill_gaps(text, spans, _built_in_spans)


def _fill_gaps(
    text: str, spans: list[Span], find: Callable[[str, int, int], list[Span]]
) -> list[Span]:
    """Adds the spans that `find` finds between those that there are."""
    filled = []
    start = 0
    for span in spans:
        filled += [*find(text, start, span.start), span]
        start = span.end
    return filled + find(text, start, len(text))


def _user_spans(pattern: regex.Pattern[str], text: str, start: int, end: int) -> list[Span]:
    matches = pattern.finditer(text, start, end)
    return [Span(*match.span(), "pattern") for match in matches if match[0]]


def _compile_user_pattern(pattern: str) -> regex.Pattern[str]:
    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise UserError(
            f"text.protect: {pattern!r} is not a valid regular expression: {error}. Correct it. "
            "A character that stands for itself may need a backslash before it."
        ) from None
    # Some match the empty text only beside a word, such as \b.
    if any(match.end() == match.start() for match in compiled.finditer("a 1")):
        raise UserError(
            f"text.protect: {pattern!r} matches the empty text. A pattern must match at least one "
            "character: write + instead of *, for example."
        )
    return compiled


def _built_in_spans(text: str, start: int, end: int) -> list[Span]:
    if _UNUSUAL.search(text, start, end) is None:
        return []
    spans: list[Span] = []
    repeated = ""  # the symbol that the last span consists of
    for match in _built_in_pattern().finditer(text, start, end):
        if match.lastgroup == "plain":
            continue
        kind = cast(SpanKind, match.lastgroup)
        span = Span(match.start(), match.end(), kind)
        if kind in ("emoji", "symbol"):
            last = spans[-1] if spans else None
            if last and (last.end, last.kind, repeated) == (span.start, kind, match[0]):
                span = Span(spans.pop().start, span.end, kind)
            repeated = match[0]
        spans.append(span)
    return spans


# No span is without any of these. They are seldom in other sentences. The standard library's `re`
# is faster here. It does not know the classes of Unicode, so the frequent letters are listed.
_UNUSUAL = re.compile(
    r"[^\s\-A-Za-zÀ-ÖØ-öø-ɏΑ-ΡΣ-ωА-яЁёא-תء-يぁ-ゖァ-ヺ一-鿿가-힣.,;:!?()\"'„“”‚‘’«»‹›…–—。、]"
    r"|\w\(|[.:]\w|(?<!\w)--?\w"
)

# -- parts of the patterns -------------------------------------------------------------------------

_QUOTES = "\"'„“”‚‘’«»‹›"

_EXTENSIONS = (
    "7z aac apk avi bak bat bin bmp bz2 c cab cfg class cmd conf cpp cs css csv cue dat db deb dll "
    "dmg doc docm docx dot dotx eml eps epub exe flac flv fods fodt gif go gpx gz h hpp htm html "
    "ico ics img ini ipynb iso jar java jpeg jpg js json jsonl jsx key kt less lnk lock log lua "
    "m3u md mdb mid mkv mobi mov mp3 mp4 mpeg mpg msi odb odf odg odp ods odt ogg ogv otf ott ots "
    "pdf php pl png po pot pps ppt pptx ps psd py pyc rar rb reg rpm rs rst rtf scss sh so sql "
    "srt svg svgz swf sxw tar tex tgz tif tiff tmp tmx toml ts tsv tsx ttf txt vbs vcf vue war wav "
    "webm webp wma wmv woff xcf xhtml xls xlsm xlsx xml xsd xsl xslt xz yaml yml zip zst"
)
_DOMAINS = (
    "com org net edu gov info biz io dev app eu de at ch li uk fr nl be it es pt pl cz sk hu ro gr "
    "dk se fi ru ua tr jp cn kr br mx ca au nz"
)


def _either(words: str) -> str:
    """Returns a pattern for the words, in small letters or in capitals.

    A single letter after a single letter is an abbreviation ("d.h."), so it does not match.
    """
    longest_first = sorted(words.split(), key=len, reverse=True)
    longer = [word for word in longest_first if len(word) > 1]
    single = [rf"(?<=\w\w\.){word}" for word in longest_first if len(word) == 1]
    either = "|".join([*longer, *(word.upper() for word in longer), *single])
    # The look ahead saves time: it rules out most other words.
    return rf"(?= (?: [a-z\d]{{1,6}}+ | [A-Z\d]{{2,6}}+ ) (?!\w) ) (?: {either} )"


def _nested(opening: str, closing: str, inner: str) -> str:
    """Returns a pattern for `inner` between brackets, with brackets inside down to a depth.

    Of many unclosed brackets, only the last few scan the same text. So time stays linear.
    """
    pattern = f"{opening}(?:{inner})*+{closing}"
    for _ in range(3):
        pattern = f"{opening}(?:{inner}|{pattern})*+{closing}"
    return pattern


# Patterns are verbose: spaces mean nothing outside of brackets. <<name>> stands for one of these.
_PARTS = {
    "quotes": _QUOTES,
    # A sign, an option or a path starts a word.
    "after_space": rf"(?<![^\s(\[{{{_QUOTES}=:])",
    # In scripts without capitals, words and numbers stand side by side without a space.
    "not_in_word": r"(?<![\p{Lu}\p{Ll}\p{Mn}\p{Nd}_])",
    "address_letter": r"(?:(?![\p{Han}\p{Hiragana}\p{Katakana}])[\p{L}\p{M}\p{N}/=&#%~+@$_-])",
    "path_letter": r"[\w$@~+=%&#-]",
    "folder": rf"[^\s\\/:*?<>|{_QUOTES}]{{1,64}}+",
    "extension": _either(_EXTENSIONS),
    "domain": _either(_DOMAINS),
    # A space in the arguments of a call stands beside a separator or an operator, or in a string.
    "arguments": _nested(
        r"\(", r"\)", r'[^()\s"]|"[^"]{0,200}+"|(?<=[;,<>=+*/&(-])\s|\s(?=[<>=+*/&)-])'
    ),
    "icu_types": "plural|selectordinal|select|choice|number|date|time|duration|ordinal|spellout",
    "icu": _nested(r"\{", r"\}", "[^{}]"),
    # With its style, its skin tone, and the letters of a region's flag.
    "picture": r"[\p{ExtPict}\p{EMod}][\ufe0e\ufe0f]?+\p{EMod}?+[\U000e0020-\U000e007f]*+",
}
# Punctuation belongs to an address only if more of the address follows. Brackets come in pairs.
_PARTS["address"] = r"""(?: <<address_letter>> | [.,;:!?*']++(?=<<address_letter>>)
    | \([\p{L}\p{N}/=&%~+@$_.,-]*+\) | \[[\p{L}\p{N}_-]*+\] | \{[\w.]*+\} )"""
_PARTS["attribute"] = r"""\s{1,8}+ (?:
    [a-zA-Z_:@][\w:.-]{0,63}+ \s?+ = \s?+ (?: "[^"<>]*+" | '[^'<>]*+' | [^\s"'<>=`]++ )
    | (?: disabled | checked | selected | hidden | required | readonly | open | controls ) \b )"""
# A space groups digits by three, or "2 3" would be one number.
_PARTS["number"] = r"""(?: (?:
      \d{1,3}+ (?: [ \u00a0\u2009\u202f]\d{3} )++ (?!\d) (?: [.,]\d++ )?
    | \d++ (?: [.,:/'’–-]\d++ )*+
      (?: T\d\d:\d\d (?: :\d\d (?: [.,]\d++ )? )? (?: Z | [+-]\d\d:?\d\d )? )?
      (?: [eE][+-]?\d++ )?
    ) \p{No}*+ )"""


def _fill(pattern: str) -> str:
    while "<<" in pattern:
        pattern = regex.sub(r"<<(\w+)>>", lambda match: _PARTS[match[1]], pattern)
    return pattern


# -- spans that start with a letter or a digit -----------------------------------------------------

_WORD_SPANS = r"""
(?P<url>
    (?: [a-zA-Z][a-zA-Z0-9+.-]{1,20}+:// | (?:mailto|tel|about|urn|doi|magnet): | [wW]{3}\d?\. )
    (?=<<address_letter>>) <<address>>++
)
| (?P<email> [\w.+-]{1,64}+ @ [\w-]{1,63}+ (?: \.[\w-]{1,63}+ ){0,6} )
| (?P<path>
    [A-Za-z]: (?: \\ (?: <<folder>> (?: [ ]<<folder>> ){0,3} \\ )*+ | / (?: <<folder>> / )*+ )
    (?: <<path_letter>> | [.,()](?=<<path_letter>>) )*+
  | (?<![\w.+/\\-][.+/\\-]) \w (?: [\w+/\\-]{0,64}+\. ){1,8} <<extension>> (?!\w)
  | (?<![\w.-][.-]) (?=[\w-]{2}) (?: [\w-]{1,63}+\. ){1,5} <<domain>> (?! [\w@] | \.\w )
    (?: :\d{1,5} )? (?: /<<address>>*+ )?
  | localhost (?: :\d{1,5} (?: /<<address>>*+ )? | /<<address>>++ )
)
| (?P<emoji> \d\ufe0f?\u20e3 )
| (?P<number> [vV]\d++ (?: \.\d++ )++ (?! [\p{Lu}\p{Ll}]*+\d ) )
| (?P<code>
    \p{Lu}[\p{Lu}\d._]{1,40}+ (?! \(-?\p{Ll}++\) ) <<arguments>>
  | [\p{L}_][\w.]{0,60}+ (?! \([\p{L}\s./-]++\) ) <<arguments>>
  | [0-9a-fA-F]{8} (?: -[0-9a-fA-F]{4} ){3} -[0-9a-fA-F]{12} (?!\w)
  | [0-9a-fA-F]{2} (?: [:-][0-9a-fA-F]{2} ){5} (?!\w)
  | 0[xX][0-9a-fA-F]++ (?!\w)
  | [\p{L}\p{N}]{1,64}+ (?: _++[\p{L}\p{N}]++ )++ (?: \.\w++ )*+ (?: \(\) )?
  | \p{Lu}{1,8} (?: -\p{Lu}{1,8} ){0,2} -\d[\p{Lu}\d]*+ (?: -[\p{Lu}\d]++ (?!\p{L}) )*+
    (?! [\p{L}\p{N}] | [.,]\d )
  | [\p{Lu}\p{Ll}]++\d[\p{Lu}\p{Ll}\d]*+ (?: [.:][A-Z]{0,3}\d++ (?!\p{L}) )*+
    (?: -[\p{Lu}\d]*?\d[\p{Lu}\d]*+ (?![\p{L}\p{N}]) )*+
  | \d++ (?: \.\d++ )*+ (?! [eE]\d++(?!\w) ) [\p{Lu}\p{Ll}]++ \d[\p{Lu}\p{Ll}\d]*+
  | \d++ \p{Lu}[\p{Lu}\d]*+ (?!\p{L})
  | [A-RT-Z]\.\d++ (?! [\w.]\w )
  | [A-Z] (?: \+\+ | \# ) (?!\w)
)
| (?P<number> 0\d{2,5}+ [ /-]\d{3,}+ (?: [ -]\d{2,}+ )*+ | <<number>> )
"""

# -- spans that start with another character -------------------------------------------------------

_OTHER_SPANS = r"""
(?P<reserved> \p{Co}++ )
| (?P<emoji> [\#*]\ufe0f?\u20e3 )
| (?P<tag>
    <!-- (?: [^<-] | -(?!->) | <(?!!--) )*+ -->
  | </?[\p{L}_][\w:.-]{0,63}+ (?: <<attribute>> )*+ \s{0,8}+ /?>
  | <[!?][A-Za-z\[][^<>]*+> | <\|\w++\|>
)
| (?P<placeholder>
    (?= \{\s*+[\w.]++\s*+,\s*+(?:<<icu_types>>)\b ) <<icu>>
  | \{\{\{?+ [^{}]++ \}\}\}? | \{ [^\s{}"']*+ \}
  | [$\#%]\{ [^\s{}]++ \} | \$\([\w.-]++\)
  | %%
  | (?: (?<!\d) | (?<=%\d) ) %
    (?: \([\w.-]++\)[a-zA-Z] | <\w++>[a-zA-Z]? | [A-Za-z_]\w++%(?!\w) | [A-Z][A-Z0-9_]++
      | (?: \d{1,2}\$ )? [-+0\#]*+ (?: \d{1,3}+ | \* )? (?: \.(?:\d++|\*) )? (?:hh?|ll?|z|j|t)?
        [a-zA-Z@] (?! [a-zA-Z]{2} )
      | \d{1,2}+ )
)
| (?P<entity> & (?: [a-zA-Z][a-zA-Z0-9]{1,31}+ | \#\d{1,7}+ | \#[xX][0-9a-fA-F]{1,6}+ ) ; )
| (?P<code>
    `{1,3}+ [^`]++ `{1,3}+
  | <<not_in_word>> \$[A-Z]{1,3}+\$?\d{1,7}+ (?: :\$?[A-Z]{1,3}+\$?\d{1,7}+ )?
  | =\p{Lu}[\p{Lu}\d._]{1,40}+ <<arguments>>
  | <<after_space>> --[a-zA-Z][\w-]++ (?: =[\w./:,-]*\w )?
  | <<after_space>> -[a-zA-Z] (?! [\w-] | \.\w )
  | __(?=\p{L})\w++ (?<=__)
  | \\[nrt](?![a-z])
  | (?<![\w&]) \#(?: [0-9a-fA-F]{6} (?: [0-9a-fA-F]{2} )? | (?=\w*\d)[0-9a-fA-F]{3,4} ) (?!\w)
)
| (?P<placeholder> <<not_in_word>> \$[a-zA-Z_]\w*+ )
| (?P<path>
    \\\\[\w.$-]++ (?: \\<<path_letter>>++ (?: \.[\w-]++ )*+ )*+ \\?
  | (?: \\[\w-]++ (?: \.[\w-]++ )*+ )++
  | <<after_space>> (?: ~/ | \.{1,2}/ | /(?=\.?[\p{L}_]) ) <<address>>*+
  | <<after_space>> (?: \*\.\w++ | \.[\p{L}_][\w-]++ )
)
| (?P<handle>
    (?<![\w&\#]) \# (?: DIV/0! | N/A | (?:WERT|VALUE|REF|BEZUG|ZAHL|NUM|NULL)! | NAME\? | \w++ )
  | (?<![\w@]) @[\p{L}_](?: \w | [.-](?=\w) )*+
)
| (?P<number>
    <<after_space>> \+\d (?= (?: [^\d\n]{0,3}\d ){6} ) \d{0,2}+
    (?: [ \u00a0]?\(\d{1,5}+\) )? (?: [ \u00a0/.-]{0,3} \d{1,12}+ ){1,8}+
  | \(0[ ]?\d{1,5}+\) [ \u00a0]? \d{2,}+ (?: [ /-]\d{2,}+ )*+
  | <<after_space>> [-+−] <<number>>
  | (?<!\w) \p{No}++
)
| (?P<symbol> <?[-=]{1,2}+> | <-{1,2}+ (?![\w-]) | @@++ | __++ | \|++ | (?![+=<>±])[\p{Sm}⁇⁈] )
| (?P<emoji> \p{RI}{2} | <<picture>> (?: \u200d<<picture>> )*+ | (?![°№℃℉])\p{So}\ufe0f? )
"""


@functools.cache
def _built_in_pattern() -> regex.Pattern[str]:
    # Most words consist of letters alone. They are passed over at once.
    plain = r"(?: \p{L}{1,64}+ (?! [\d_@:/\\(+#-] | \.\w ) [\s,;!?]*+ )++"
    word = rf"(?P<plain> {plain} ) | (?=[\p{{L}}\p{{N}}_]) (?: {_WORD_SPANS} )"
    pattern = rf"<<not_in_word>> (?: {word} ) | (?![\p{{L}}\s,;!?]) (?: {_OTHER_SPANS} )"
    return regex.compile(_fill(pattern), regex.VERBOSE)
