"""What SentencePiece would not restore, in a form that it does restore."""

import re

# SentencePiece writes a space as U+2581. A U+2581 in the text would be decoded as a space, so it
# is escaped.
_ESCAPES = {"\ue001": "\ue001e", "\u2581": "\ue001b"}
_SURROGATE = re.compile("[\ud800-\udfff]")


def escape(text: str) -> str:
    """Returns the text without what SentencePiece would not restore."""
    # Lone surrogates come from broken input and cannot be written as UTF-8. U+FFFD replaces them.
    text = _SURROGATE.sub("\ufffd", text)
    for character, escaped in _ESCAPES.items():
        text = text.replace(character, escaped)
    return text


def unescape(text: str) -> str:
    """Undoes `escape`, apart from lone surrogates."""
    for character, escaped in reversed(_ESCAPES.items()):
        text = text.replace(escaped, character)
    return text
