"""What is needed of a SentencePiece model besides its own methods."""

from typing import TYPE_CHECKING

from seq2seq.errors import UserError

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor


def load_processor(name: str, model: bytes) -> "SentencePieceProcessor":
    """Loads a serialized model.

    Args:
        name: the name of the model, for the message.
        model: the content of its file.

    Raises:
        UserError: the model is damaged.
    """
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor()
    try:
        # The constructor would accept an empty model as one that is not loaded yet.
        processor.LoadFromSerializedProto(model)
    except RuntimeError as error:
        raise UserError(
            f"The tokenizer model '{name}' is damaged ({error}). Copy the run folder again."
        ) from None
    return processor


def token_lengths(processor: "SentencePieceProcessor") -> list[int]:
    """Returns the number of characters that each token stands for.

    The bytes of a character count for the first of them.
    """
    lengths = []
    for number in range(processor.get_piece_size()):
        length = len(processor.id_to_piece(number))
        if processor.is_control(number):
            length = 0
        elif processor.is_byte(number):
            byte = int(processor.id_to_piece(number)[3:-1], 16)  # "<0xE2>"
            length = 0 if 0x80 <= byte < 0xC0 else 1
        elif processor.is_unknown(number):
            length = 1
        lengths.append(length)
    return lengths
