"""Settings of the text to translate."""

from seq2seq.config.section import Section


class TextConfig(Section):
    """How a line is prepared for the model, and how its translation is put together."""

    sentences: bool = True
    """Divide a line into sentences, translate each of them, and join the translations with the
    white space that stood between the sentences. Models are trained on single sentences. `false`
    translates each line as a whole."""
