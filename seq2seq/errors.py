"""Errors, and the messages that the user reads.

Everything that the user can cause and fix (a mistyped key, a missing file, a folder that is
not a run) is raised as `UserError`. A full disk, a path that cannot be written and a lack of memory
come from elsewhere and are reported the same way. The command line prints one sentence, without a
traceback, and exits with a status other than 0. Any other exception is a bug in this program and
keeps its traceback.
"""

import errno


class UserError(Exception):
    """Its message tells what is wrong (the thing, the value, the rule) and what to do about it."""


_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
# These mean that something is wrong with a given path, not with the program.
_PATH_ERRORS = (
    *_DISK_FULL,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EIO,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EFBIG,
    errno.EEXIST,
    errno.ENAMETOOLONG,
)
# Parts of torch's messages about the CPU's memory, about CUDA's, and about impossible sizes.
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "Storage size calculation overflowed",
)


_TRAINING_LIBRARIES = frozenset(
    ("torch", "datasets", "sacrebleu", "safetensors", "pydantic", "yaml", "filelock")
)


def missing_library(error: ModuleNotFoundError) -> Exception:
    """Returns a UserError if the library that was not found is one of an optional part of this
    program, or else `error` itself."""
    name = (error.name or "").partition(".")[0]
    if name not in _TRAINING_LIBRARIES:
        return error
    return UserError(
        f"{name} is not installed. Everything but translating with an exported folder needs it: "
        "pip install 'seq2seq[train]'. Exporting to ONNX needs more: pip install 'seq2seq[onnx]'."
    )


def user_message(error: BaseException) -> str | None:
    """Returns the message for an error that the user can fix, or None for a bug in the program."""
    if isinstance(error, ModuleNotFoundError):
        error = missing_library(error)
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _PATH_ERRORS:
        path = error.filename2 or error.filename
        advice = (
            "free some disk space" if error.errno in _DISK_FULL else "choose another file or folder"
        )
        return f"{error.strerror}{f' ({path})' if path else ''}: {advice}."
    torch_is_out_of_memory = isinstance(error, RuntimeError) and any(
        text in str(error) for text in _OUT_OF_MEMORY
    )
    if torch_is_out_of_memory or isinstance(error, MemoryError):
        return (
            "Out of memory. For training, lower the sizes of the model or batching.max_tokens. "
            "For translation, lower search.batch_tokens or --beam."
        )
    return None


# NumPy says this when its own import was interrupted and something imports it again.
_INTERRUPTED_IMPORT = "cannot load module more than once per process"


def is_interrupt(error: BaseException) -> bool:
    """Returns whether Ctrl-C caused this error.

    typer turns a KeyboardInterrupt into an exit status, and a compiled module that is being
    imported turns it into an ImportError ("initialization failed"): the interrupt is then the
    cause or the context of the error. `raise ... from None` cuts that chain.
    """
    for link in _causes(error):
        if isinstance(link, KeyboardInterrupt):
            return True
        if isinstance(link, ImportError) and _INTERRUPTED_IMPORT in str(link):
            return True
    return False


def interrupt_message(error: BaseException) -> str:
    """Returns what the KeyboardInterrupt that caused this error says about what is kept and what
    is lost, or an empty text."""
    messages = [str(link) for link in _causes(error) if isinstance(link, KeyboardInterrupt)]
    return next(filter(None, messages), "")


def _causes(error: BaseException) -> list[BaseException]:
    """Returns an error and the chain of errors that led to it."""
    chain: list[BaseException] = []  # an error can be its own cause
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        context = None if link.__suppress_context__ else link.__context__
        link = link.__cause__ or context
    return chain
