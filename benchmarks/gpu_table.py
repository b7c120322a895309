"""The tables of benchmarks/gpu.json, for docs/results.md."""

from typing import Any

Record = dict[str, Any]


def gpu_section(values: Record) -> list[str]:
    """Returns the lines of the section, for the fastest batch size of each model.

    Args:
        values: the content of gpu.json.
    """
    machine = values["machine"]
    families = values["families agree with the CPU"]
    largest = max(family["largest difference of logits"] for family in families.values())
    same = all(family["same translations"] for family in families.values())
    training = values["training agrees with the CPU"]["largest difference"]
    exact = values["resume is exact"]["bit-identical"]
    lines = [
        "## On a GPU",
        "",
        f"`bash benchmarks/gpu.sh`, {machine['date']}, {machine['device']}, torch "
        f"{machine['torch']}.",
        f"All {len(families)} families give the logits of the CPU within {largest:.0e} in float32, "
        f"and {'the same' if same else 'other'} translations.",
        f"The losses of a small training agree within {training:.0e}. A resumed training is "
        f"{'bit-identical' if exact else 'not bit-identical'}.",
        "",
        "Training speed, sentences of 32 tokens, at the fastest of the batch sizes tried:",
        "",
        "| model | parameters | precision | sentences in a batch | target tokens/s | peak memory |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    fastest: dict[tuple[str, str, str], Record] = {}
    for row in values["training speed"]:
        key = (row["family"], row["size"], row["precision"])
        speed = row.get("target_tokens_per_s", 0)
        if speed > fastest.get(key, {}).get("target_tokens_per_s", 0):
            fastest[key] = row
    for (family, _, precision), row in fastest.items():
        lines.append(
            f"| {family} | {row['parameters'] / 1e6:.1f} M | {precision} | {row['sentences']:,} | "
            f"{row['target_tokens_per_s']:,} | {row['peak_gb']:.1f} GB |"
        )
    lines += [
        "",
        "Translation speed of the smaller models, 512 sentences of 16 tokens in a batch, beam 5, "
        "26 tokens each:",
        "",
        "| model | precision | sentences/s |",
        "| --- | --- | --- |",
    ]
    for row in values["translation speed"]:
        speed = f"{row['sentences_per_s']:,.0f}"
        lines.append(f"| {row['family']} | {row['precision']} | {speed} |")
    return [*lines, ""]
