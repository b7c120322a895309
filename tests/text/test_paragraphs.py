"""Splitting paragraphs into sentences."""

import pytest

from seq2seq.text.paragraphs import split_paragraph


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("en", "Click OK. Then wait! Done?", ["Click OK.", "Then wait!", "Done?"]),
        (
            "en",
            "See e.g. Calc or J. Smith, etc. This ends.",
            ["See e.g. Calc or J. Smith, etc. This ends."],
        ),
        (
            "de",
            "Das gilt z.B. Montag. Und bzw. Dienstag.",
            ["Das gilt z.B. Montag.", "Und bzw. Dienstag."],
        ),
        (
            "en",
            "1. Open the file. 2.5 is a number.",
            ["1. Open the file.", "2.5 is a number."],
        ),
        ("en", "It returns 2. The next one too.", ["It returns 2.", "The next one too."]),
        (
            "de",
            "Wählen Sie Extras – Makros… – Neu. Gut.",
            ["Wählen Sie Extras – Makros… – Neu.", "Gut."],
        ),
        (
            "en",
            'He said "Stop." (Then he left.) "Why?"',
            ['He said "Stop."', "(Then he left.)", '"Why?"'],
        ),
        ("en", "see www.example.org for more", ["see www.example.org for more"]),
        ("en", "It ends. and goes on.", ["It ends. and goes on."]),
        ("zh-cn", "打开文件。然后关闭！好", ["打开文件。", "然后关闭！", "好"]),
        ("hi", "यह एक है। वह दो है।", ["यह एक है।", "वह दो है।"]),
        ("en", "", []),
    ],
)
def test_split_paragraph(language: str, text: str, sentences: list[str]) -> None:
    assert split_paragraph(text, language) == sentences
