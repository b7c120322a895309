"""What must not change in translation is found, and ordinary text is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.text.span_patterns import built_in_pattern
from seq2seq.text.spans import SpanFinder

FINDER = SpanFinder()


def spans_of(text: str, finder: SpanFinder = FINDER) -> list[tuple[str, str]]:
    """Returns (kind, text) of each span."""
    return [(span.kind, text[span.start : span.end]) for span in finder.find(text)]


def texts_of(text: str) -> list[str]:
    return [found for _, found in spans_of(text)]


# -- each kind -------------------------------------------------------------------------------------

WHOLE_SPANS = {
    "url": [
        "https://www.example.org/de/hilfe?id=42&x=1",
        "http://localhost:8080/a",
        "ftp://x.org",
        "HTTPS://X.ORG",
        "www.heise.de/a",
        "mailto:a@b.org",
        "about:config",
        "https://de.wikipedia.org/wiki/Bank_(Finanzen)",
        "https://x.org/{id}/a",
        "http://[::1]:8080/a",
    ],
    "email": ["anna.muster@example.org", "a+b@c.co.uk"],
    "path": [
        r"C:\Users\A\b.odt",
        r"C:\Program Files (x86)\Office 7\soffice.exe",
        "C:/Users/A",
        r"\\server\x",
        "/etc/apt/sources.list",
        "~/x",
        "./x",
        "../x/y",
        "Brief.odt",
        "BRIEF.ODT",
        "config.yaml",
        "main.c",
        "docs/readme.md",
        "archiv.tar.gz",
        "example.org",
        "example.org/de/hilfe",
        ".odt",
        "*.odt",
        "localhost:8080",
        "10.0.0.1:80/a/b",
    ],
    "placeholder": [
        *["%s", "%d", "%1$s", "%(name)s", "%.2f", "%-5d", "%lu", "%%", "%1", "%PRODUCTNAME"],
        *["%APPDATA%", "{name}", "{0}", "{}", "{user.name!r}", "{{x}}", "{{ user.name }}"],
        *["${x}", "$(brand_name)", "$NAME", "#{x}"],
        "{count, plural, one {# file} other {# files}}",
        "{n, select, a {{n, plural, one {x} other {y}}} other {z}}",
        "{0, number, integer}",
        *["{% if x %}", "{%- for a in b -%}", "{% if a == '}' %}", "{# Ein Kommentar #}"],
        *["<%= x %>", "<% if a > b %>", "@{name}", "%name%", "%user.name%", "%{name}"],
        *["%%NAME%%", "##NAME##", "###NAME###", "[[user_name]]", "[[a.b]]"],
        *["$user->name", "$user.name", "$a['x']", "$a[0]"],
        *["{x:{y}}", "{a {b}}", "{a{b}{c}}", "{a{b{c{d}}}}", "[[name]]", "[[first-name]]"],
        *["%5.2f%%", "{x}{y}", "%1%2"],
    ],
    "tag": [
        *["<b>", "</b>", "<br/>", "<br />", "<s>", "</s>", "<unk>", "<pad>", "<!-- a -- b -->"],
        '<a href="https://x.org/a?b=c" id=x>',
        "<input disabled>",
        "<?xml version='1.0'?>",
        "<!DOCTYPE html>",
        *['<img src="a.png" alt="a > b">', "<a title='x < y'>", '<a href="{{ url }}">'],
        *["<a\thref='x'   id=y>", "<a b = 'c'>", "<b  >", "</b >"],
        *['<div data-x="1">', "<div data-x>", '<a @click="f(x > 1)">', '<x :key="a">'],
        *['<x v-on:x.y="z">', "<x v-else>", '<a [b]="x" (c)="y" *ngIf="z" #ref>'],
        *["<a onClick={() => f(x)}>", "<a {...props}>"],
        *["<input autofocus>", '<input foo type="x">', '<x-y foo="a" bar baz>', "<Trans foo />"],
        *["<br><br>", "<br/><hr>"],
        *["<?php if ($a > 1) echo '<b>'; ?>", "<?= $x ?>", "<![CDATA[ a <b> ]] > c ]]>"],
    ],
    "entity": ["&amp;", "&#39;", "&#x27;", "&lt;&gt;"],
    "code": [
        *["`git commit`", "SVERWEIS(A1:B20;2;FALSCH)", "foo_bar", "foo()", "a.b.foo()"],
        *["max(a, b)"],
        '=WENN(A1>5;"ja nein";SUMME(B1:B3))',
        *["--long-option", "--key=a.b", "-x", "A1:B20", "$A$1", "x86", "mp3", "F5", "CO2", "H.264"],
        *["AB-1234", "UTF-8", "ISO-8859-1", "3D", "4K", "1920x1080", "0xFF", "C++", "C#"],
        *["__init__"],
        "550e8400-e29b-41d4-a716-446655440000",
        "#FF0000",
        "00:1A:2B:3C:4D:5E",
        r"\n",
        *["``x `y z``", "`` ` ``", "```a `b` ``c`` ```"],
        *["<code>a <b>c</b></code>", "<pre class='x'>a\tb</pre>", "<CODE>x y</code>"],
        *["<script>if (a<b) f();</script>", "<style>a > b {}</style>", "<tt>x</tt>"],
        *["<samp>x y</samp>", "<var>n</var>", '<span translate="no">Müller <i>GmbH</i></span>'],
        *["<b class='x notranslate y'>Das hier</b>", "<p translate=no>Das hier</p>"],
        '<span translate="no">a <span>b</span> c</span>',
        *["$t('x')", '$t("a b")', "std::vector", "Foo::Bar::baz()"],
        *["2001:db8::1", "fe80::1%eth0", "::1", "::/0", "[::1]:8080", "[fe80::1]"],
        *["2001:db8::/32", "2001:0db8:0:0:0:0:0:1", "::ffff:1.2.3.4", "00-1a-2b-3c-4d-5e"],
        *["v1.2.3-beta", "1.2.3-rc.1+build5", "2.0.0a1", "1.0-SNAPSHOT", "3.12rc1"],
        *["1.2.3.post1", "1.2.3+build.5", "1.2.3-beta.2", "1234567a"],
        "9fceb02d0ae598e95dc970b74767f19372d61af8",
        *["DE89 3704 0044 0532 0130 00", "GB29 NWBK 6016 1331 9268 19", "NO93 8601 1117 947"],
        *["AT61 1904 3002 3457 3201", "FR14 2004 1010 0505 0001 3M02 606"],
        *["H₂O", "CO₂", "C₆H₁₂O₆", "NaHCO₃", "2H₂O", "mc²", "m²", "x₁", "E=mc²", "a²+b²=c²"],
        *["kg/m³", "m/s²"],
        *["a<b", "c>d", "x>=5", "i<10", "0≤x", "a==b", "n!=0"],
        *["5%d", "≤5", "100%%", "<b>5</b>", "B30|", "https://x.org/a😀"],
        *["978 3 16 148410 0", "978-3-16-148410-0", "3-16-148410-X"],
    ],
    "handle": ["#hashtag", "#NV", "#42", "#WERT!", "#DIV/0!", "@name"],
    "number": [
        *["5", "31", "12.345,67", "12,345.67", "1 234 567", "1\u202f234,5", "1\u00a0234", "3,14"],
        *["-5", "−5", "+5", "1.2.3", "v2.0.1", "24.12.2024", "2024-05-03", "2024-05-03T14:30:00Z"],
        *["14:30", "10-12", "10–12", "1/2", "½", "1e5", "1.5e-3", "1'234'567", "١٢٣"],
        *["+49 30 123456", "+49 (0)30 123456", "(030) 1234-567", "0800 1234567"],
        *["10.0.0.1/24", "127.0.0.1:80"],
        *[
            "50 %",
            "50%",
            "50\u202f%",
            "20 ‰",
            "5％",
            "½ %",
            "5–10\u202f%",
            "-5 %",
            "5 °C",
            "5°C",
            "5 ℃",
        ],
        *["3€", "$5", "$ 5", "€ 12,50", "12.50$", "-$5", "$-5", "−€ 3,50", "4.500,- €", "€ 5,-"],
        *["EUR 50", "50 EUR", "EUR50", "50EUR", "30 US-$", "US-$ 30", "US$5", "1’234.50 CHF"],
        *["1 234 567 PLN", "EUR -5", "$1", "$1$2", "10×20", "1,5×2,5"],
    ],
    "emoji": [
        *[
            "😀",
            "👍🏽",
            "👨‍👩‍👧‍👦",
            "🇩🇪",
            "1️⃣",
            "#️⃣",
            "❤️",
            "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
            "▬",
            "▬▬▬",
            "😀😀",
            "☎",
            "😀👨‍👩‍👧‍👦",
            "😀🎉🎉",
        ],
        *["✔", "™", "▁"],
        *[":smile:", ":+1:", ":flag_de:"],
    ],
    "symbol": ["→", "->", "=>", "⇒⇒", "⁇", "@@", "|||", "≤", "×", "____"],
    "reserved": ["\ue000", "\ue010\ue011", "\uf8ff"],
}
EXAMPLES = [(kind, text) for kind, texts in WHOLE_SPANS.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
@pytest.mark.parametrize("frame", ["{}", "Wort {} Wort.", "({})", "„{}“, ja", "Siehe {}.", "{}!"])
def test_a_span_is_found_whole(kind: str, text: str, frame: str) -> None:
    if text.endswith("!") and frame == "{}!":
        return
    assert spans_of(frame.replace("{}", text)) == [(kind, text)]


@pytest.mark.parametrize(
    "text",
    [
        *["z. B. morgens", "d.h. so", "e.g. this", "u.a. dort", "Dr. Meier", "Prof.Dr. Meier"],
        *["E-Mail", "USB-Stick", "und/oder", "Ein-/Ausgabe", "Tische und -Stühle", "km/h", "a.m."],
        *["(in Klammern)", "{Text mit Leerzeichen}", "Datei(en)", "Benutzer(innen)", "PKW(s)"],
        *["a < b", "a + b = c", "a > b ± c", "°C", "i.d.R. gut", "Q&A;", "§"],
        *["Ende.Der Anfang", "Warum?!", "Na ja ...", "– ja –", "- ja", "viele %"],
        *["Das Wort 東京 bedeutet Tokio.", "Москва", "نص عربي im Dokument", "[ˈiːliad]"],
        *["_betont_"],
        *["a < b und c > d", "a <b und c> d", "x <y z> w", "in €", "€ und $", "Kosten: $ und %"],
        *["Geht`s noch? Wie war`s?", "`Hallo' und `Welt'", "``Hallo'' und ``Welt''", "a `b"],
        *["Wort¹ und Quelle²", "ABC und DEF", "ab<cd", "EUR und CHF", "US-$ und %"],
        *["Ende: gut: alles", "Benutzer:innen", "Hinweis:wichtig:neu", "a::", "[[Datei]] und [OK]"],
        *["", " ", "Ich bin müde.", "It's the user's file(s)."],
    ],
)
def test_ordinary_text_has_no_spans(text: str) -> None:
    assert spans_of(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Seite 31.", ["31"]),
        ("Am 3. Mai um 14:30 Uhr.", ["3", "14:30"]),
        ("50 % oder 50% und 100%ige", ["50 %", "50%", "100%"]),
        ("5 °Celsius", ["5"]),
        ("5 - 3 = 2", ["5", "3", "2"]),
        ("die 1990er, der 3rd, 10px", ["1990", "3", "10"]),
        ("12 3456", ["12", "3456"]),
        ("24-Stunden-Dienst", ["24"]),
        ("F5-Taste, CO2-Ausstoß, UTF-8-Datei", ["F5", "CO2", "UTF-8"]),
        ("USB-3.0-Stick", ["3.0"]),
        ("(siehe https://x.org/a), ja", ["https://x.org/a"]),
        ("Ist das https://x.org/a?", ["https://x.org/a"]),
        ("第3章 100円 https://x.jp/を開く", ["3", "100", "https://x.jp/"]),
        ("<b>Hallo</b> Welt", ["<b>", "</b>"]),
        ("<anna@x.org>", ["anna@x.org"]),
        ("xa<y und z>wa", []),
        ("a<b>x</b>", ["<b>", "</b>"]),
        ("100%% von %1%2", ["100%%", "%1%2"]),
        ("%sx%s", ["%s", "%s"]),
        ("😀 🎉🎉", ["😀", "🎉🎉"]),
        ("A | B30| C", ["|", "B30|"]),
        ("Brief.odt-Datei", ["Brief.odt"]),
        ('git commit -m "test"', ["-m"]),
        ("{count, plural, one {# file}", []),
        ("4.500,- € oder 12.50$", ["4.500,- €", "12.50$"]),
        ("3€, $5 und € 12,50", ["3€", "$5", "€ 12,50"]),
        ("20 ‰, ½ % und 5–10\u202f%", ["20 ‰", "½ %", "5–10\u202f%"]),
        ("US$ 5, 5°C, 90°", ["US$ 5", "5°C", "90"]),
        ("50 % der 100 %", ["50 %", "100 %"]),
        ("5%-10%", ["5%", "10%"]),
        ("5 $ (netto), 5 $ 6", ["5 $", "5 $", "6"]),
        ("100€-Schein, 5 EURO", ["100€", "5"]),
        ("占50%的", ["50%"]),
        ("100 %ig, 100 %-ige", ["100 %", "100 %"]),
        ("5 %s, 5 $NAME", ["5", "%s", "5", "$NAME"]),
        ("Port 100 192.168.0.1", ["100", "192.168.0.1"]),
        ("1 100 192.168.0.1", ["1", "100", "192.168.0.1"]),
        ("5 192.168.0.1, 3 100.5.2", ["5", "192.168.0.1", "3", "100.5.2"]),
        ("7 100:30 und 1 234.", ["7", "100:30", "1 234"]),
        ("10×20 cm", ["10×20"]),
        ("{a {b} c}", ["{b}"]),
        ("CO₂-Ausstoß, 5 m²", ["CO₂", "5", "m²"]),
        # A number that the target language may write otherwise stays alone.
        ("1,5→2,5", ["1,5", "→", "2,5"]),
        ("<b>1,5</b>", ["<b>", "1,5", "</b>"]),
        ("3.0.1-Version, 2.5+x", ["3.0.1", "2.5"]),
        ("§ 3a BGB, der 1a-Service", ["3", "1"]),
        ("Strg</kbd>+<kbd>C", ["</kbd>", "<kbd>"]),
        ("„<code>“ und „</code>“", ["<code>", "</code>"]),
        ("<kbd>Strg</kbd>", ["<kbd>", "</kbd>"]),
        ("<code>a</code> und <code>b", ["<code>a</code>", "<code>"]),
    ],
)
def test_spans_end_where_they_should(text: str, expected: list[str]) -> None:
    assert texts_of(text) == expected


# -- patterns of the user --------------------------------------------------------------------------


def test_a_user_pattern_comes_first() -> None:
    finder = SpanFinder([r"ACME \w+", r"x\.org"])
    text = "ACME 42 steht auf https://x.org/5."
    assert spans_of(text, finder) == [("pattern", "ACME 42"), ("pattern", "x.org"), ("number", "5")]


def test_a_user_pattern_stays_alone() -> None:
    finder = SpanFinder(["ACME"])
    assert spans_of("5ACME%s", finder) == [
        ("number", "5"),
        ("pattern", "ACME"),
        ("placeholder", "%s"),
    ]


def test_spans_stay_two_at_a_boundary() -> None:
    spans = FINDER.find("{a}{b}{c}", {3})
    assert [(span.start, span.end) for span in spans] == [(0, 3), (3, 9)]


def test_the_first_user_pattern_wins() -> None:
    finder = SpanFinder(["bc", "ab|cd|d"])
    assert spans_of("abcd", finder) == [("pattern", "bc"), ("pattern", "d")]


def test_an_element_that_is_copied_contains_the_spans_of_user_patterns() -> None:
    text = "ACME <code>die ACME hier</code> ACME"
    assert spans_of(text, SpanFinder(["ACME"])) == [
        ("pattern", "ACME"),
        ("code", "<code>die ACME hier</code>"),
        ("pattern", "ACME"),
    ]


@pytest.mark.parametrize("pattern", ["x <code>.*", ".*</code> z", "c.*"])
def test_a_user_pattern_wins_over_an_element_that_it_cuts(pattern: str) -> None:
    text = "x <code>y</code> z"
    spans = spans_of(text, SpanFinder([pattern]))
    assert [kind for kind, _ in spans].count("pattern") == 1
    assert "code" not in [kind for kind, _ in spans]


# -- every text ------------------------------------------------------------------------------------

TRICKY_PARTS = st.sampled_from(
    [text for _, text in EXAMPLES] + list(" .,;:!?()<>{}%$#@&`\\/|_-+=~*'")
)
ANY_TEXT = st.one_of(st.text(), st.lists(TRICKY_PARTS).map("".join))


@settings(max_examples=500, deadline=None)
@given(ANY_TEXT)
def test_spans_are_in_order_and_do_not_overlap(text: str) -> None:
    end = 0
    for span in SpanFinder([r"a\w", "1."]).find(text):
        assert end <= span.start < span.end <= len(text)
        end = span.end


@settings(max_examples=500, deadline=None)
@given(ANY_TEXT)
def test_the_quick_look_misses_no_spans(text: str) -> None:
    slow = [match for match in built_in_pattern().finditer(text) if match.lastgroup != "plain"]
    assert bool(FINDER.find(text)) == bool(slow)


@settings(deadline=None)
@given(st.lists(st.sampled_from(EXAMPLES), min_size=1, max_size=6))
def test_spans_between_words_are_all_found(examples: list[tuple[str, str]]) -> None:
    text = " und ".join(text for _, text in examples)
    assert spans_of(text) == examples


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Wählen Sie 1, 2, 3, 4, 5, 6, 7 aus.", ["1, 2, 3, 4, 5, 6, 7"]),
        ("1, 2, 3", ["1", "2", "3"]),
        ("1; 2; 3; 4; 5; 6 und 7", ["1; 2; 3; 4; 5; 6", "7"]),
        # The target language may write 1,5 otherwise.
        ("1,5, 2, 3, 4, 5, 6, 7", ["1,5", "2, 3, 4, 5, 6, 7"]),
        ("%s, 1, 2, 3, 4, 5, 6, %d", ["%s", "1, 2, 3, 4, 5, 6", "%d"]),
    ],
)
def test_a_long_list_of_numbers_is_one_span(text: str, parts: list[str]) -> None:
    spans = SpanFinder().find(text)
    assert [text[span.start : span.end] for span in spans] == parts
