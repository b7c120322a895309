"""Training a tokenizer with SentencePiece, on the text of the training split."""

import hashlib
import io
import itertools
import shutil
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.errors import UserError
from seq2seq.reporter import SILENT, Reporter
from seq2seq.text.case import CaseFolder
from seq2seq.text.escaping import escape
from seq2seq.text.fingerprint import fingerprint_texts
from seq2seq.text.source_words import words_of
from seq2seq.text.tokenizer import BOS, EOS, PAD, RESERVED, UNK, Tokenizer


def cached_tokenizer(
    config: TokenizerConfig,
    source: Sequence[str],
    target: Sequence[str],
    cache: Path,
    reporter: Reporter = SILENT,
    case_folder: CaseFolder | None = None,
) -> Tokenizer:
    """Trains a tokenizer, or loads the one that was trained before on the same text.

    Args:
        config: the settings.
        source: the source side of the training split.
        target: the target side of the training split.
        cache: the folder for what can be made again.
        reporter: receives a line before the training.
        case_folder: separates the case of source words from their letters.

    Raises:
        UserError: no tokenizer of this size can be trained on this text.
        OSError: the cache cannot be written.
    """
    # Sampling does not change the vocabulary.
    settings = config.model_dump_json(exclude={"sampling", "sampling_sides"})
    folds = case_folder is not None
    key = settings + repr(RESERVED) + repr(folds) + "words" + fingerprint_texts(source, target)
    folder = cache / "tokenizers" / hashlib.sha256(key.encode()).hexdigest()[:32]
    if folder.is_dir():
        return Tokenizer.load(folder, case_folder)
    reporter.info(f"training the tokenizer ({config.kind}, {config.vocab_size:,} tokens)")
    tokenizer = train_tokenizer(config, source, target, case_folder)
    partial = folder.with_suffix(f".partial-{uuid.uuid4().hex[:12]}")
    try:
        tokenizer.save(partial)
        if not folder.exists():
            partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return tokenizer


def train_tokenizer(
    config: TokenizerConfig,
    source: Sequence[str],
    target: Sequence[str],
    case_folder: CaseFolder | None = None,
) -> Tokenizer:
    """Trains a tokenizer. Pass the text of the training split only.

    Raises:
        UserError: no tokenizer of this size can be trained on this text.
    """
    if case_folder is not None:
        source = [case_folder.fold(text)[0] for text in source]
        # The source side reads <TAG> as <tag> with a case.
        folded = [case_folder.fold(symbol)[0] for symbol in config.user_symbols]
        symbols = tuple(dict.fromkeys([*config.user_symbols, *folded]))
        config = config.replace(user_symbols=symbols)
    if config.joint:
        models = {"joint": _train_model(config, itertools.chain(source, target))}
    else:
        models = {"source": _train_model(config, source), "target": _train_model(config, target)}
    return Tokenizer(models, case_folder, words_of(source))


def _train_model(config: TokenizerConfig, texts: Iterable[str]) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(escape(text) for text in texts),
            model_writer=model,
            model_type=config.kind,
            vocab_size=config.vocab_size,
            # A small corpus may have fewer useful tokens than vocab_size. Take what there is.
            hard_vocab_limit=config.kind != "unigram",
            character_coverage=config.character_coverage,
            byte_fallback=config.byte_fallback,
            # No normalization and no folding of spaces, or decoding would not restore the text.
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            user_defined_symbols=[*RESERVED, *config.user_symbols],
            split_digits=config.split_digits,
            pad_id=PAD,
            unk_id=UNK,
            bos_id=BOS,
            eos_id=EOS,
            max_sentence_length=16384,
            num_threads=1,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise UserError(
            f"Cannot train a tokenizer of {config.vocab_size} tokens (tokenizer.vocab_size) on "
            f"this text: {error}"
        ) from None
    return model.getvalue()
