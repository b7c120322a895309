"""The one exception that a person is meant to read.

Everything that a person can cause and mend (a mistyped key, a missing file, a folder that is no run) is raised as
`UserError`. The command line prints its text, without a traceback, and ends with a status that is not 0. Any other
exception is a bug in this program and keeps its traceback.
"""


class UserError(Exception):
    """Says what is wrong (the thing, the value, the rule) and what to do about it."""
