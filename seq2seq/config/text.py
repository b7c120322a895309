"""Settings of the text to translate."""

from typing import Annotated, Literal

import regex
from pydantic import AfterValidator, ValidationInfo, field_validator

from seq2seq.config.section import Section, broken_rule


def _check_pattern(pattern: str) -> str:
    """Returns the pattern if it is a regular expression that never matches the empty text."""
    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise ValueError(
            f"is not a valid regular expression: {error}; a character that stands for itself may "
            "need a backslash before it"
        ) from None
    # Some match the empty text only beside a word, such as \b.
    if any(match.end() == match.start() for match in compiled.finditer("a 1")):
        raise ValueError(
            "matches the empty text; a pattern must match at least one character: write + instead "
            "of *, for example"
        )
    return pattern


Pattern = Annotated[str, AfterValidator(_check_pattern)]
"""A regular expression, as the library `regex` reads it."""


class TextConfig(Section):
    """How a line is prepared for the model, and how its translation is put together."""

    sentences: bool = True
    """Divide a line into sentences, translate each of them, and join the translations with the
    white space that stood between the sentences. Models are trained on single sentences. `false`
    translates each line as a whole."""
    case: Literal["factor", "cased"] = "factor"
    """`factor`: source words are read in lower case, and their case as a property of its own
    (Sennrich & Haddow 2016), so that "Datei", "datei" and "DATEI" are one word. `cased`: they are
    three different words."""
    spans: bool = True
    """Copy what must not change to the translation as it is: addresses, placeholders, numbers,
    emoji and more. In training, what stands on both sides of a pair is replaced by a slot."""
    unknown_words: Literal["copy", "translate"] = "copy"
    """`copy`: a word that training did not have stays as it is, if it does not consist of parts
    that the model knows. `translate`: it is read letter by letter, and often its translation is
    made up."""
    protect: tuple[Pattern, ...] = ()
    """Regular expressions of more text that must not change, such as `ACME-\\w+`."""
    numbers: Literal["copy", "localize"] = "copy"
    """`copy` leaves a number as it is. `localize` writes it as the target language does: 12.345,67
    in German becomes 12,345.67 in English."""

    @field_validator("protect")
    @classmethod
    def _needs_spans(cls, protect: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if protect and info.data.get("spans") is False:
            raise broken_rule("protects nothing while text.spans is false; set text.spans: true")
        return protect
