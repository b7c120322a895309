"""What a person is meant to read when something goes wrong.

Everything that a person can cause and mend (a mistyped key, a missing file, a folder that is no run) is raised as
`UserError`; a full disk, a place that cannot be written to and a lack of memory come from elsewhere and are told in the
same way. The command line prints one sentence, without a traceback, and ends with a status that is not 0. Any other
exception is a bug in this program and keeps its traceback.
"""

import errno


class UserError(Exception):
    """Says what is wrong (the thing, the value, the rule) and what to do about it."""


_FULL = (errno.ENOSPC, errno.EDQUOT)
# What is wrong with a place that was named, rather than with the program.
_OF_FILES = (
    *_FULL,
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG),
)
# What torch says of the CPU's memory, of CUDA's, and of sizes beyond any.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "Storage size calculation overflowed")


def told(error: BaseException) -> str | None:
    """The sentence for a person of what a person can mend; None for a fault of the program."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _OF_FILES:
        place = f" ({error.filename2 or error.filename})" if error.filename else ""
        what_to_do = "free some space" if error.errno in _FULL else "choose another file or folder"
        return f"{error.strerror}{place}: {what_to_do}."
    of_torch = isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)
    if of_torch or isinstance(error, MemoryError):
        return (
            "There is not enough memory. For training, lower the sizes of the model or batching.tokens; for translation, "
            "search.batch_tokens or --beam."
        )
    return None


def stopped(error: BaseException) -> bool:
    """Whether Ctrl-C is what ended it.

    typer makes an exit status of a KeyboardInterrupt, and a compiled module that is just being imported an ImportError
    ("initialization failed"): it is then what such an error came of. What was raised `from None` stands for itself.
    """
    seen: list[BaseException] = []  # an error can be its own cause
    link: BaseException | None = error
    while link is not None and link not in seen:
        if isinstance(link, KeyboardInterrupt):
            return True
        seen.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return False
