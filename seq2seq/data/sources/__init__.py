"""Collecting a corpus from its source. Each kind of source has a file in this folder."""

from functools import partial

from seq2seq.config.sources import DingSource, FilesSource, HubSource, LibreOfficeSource, Source
from seq2seq.data.corpus import Corpus
from seq2seq.data.sources import ding, files, hub, libreoffice
from seq2seq.reporter import SILENT, Reporter


def collect(
    source: Source,
    *,
    name: str,
    source_language: str,
    target_language: str,
    reporter: Reporter = SILENT,
) -> Corpus:
    """Reads or downloads a corpus.

    Args:
        source: the settings of the source, from the config or the catalog.
        name: the name of the corpus, for messages.
        source_language: code of the language to translate from.
        target_language: code of the language to translate into.
        reporter: receives a line for each step that takes long.

    Raises:
        SourceUnavailable: the source needs a network or a program that this machine does not have.
        UserError: the settings or the files are wrong.
    """
    match source:
        case FilesSource():
            collect_source = partial(files.collect, source)
        case HubSource():
            collect_source = partial(hub.collect, source)
        case LibreOfficeSource():
            collect_source = partial(libreoffice.collect, source)
        case DingSource():
            collect_source = partial(ding.collect, source)
    return collect_source(
        name=name, source=source_language, target=target_language, reporter=reporter
    )
