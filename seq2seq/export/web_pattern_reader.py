"""Reading a regular expression of Python from left to right."""


class UnsupportedPatternError(ValueError):
    """A pattern has something that JavaScript lacks."""


class PatternReader:
    """A pattern and a position in it."""

    def __init__(self, pattern: str, *, verbose: bool) -> None:
        """
        Args:
            pattern: the pattern.
            verbose: whether white space and comments mean nothing.
        """
        self.pattern = pattern
        self.position = 0
        self.verbose = verbose

    def next(self) -> str:
        """Returns the next character."""
        if self.position == len(self.pattern):
            raise self.unsupported("an end like this")
        return self.pattern[self.position]

    def take(self, text: str) -> bool:
        """Reads a text if it comes next."""
        if not self.pattern.startswith(text, self.position):
            return False
        self.position += len(text)
        return True

    def expect(self, text: str) -> None:
        """Reads a text that must come next."""
        if not self.take(text):
            raise self.unsupported(f"a group without {text!r}")

    def skip_white_space(self) -> None:
        """Passes over what means nothing: comments, and white space in a verbose pattern."""
        while self.verbose and self.position < len(self.pattern):
            if self.next() == "#":
                end = self.pattern.find("\n", self.position)
                self.position = len(self.pattern) if end < 0 else end
            elif self.next().isspace():
                self.position += 1
            else:
                break
        if self.take("(?#"):
            self.position = self.pattern.index(")", self.position) + 1
            self.skip_white_space()

    def unsupported(self, what: str) -> UnsupportedPatternError:
        """Returns the error for something that JavaScript lacks."""
        return UnsupportedPatternError(
            f"The regular expression {self.pattern!r} has {what} at position {self.position}, "
            "which JavaScript lacks."
        )
