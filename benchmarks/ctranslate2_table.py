"""The table of benchmarks/ctranslate2.json, for docs/results.md."""

from typing import Any

from shipping_table import range_rows

Results = dict[str, Any]

# Key of a figure, what it is, digits after the point.
_ROWS = (
    ("bleu_int8", "BLEU, beam 5", 1),
    ("bleu_int8_greedy", "BLEU, greedy", 1),
    ("sentences_per_s", "test2016, beam 5, sentences/s", 0),
    ("search_sentences_per_s", "the same without SentencePiece", 0),
    ("sentences_per_s_greedy", "test2016, greedy, sentences/s", 0),
    ("search_sentences_per_s_greedy", "the same without SentencePiece", 0),
    ("latency_ms", "one sentence, beam 5, milliseconds", 1),
    ("latency_ms_greedy", "one sentence, greedy, milliseconds", 1),
    ("load_s", "imports and loading, seconds", 2),
    ("process_s", "a process that translates one word, seconds", 2),
    ("process_mb", "memory of that process, MB", 0),
    ("folder_mb", "size of the model's folder, MB", 1),
    ("environment_mb", "size of the environment without pip, MB", 0),
)


def ctranslate2_section(results: Results) -> list[str]:
    """Returns the lines of the section.

    Args:
        results: what `ctranslate2_peer.measure` returned.
    """
    machine = results["machine"]
    systems = results["systems"]
    theirs = results["theirs"]
    float32 = systems["ctranslate2"]["bleu_float32"]["median"]
    titles = (
        f"this project, {results['ours']['family']}",
        f"CTranslate2 {results['versions']['ctranslate2']}, Transformer",
    )
    lines = [
        "### Beside CTranslate2",
        "",
        f"`python benchmarks/ctranslate2_peer.py measure {results['ours']['folder']}`, "
        f"{machine['date'][:10]}, {machine['processor']}, {machine['threads']} threads.",
        f"Both systems compute in int8 and translate {results['test_set']}, "
        f"{results['num_sentences']:,} sentences.",
        "They take turns; medians, with the range of all repeats.",
        "The text of both is plain lines, before SentencePiece and after it. A single sentence is "
        "the mean of the first 100.",
        f"CTranslate2 has a Transformer of {theirs['parameters'] / 1e6:.1f} M parameters, with the "
        "sizes of `configs/transformer-multi30k.yaml`.",
        f"This project trained it on the same text (`train --steps {theirs['updates']}`), without "
        "rotary embeddings.",
        f"Its BLEU in float32 is {float32:.1f}. In float32, the log-probabilities of both systems "
        f"differ by {theirs['agreement']['largest_difference']:.0e} at most.",
        "CTranslate2 uses the fastest of several batch sizes and threads, and else its defaults.",
        "",
        f"| what | {titles[0]} | {titles[1]} |",
        "| --- | --- | --- |",
    ]
    return [*lines, *range_rows(_ROWS, [systems["ours"], systems["ctranslate2"]]), ""]
