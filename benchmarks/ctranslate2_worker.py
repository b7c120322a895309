"""What runs in the environment of CTranslate2, which has neither this project nor torch.

    python ctranslate2_worker.py convert WEIGHTS FOLDER float32
    python ctranslate2_worker.py score FOLDER           # JSON from stdin: source, target
    python ctranslate2_worker.py translate FOLDER       # JSON from stdin: texts, beam
    python ctranslate2_worker.py tune FOLDER            # JSON from stdin: texts
    python ctranslate2_worker.py speed FOLDER           # JSON from stdin: texts, settings
    python ctranslate2_worker.py load FOLDER
    python ctranslate2_worker.py start FOLDER
    python ctranslate2_worker.py word FOLDER            # text from stdin

ctranslate2_peer.py calls it. Every command but `word` prints JSON. FOLDER is what `convert` wrote,
and WEIGHTS is what ctranslate2_conversion.py wrote. `word` translates one line and imports nothing
that it does not need, because the whole process is measured.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SUBWORDS = "sentencepiece.model"
BEAMS = {"": 5, "_greedy": 1}
"""Suffix of a figure -> the width of its beam."""
THREADS = 2
LATENCY_SENTENCES = 100
WARM_UP_SENTENCES = 50
# (batches at the same time, threads of each)
_BATCH_THREADINGS = ((2, 1), (1, 2))
_SENTENCE_THREADINGS = ((1, 1), (1, 2))
_BATCH_SIZES: tuple[dict[str, Any], ...] = (
    {"max_batch_size": 16},
    {"max_batch_size": 32},
    {"max_batch_size": 64},
    {"max_batch_size": 128},
    {"max_batch_size": 512, "batch_type": "tokens"},
    {"max_batch_size": 1024, "batch_type": "tokens"},
    {"max_batch_size": 2048, "batch_type": "tokens"},
)
_DEFAULT_BATCH_SIZE = _BATCH_SIZES[1]
_TUNING_SENTENCES = 300
"""Read to choose the threads. All sentences are read to choose the size of a batch."""


# -- conversion ------------------------------------------------------------------------------------


def convert(source: Path, folder: Path, quantization: str) -> None:
    """Writes a model folder of CTranslate2.

    Args:
        source: weights.npz, model.json and sentencepiece.model of `conversion.write_weights`.
        folder: where the model goes.
        quantization: "float32" or "int8".
    """
    import numpy as np
    from ctranslate2.specs import TransformerSpec  # type: ignore[import-not-found]

    weights = dict(np.load(source / "weights.npz"))
    model = json.loads((source / "model.json").read_text(encoding="utf-8"))
    layers = (model["encoder_layers"], model["decoder_layers"])
    spec = TransformerSpec.from_config(layers, model["heads"], pre_norm=True)
    spec.encoder.embeddings[0].weight = weights["source_embedding.weight"]
    spec.decoder.embeddings.weight = weights["target_embedding.weight"]
    spec.decoder.projection.weight = weights["output"]
    spec.decoder.projection.bias = weights["output_bias"]
    for name, part in (("encoder", spec.encoder), ("decoder", spec.decoder)):
        # The embeddings are multiplied by the root of their size, as in this project.
        part.scale_embeddings = True
        part.position_encodings.encodings = weights["sinusoids"]
        _fill_norm(part.layer_norm, weights, f"{name}_norm")
        for number, layer in enumerate(part.layer):
            _fill_layer(layer, weights, f"{name}.{number}")
    spec.register_source_vocabulary(model["source_tokens"])
    spec.register_target_vocabulary(model["target_tokens"])
    spec.config.unk_token = "<unk>"
    spec.config.bos_token = "<s>"
    spec.config.eos_token = "</s>"
    spec.config.decoder_start_token = "<s>"
    spec.config.layer_norm_epsilon = model["layer_norm_epsilon"]
    spec.register_file(str(source / SUBWORDS), SUBWORDS)
    spec.validate()
    spec.optimize(quantization=quantization)
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))


def _fill_layer(layer: Any, weights: dict[str, Any], name: str) -> None:
    """Fills an encoder or decoder layer. The queries, keys and values of one input are fused."""
    norms = [(layer.self_attention.layer_norm, 0), (layer.ffn.layer_norm, 1)]
    _fill_linear(layer.self_attention.linear[0], weights, f"{name}.self_attn", "qkv")
    _fill_linear(layer.self_attention.linear[1], weights, f"{name}.self_attn", "out")
    if hasattr(layer, "attention"):
        norms = [*norms[:1], (layer.attention.layer_norm, 1), (layer.ffn.layer_norm, 2)]
        _fill_linear(layer.attention.linear[0], weights, f"{name}.cross_attn", "q")
        _fill_linear(layer.attention.linear[1], weights, f"{name}.cross_attn", "kv")
        _fill_linear(layer.attention.linear[2], weights, f"{name}.cross_attn", "out")
    for norm, number in norms:
        _fill_norm(norm, weights, f"{name}.norms.{number}")
    for linear, part in ((layer.ffn.linear_0, "inner"), (layer.ffn.linear_1, "outer")):
        linear.weight = weights[f"{name}.feed_forward.{part}.weight"]
        linear.bias = weights[f"{name}.feed_forward.{part}.bias"]


def _fill_linear(linear: Any, weights: dict[str, Any], name: str, parts: str) -> None:
    """Fills a linear layer of an attention, one below the other: "qkv", "kv", "q" or "out"."""
    import numpy as np

    names = ["out"] if parts == "out" else list(parts)
    for kind in ("weight", "bias"):
        arrays = [weights[f"{name}.{part}_proj.{kind}"] for part in names]
        setattr(linear, kind, np.concatenate(arrays))


def _fill_norm(norm: Any, weights: dict[str, Any], name: str) -> None:
    norm.gamma = weights[f"{name}.weight"]
    norm.beta = weights[f"{name}.bias"]


def score(folder: Path, source: list[list[str]], target: list[list[str]]) -> dict[str, Any]:
    """Returns what the check of a conversion compares.

    Args:
        folder: a model.
        source: the tokens of N sentences.
        target: the tokens of their translations.

    Returns:
        log_probs: for each sentence, the log-probability of each target token and of the end.
        greedy: the tokens of the greedy translations, at most as many as the longest target has.
    """
    translator = _load(folder)
    scored = translator.score_batch(source, target)
    limit = max(map(len, target))
    results = translator.translate_batch(source, beam_size=1, max_decoding_length=limit)
    return {
        "log_probs": [result.log_probs for result in scored],
        "greedy": [result.hypotheses[0] for result in results],
    }


# -- translation -----------------------------------------------------------------------------------


def translate(folder: Path, texts: list[str], beam: int) -> list[str]:
    """Returns the translation of each of N texts, with the library's defaults."""
    subwords = _load_subwords(folder)
    return _translate(_load(folder), subwords, texts, beam_size=beam, **_DEFAULT_BATCH_SIZE)


def _translate(translator: Any, subwords: Any, texts: list[str], **options: Any) -> list[str]:
    tokens = subwords.encode(texts, out_type=str)
    results = translator.translate_batch(tokens, **options)
    translations: list[str] = subwords.decode([result.hypotheses[0] for result in results])
    return translations


def _load(folder: Path, threading: tuple[int, int] = (1, THREADS)) -> Any:
    import ctranslate2  # type: ignore[import-not-found]

    batches, threads = threading
    # "default" is the format of the folder.
    return ctranslate2.Translator(
        str(folder), compute_type="default", inter_threads=batches, intra_threads=threads
    )


def _load_subwords(folder: Path) -> Any:
    from sentencepiece import SentencePieceProcessor

    return SentencePieceProcessor(model_file=str(folder / SUBWORDS))


# -- speed -----------------------------------------------------------------------------------------


def tune(folder: Path, texts: list[str]) -> dict[str, Any]:
    """Finds the fastest settings on this machine.

    Returns:
        For each suffix of BEAMS: `threading` and `options` of the whole text, and
        `sentence_threading`, that of a single sentence.
    """
    subwords = _load_subwords(folder)
    few = texts[:_TUNING_SENTENCES]
    chosen = {}
    for suffix, beam in BEAMS.items():
        default = {"beam_size": beam, **_DEFAULT_BATCH_SIZE}
        batch_seconds = []
        for threading in _BATCH_THREADINGS:
            translator = _load_warm(folder, threading, subwords, texts, beam)
            seconds = _time_batches(translator, subwords, few, default)["all"]
            batch_seconds.append((seconds, threading))
        sentence_seconds = []
        for threading in _SENTENCE_THREADINGS:
            translator = _load_warm(folder, threading, subwords, texts, beam)
            seconds = _time_sentences(translator, subwords, texts, beam)
            sentence_seconds.append((seconds, threading))
        _, fastest = min(batch_seconds)
        translator = _load_warm(folder, fastest, subwords, texts, beam)
        size_seconds = []
        for size in _BATCH_SIZES:
            options = {"beam_size": beam, **size}
            seconds = _time_batches(translator, subwords, texts, options)["all"]
            size_seconds.append((seconds, options))
        chosen[suffix] = {
            "threading": fastest,
            "options": min(size_seconds, key=lambda entry: entry[0])[1],
            "sentence_threading": min(sentence_seconds)[1],
        }
    return chosen


def speed(folder: Path, texts: list[str], settings: dict[str, Any]) -> dict[str, float]:
    """Measures a translator that is loaded already.

    Args:
        folder: a model.
        texts: N sentences.
        settings: what `tune` returned.

    Returns:
        For each suffix of BEAMS: sentences_per_s with and without SentencePiece, and latency_ms.
    """
    subwords = _load_subwords(folder)
    figures = {}
    for suffix, beam in BEAMS.items():
        chosen = settings[suffix]
        translator = _load_warm(folder, chosen["threading"], subwords, texts, beam)
        seconds = _time_batches(translator, subwords, texts, chosen["options"])
        figures[f"sentences_per_s{suffix}"] = len(texts) / seconds["all"]
        figures[f"search_sentences_per_s{suffix}"] = len(texts) / seconds["search"]
        translator = _load_warm(folder, chosen["sentence_threading"], subwords, texts, beam)
        seconds_each = _time_sentences(translator, subwords, texts, beam)
        figures[f"latency_ms{suffix}"] = 1000 * seconds_each
    return figures


def _load_warm(
    folder: Path, threading: tuple[int, int], subwords: Any, texts: list[str], beam: int
) -> Any:
    """Loads a model, and translates with it once, so that its memory is there."""
    translator = _load(folder, threading)
    _translate(translator, subwords, texts[:WARM_UP_SENTENCES], beam_size=beam)
    return translator


def _time_batches(
    translator: Any, subwords: Any, texts: list[str], options: dict[str, Any]
) -> dict[str, float]:
    """Returns the seconds for all texts, and those of the search alone."""
    started_at = time.perf_counter()
    tokens = subwords.encode(texts, out_type=str)
    search_started_at = time.perf_counter()
    results = translator.translate_batch(tokens, **options)
    search_seconds = time.perf_counter() - search_started_at
    subwords.decode([result.hypotheses[0] for result in results])
    return {"all": time.perf_counter() - started_at, "search": search_seconds}


def _time_sentences(translator: Any, subwords: Any, texts: list[str], beam: int) -> float:
    """Returns the mean seconds of a sentence, each of them in a call of its own."""
    started_at = time.perf_counter()
    for text in texts[:LATENCY_SENTENCES]:
        _translate(translator, subwords, [text], beam_size=beam)
    return (time.perf_counter() - started_at) / len(texts[:LATENCY_SENTENCES])


def load(folder: Path) -> dict[str, float]:
    """Measures how long the imports and the model take, in this process."""
    started_at = time.perf_counter()
    _load(folder)
    _load_subwords(folder)
    return {"load_s": time.perf_counter() - started_at}


def start(folder: Path) -> dict[str, float]:
    """Measures a whole process that translates one word."""
    import resource
    import subprocess

    started_at = time.perf_counter()
    command = [sys.executable, __file__, "word", str(folder)]
    subprocess.run(command, input=b"Hallo\n", capture_output=True, check=True)
    seconds = time.perf_counter() - started_at
    # This process has had no other child. Linux counts in kilobytes.
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"process_s": seconds, "process_mb": memory * 1024 / 1e6}


def main() -> None:
    command, folder, *rest = sys.argv[1:]
    if command == "word":
        print(*translate(Path(folder), sys.stdin.read().splitlines(), beam=5), sep="\n")
        return
    if command == "convert":
        convert(Path(folder), Path(rest[0]), rest[1])
        return
    commands: dict[str, Callable[..., Any]] = {
        "score": score,
        "translate": translate,
        "tune": tune,
        "speed": speed,
        "load": load,
        "start": start,
    }
    # `load` and `start` have no input.
    given = json.loads(sys.stdin.read() or "{}")
    print(json.dumps(commands[command](Path(folder), **given)))


if __name__ == "__main__":
    main()
