"""The patterns of the parts of a text that a translation keeps as they are.

One regular expression finds them all. At a position the first alternative that fits wins, so the
special comes before the general. Time is linear in the length of the text: no alternative scans
past the place where the next one of its kind could start, or it has a bound.
"""

import functools
import re

import regex

# No span is without any of these. They are seldom in other sentences. The standard library's `re`
# is faster here. It does not know the classes of Unicode, so the frequent letters are listed.
UNUSUAL = re.compile(
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

_CURRENCIES = (
    "AUD BGN BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS INR JPY KRW MXN NOK NZD PLN RON RUB SEK "
    "SGD UAH USD ZAR"
)
_SCRIPT_DIGITS = "²³¹⁰⁴-⁹₀-₉"


def _either(words: str) -> str:
    """Returns a pattern for the words, in small letters or in capitals.

    A single letter after a single letter is an abbreviation ("d.h."), so it does not match.
    """
    longest_first = sorted(words.split(), key=len, reverse=True)
    longer = [word for word in longest_first if len(word) > 1]
    single = [rf"(?<=\w\w\.){word}" for word in longest_first if len(word) == 1]
    either = "|".join([f"(?i: {'|'.join(longer)} )", *single])
    # The look ahead saves time: it rules out most other words.
    return rf"(?= (?: [a-z\d]{{1,6}}+ | [A-Z\d]{{2,6}}+ ) (?!\w) ) (?: {either} )"


def _until(first: str, middle: str, last: str) -> str:
    """Returns a pattern for what stands between two marks, such as {% and %}, and the marks.

    It goes no further than to the next opening mark. So time stays linear.
    """
    first, middle, last = (regex.escape(sign) for sign in (first, middle, last))
    inner = rf"[^{first}{middle}]++ | {middle}(?!{last}) | {first}(?!{middle})"
    return rf"{first}{middle} (?: {inner} )*+ {middle}{last}"


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
    # As in Jinja, Django and ERB.
    "template": f"{_until('{', '%', '}')} | {_until('{', '#', '}')} | {_until('<', '%', '>')}",
    # PHP code, or an instruction of XML.
    "instruction": _until("<", "?", ">"),
    # As in "$user->name[0]". A period that a capital follows ends a sentence.
    "variable": r"""<<not_in_word>> \$[a-zA-Z_]\w*+
        (?: (?: -> | :: | \.(?=\p{Ll}) ) [a-zA-Z_]\w*+ | \[[\w'"]++\] )*+""",
    # Closed by as many backticks as it starts with. A word goes on after a backtick that is an
    # apostrophe, and one starts after a backtick that is a quote.
    "backticks": r"""(?<![\p{Lu}\p{Ll}\p{Mn}\p{Nd}_`]) (?P<ticks>`{1,8}+) (?!`)
        (?: [^`]++ | (?! (?P=ticks)(?!`) ) `++ )*+ (?P=ticks) (?!`) (?! (?<=\s`{1,8})\w )""",
    "icu_types": "plural|selectordinal|select|choice|number|date|time|duration|ordinal|spellout",
    # Without spaces, but for one before an inner brace.
    "braces": _nested(r"\{", r"\}", r"""[^\s{}"']|[ ](?=\{)"""),
    "icu": _nested(r"\{", r"\}", "[^{}]"),
    # With its style, its skin tone, and the letters of a region's flag.
    "picture": r"[\p{ExtPict}\p{EMod}][\ufe0e\ufe0f]?+\p{EMod}?+[\U000e0020-\U000e007f]*+",
}
# Punctuation belongs to an address only if more of the address follows. Brackets come in pairs.
_PARTS["address"] = r"""(?: <<address_letter>> | [.,;:!?*']++(?=<<address_letter>>)
    | \([\p{L}\p{N}/=&%~+@$_.,-]*+\) | \[[\p{L}\p{N}_-]*+\] | \{[\w.]*+\} )"""
_PARTS["attribute_name"] = r"[\w:@*.\#()\[\]-]{1,64}+"
_PARTS["attribute"] = r"""(?:
    \s++ <<attribute_name>> \s*+ = \s*+
    (?: "[^"]*+" | '[^']*+' | \{ (?: [^{}] | \{[^{}]*+\} )*+ \} | [^\s"'<>=`]++ )
  | \s++ \{\{? [^{}]++ \}\}?
  | \s++ (?: disabled | checked | selected | hidden | required | readonly | open | controls | async
    | autofocus | autoplay | defer | download | inert | loop | multiple | muted | nomodule
    | novalidate | playsinline | reversed | \w{0,64}[:@*\#-]<<attribute_name>> ) (?= [\s/>] )
  # In a tag with a value in quotes, or that closes itself, each name may stand alone.
  | \s++ <<attribute_name>> (?= [^<>"'=/]{0,200}+ (?: =\s?["'{] | /> ) )
  | (?<=["'}]) (?: \s++ <<attribute_name>> (?! \s*+= ) )++
)"""
# A space groups digits by three, or "2 3" would be one number. An address or a time is no group.
_PARTS["number"] = r"""(?: (?:
      \d{1,3}+ (?: [ \u00a0\u2009\u202f]\d{3} )++ (?!\d) (?: [.,]\d++ )? (?! [.:]\d )
    | \d++ (?: [.,:/'’×–-]\d++ )*+
      (?: T\d\d:\d\d (?: :\d\d (?: [.,]\d++ )? )? (?: Z | [+-]\d\d:?\d\d )? )?
      (?: [eE][+-]?\d++ )?
    ) \p{No}*+ )"""
# What belongs to a number: "50 %", "12,50 €", "US-$ 30", "4.500,- EUR". In "5 %s", the sign starts
# a placeholder, but not in "100 %ig".
_PARTS["narrow_space"] = r"[ \u00a0\u2009\u202f]"
_PARTS["currency_code"] = f"(?: {'|'.join(_CURRENCIES.split())} )"
_PARTS["dollar"] = r"(?: US | CA | AU | NZ | HK | [ACRS] ) -?\$"
_PARTS["format"] = r"""(?: \([\w.-]++\)[a-zA-Z] | <\w++>[a-zA-Z]?
  | [A-Za-z_]\w++ (?: [.-]\w++ )*+ %(?!\w) | [A-Z][A-Z0-9_]++
  | (?: \d{1,2}\$ )? [-+0\#]*+ (?: \d{1,3}+ | \* )? (?: \.(?:\d++|\*) )? (?:hh?|ll?|z|j|t)?
    [a-zA-Z@] (?! [a-zA-Z]{2} )
  | \d{1,2}+ )"""
_PARTS["sign_after"] = r"""(?:
    [‰‱٪％℃℉] | °[CFK](?!\p{L}) | % (?! [%{] | (?! -?[a-zA-Z]{2} ) <<format>> )
  | (?=[A-Z]) (?: <<currency_code>> | <<dollar>> ) (?![\p{L}\d])
  | \$ (?! [\p{L}\d_{] | \([\w.-]++\) ) | (?!\$) \p{Sc} (?!\d)
)"""
_PARTS["amount"] = "<<number>> (?: (?: ,[-–—] )? <<narrow_space>>? <<sign_after>> )"
_PARTS["after_sign"] = r"<<narrow_space>>? [-+−]?<<number>> (?: ,[-–—] (?!\w) )?"
# Formulas and units: H₂O, mc², kg/m³. A superscript digit after a longer word is a footnote.
_PARTS["script"] = f"[{_SCRIPT_DIGITS}⁺⁻₊₋]"
_PARTS["formula"] = r"""(?: (?= [\p{L}\d=+*/·−-]{1,40}+ <<script>> )
  (?: (?: \p{L}{1,2}+ | \d{1,4}+ ) <<script>>*+ [=+*/·−-] ){0,6}
  \d{0,3}+
  (?: \p{L}{1,2}+ <<script>>++ | \p{L}{1,8}+ (?=[₀-₉]) <<script>>++ ){1,8}+ \p{L}{0,2}+
  (?! [\p{L}\p{N}] )
  (?: [=+*/·−-] (?: \p{L}{1,2}+ | \d{1,4}+ ) <<script>>*+ (?! [\p{L}\p{N}] ) ){0,6}+
)"""
_PARTS["stage"] = (
    "(?i: alpha | beta | rc | pre | preview | dev | snapshot | nightly | post | final | release"
    " | canary | [ab](?=\\d) )"
)
# An address of RFC 4291 (section 2.2), with a zone and a prefix length.
_PARTS["hex"] = r"[0-9a-fA-F]{1,4}+"
_PARTS["ipv6"] = r"""(?:
    (?: <<hex>>: ){7} <<hex>>
  | (?: <<hex>> (?: :<<hex>> ){0,6} )? ::
    (?: (?: <<hex>>: ){0,5} \d{1,3} (?: \.\d{1,3} ){3} | <<hex>> (?: :<<hex>> ){0,6} )?
) (?: %\w++ )? (?: /\d{1,3} )? (?! [\w:] )"""
_PARTS["comment"] = "<!-- (?: [^<-] | -(?!->) | <(?!!--) )*+ -->"
_PARTS["cdata"] = r"<!\[CDATA\[ (?: [^\]<]++ | \](?!\]>) | <(?!!\[) )*+ \]\]>"


def _fill(pattern: str) -> str:
    while "<<" in pattern:
        pattern = regex.sub(r"<<(\w+)>>", lambda match: _PARTS[match[1]], pattern)
    return pattern


CODE_AND_TEMPLATES = _fill(
    "<<comment>> | <<cdata>> | <<instruction>> | <<template>> | <<backticks>>"
)
"""A verbose pattern of the parts of a text in which a tag is only text."""

SIGN_BEFORE_NUMBER = _fill(r"(?: <<currency_code>> | <<dollar>> | \p{Sc} )")
"""A verbose pattern of what may stand before an amount: "EUR", "US-$", "€"."""

SIGN_AFTER_NUMBER = _fill("<<sign_after>>")
"""A verbose pattern of what may stand after an amount: "%", "°C", and what may stand before it."""

# -- spans that start with a letter or a digit -----------------------------------------------------

_WORD_SPANS = r"""
(?P<url>
    (?: [a-zA-Z][a-zA-Z0-9+.-]{1,20}+:// | (?:mailto|tel|about|urn|doi|magnet): | [wW]{3}\d?\. )
    (?: (?<=//) \[[\da-fA-F:.]++\] <<address>>*+ | (?=<<address_letter>>) <<address>>++ )
)
| (?P<email> [\w.+-]{1,64}+ @ [\w-]{1,63}+ (?: \.[\w-]{1,63}+ ){0,6} )
| (?P<path>
    [A-Za-z]: (?: \\ (?: <<folder>> (?: [ ]<<folder>> ){0,3} \\ )*+ | / (?: <<folder>> / )*+ )
    (?: <<path_letter>> | [.,()](?=<<path_letter>>) )*+
  | (?<![\w.+/\\-][.+/\\-]) \w (?: [\w+/\\-]{0,64}+\. ){1,8} <<extension>> (?!\w)
  | (?: (?<![\w.-][.-]) (?=[\w-]{2}) (?: [\w-]{1,63}+\. ){1,5} <<domain>> (?! [\w@] | \.\w )
      | \d{1,3} (?: \.\d{1,3} ){3} (?= (?: :\d{1,5} )? /[\p{L}_] )
      | localhost (?= :\d | /. ) )
    (?: :\d{1,5} )? (?: /<<address>>*+ )?
)
| (?P<emoji> \d\ufe0f?\u20e3 )
| (?P<code>
    # A version, such as 1.2.3-rc.1+build5.
    [vV]?+ \d++ (?: \.\d++ )++ (?:
      [-._~]?+ <<stage>> (?: [.-]?\d++ )*+ (?![\p{L}\d]) (?: \+[\w-]++ (?: \.[\w-]++ )*+ )?+
    | (?<= \.\d{1,6}\.\d{1,6} ) \+ (?=[\d.]*\p{L}) [\w-]++ (?: \.[\w-]++ )*+ )
  # An ISBN.
  | 97[89] (?=[ -]) (?: [ -]?\d ){10} (?![\w-])
  | \d{1,5} -\d{1,7} -\d{1,7} -[Xx] (?!\w)
  # An IBAN.
  | [A-Z]{2}\d\d (?: [ \u00a0\u202f][A-Z]{4} )?
    (?: [ \u00a0\u202f] (?=[A-Z]*\d) [A-Z\d]{4} ){2,7}
    [ \u00a0\u202f] (?=[A-Z]*\d) [A-Z\d]{1,4} (?!\w)
)
| (?P<number>
    [vV]\d++ (?: \.\d++ )++ (?! [\p{Lu}\p{Ll}]*+\d )
  | (?=[A-Z]) (?: <<currency_code>> | <<dollar>> ) <<after_sign>>
  | <<amount>>
)
| (?P<code>
    <<formula>>
  # Two that are compared. Longer names may be tags.
  | (?<![<>/=]) (?: \p{L} | \d++ (?: [.,]\d++ )? ) (?: [<>]=? | [!=]= | [≤≥≠] )
    (?: \p{L} | \d++ (?: [.,]\d++ )? ) (?! [\w>] )
  |
    (?: \p{Lu}[\p{Lu}\d._]{1,40}+ (?! \(-?\p{Ll}++\) )
      | [\p{L}_][\w.]{0,60}+ (?: ::\w++ ){0,5}+ (?! \([\p{L}\s./-]++\) )
    ) <<arguments>>
  | (?= [\da-fA-F]{1,4}+: ) (?= [a-fA-F:]{0,40}+\d ) <<ipv6>>
  | [\p{L}_]\w{0,60}+ (?: ::[\p{L}_]\w{0,60}+ )++
  | [0-9a-fA-F]{8} (?: -[0-9a-fA-F]{4} ){3} -[0-9a-fA-F]{12} (?!\w)
  | [0-9a-fA-F]{2} (?: [:-][0-9a-fA-F]{2} ){5} (?!\w)
  | 0[xX][0-9a-fA-F]++ (?!\w)
  # A hash. A name of letters alone, and a number, are none.
  | (?= [a-f]*+\d ) (?= \d*+[a-f] ) [0-9a-f]{7,64}+ (?!\w)
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
    <<comment>> | <<cdata>> | (?= <\?[A-Za-z=] ) <<instruction>>
  | </?[\p{L}_][\w:.-]{0,63}+ <<attribute>>*+ \s*+ /?>
  | <![A-Za-z\[][^<>]*+> | <\|\w++\|>
)
| (?P<placeholder>
    (?= \{\s*+[\w.]++\s*+,\s*+(?:<<icu_types>>)\b ) <<icu>>
  | <<template>>
  | \{\{\{?+ [^{}]++ \}\}\}? | [$\#%@]\{ [^\s{}]++ \} | [$\#%@]?+ <<braces>>
  | \$\([\w.-]++\) | \[\[ (?: (?=\w{0,64}[_.$\d]) [\w.$-]++ | [a-z][a-z-]*+ ) \]\]
  | \#{2,3}+ [A-Z][A-Z\d_]++ \#{2,3}+
  | %% (?: [A-Za-z_]\w++%% )?+
  # In "100 %ig", the sign belongs to the number.
  | (?! (?<=\d[ \u00a0\u2009\u202f]?) %-?[a-zA-Z]{2} ) % <<format>>
)
| (?P<entity> & (?: [a-zA-Z][a-zA-Z0-9]{1,31}+ | \#\d{1,7}+ | \#[xX][0-9a-fA-F]{1,6}+ ) ; )
| (?P<code>
    <<backticks>>
  | <<not_in_word>> \$[A-Z]{1,3}+\$?\d{1,7}+ (?: :\$?[A-Z]{1,3}+\$?\d{1,7}+ )?
  | (?: =\p{Lu}[\p{Lu}\d._]{1,40}+ | <<variable>> (?! \([\p{L}\s./-]++\) ) ) <<arguments>>
  | \[ <<ipv6>> \] (?: :\d{1,5} (?!\w) )?
  | (?<![\w:]) (?= ::[\da-fA-F/:.]{0,40}\d ) <<ipv6>>
  | <<after_space>> --[a-zA-Z][\w-]++ (?: =[\w./:,-]*\w )?
  | <<after_space>> -[a-zA-Z] (?! [\w-] | \.\w )
  | __(?=\p{L})\w++ (?<=__)
  | \\[nrt](?![a-z])
  | (?<![\w&]) \#(?: [0-9a-fA-F]{6} (?: [0-9a-fA-F]{2} )? | (?=\w*\d)[0-9a-fA-F]{3,4} ) (?!\w)
)
| (?P<placeholder> <<variable>> )
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
    # A phone number.
    <<after_space>> \+\d (?= (?: [^\d\n]{0,3}\d ){6} ) \d{0,2}+
    (?: [ \u00a0]?\(\d{1,5}+\) )? (?: [ \u00a0/.-]{0,3} \d{1,12}+ ){1,8}+
  | \(0[ ]?\d{1,5}+\) [ \u00a0]? \d{2,}+ (?: [ /-]\d{2,}+ )*+
  | (?: <<after_space>> [-+−] )? \p{Sc} <<after_sign>>
  | <<after_space>> [-+−] (?: <<amount>> | <<number>> )
  | (?<!\w) \p{No}++ (?: <<narrow_space>>? <<sign_after>> )?
)
| (?P<symbol>
    <?[-=]{1,2}+> | <-{1,2}+ (?![\w-]) | @@++ | __++ | \|++ | (?![+=<>±])[\p{Sm}⁇⁈]
)
| (?P<emoji>
    (?<!\w) :[a-z+-][a-z\d_+-]{1,30}+: (?!\w)
  | \p{RI}{2} | <<picture>> (?: \u200d<<picture>> )*+ | (?![°№℃℉])\p{So}\ufe0f?
)
"""


@functools.cache
def built_in_pattern() -> regex.Pattern[str]:
    """Returns the pattern of all kinds of spans. The name of the last group of a match is its kind.

    The kind "plain" is a stretch of words without spans.
    """
    # Most words consist of letters alone. They are passed over at once.
    plain = rf"""(?: \p{{L}}{{1,64}}+
        (?! [\d_@:/\\(+$<>=!≤≥≠\#{_SCRIPT_DIGITS}-] | \.\w
          | (?<=[A-Z]{{3}}) [ \u00a0\u2009\u202f] [-+−]?\d )
        [\s,;!?]*+ )++"""
    word = rf"(?P<plain> {plain} ) | (?=[\p{{L}}\p{{N}}_]) (?: {_WORD_SPANS} )"
    pattern = rf"<<not_in_word>> (?: {word} ) | (?![\p{{L}}\s,;!?]) (?: {_OTHER_SPANS} )"
    return regex.compile(_fill(pattern), regex.VERBOSE)
