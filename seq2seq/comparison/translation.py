"""Experiments 3, 4 and 7: translators of equal size and equal time; without attention; with a gate held."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import Console

from seq2seq import pipeline
from seq2seq.comparison import pictures
from seq2seq.comparison.experiment import Claim, Experiment, Found, Part, Table
from seq2seq.comparison.settings import RunSettings
from seq2seq.config import dump_config
from seq2seq.errors import UserError
from seq2seq.run import RunFolder
from seq2seq.test_sets import TestSet, split_of
from seq2seq.training import checkpoint
from seq2seq.training.journal import Journal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIGNIFICANT = 0.05
_EXPECTED = {"rnn": "worse", "transformer": "better"}
"""What is said of families against the LSTM; of the others nothing is said that one could bear out."""


class TrainingStopped(Exception):
    """A person stopped a training; it is saved, and goes on when the comparison does."""


class _Translators(Experiment):
    """What trains and measures translators. Trainings live in FOLDER/runs; one that was stopped goes on."""

    def _settings(self, run: RunSettings, minutes: float, *changes: str) -> dict[str, Any]:
        """All that a training depends on."""
        return {
            "config": dump_config(run.load(*changes, f"training.budget.minutes={minutes}")),
            "sentences": self.config.translation.sentences,
        }

    def _train(self, name: str, run: RunSettings, minutes: float, *changes: str) -> Path:
        folder = self.folder / "runs" / name.replace(" ", "-")
        overrides = [*run.set, *changes, f"training.budget.minutes={minutes}"]
        console = Console(stderr=True)
        begun = checkpoint.has_last(folder)
        wanted = run.load(*changes, f"training.budget.minutes={minutes}")
        if begun and RunFolder(folder).config() != wanted:
            self.say(f"{folder} was trained with other settings and is trained anew")
            shutil.rmtree(folder)
            begun = False
        if begun and checkpoint.load_facts(folder)["finished"]:
            return folder
        progress = pipeline.train(
            Path(run.config), folder, overrides=overrides, resume=begun, data_dir=self.data_dir, console=console
        )
        if not progress.finished:
            raise TrainingStopped
        return folder

    def _measure(self, folder: Path, split: str, against: Path | None = None) -> dict[str, Any]:
        """Translates and scores; `against` is another run's folder, measured before."""
        test_set = self._test_set(folder, split)
        part = "" if split == "test" else f".{split}"
        report, _ = pipeline.evaluate(
            folder, test_set, against=None if against is None else against / f"hypotheses{part}.txt"
        )
        model = pipeline.load_translator(folder, precision="float32").model
        events = list(Journal(folder / "journal.jsonl"))
        steps = [entry for entry in events if entry["event"] == "step"]
        speeds = sorted(entry["tokens_per_s"] for entry in steps)
        other = report.get("against", {})
        return {
            "bleu": report["bleu"],
            "chrf": report["chrf"],
            "by_length": report["bleu_by_source_length"],
            "sentences_per_s": report["sentences_per_second"],
            "tokens_per_s": speeds[len(speeds) // 2] if speeds else None,
            "curve": [(e["elapsed_s"] / 60, e["bleu"]) for e in events if e["event"] == "validation"],
            "updates": max((entry["step"] for entry in steps), default=0),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "bytes": (folder / checkpoint.MODEL_FILE).stat().st_size,
            "against": {key: other[key] for key in ("bleu", "chrf")} if other else None,
        }

    def _test_set(self, folder: Path, split: str) -> TestSet:
        found = split_of(folder, split, self.data_dir, self.say)
        count = self.config.translation.sentences or len(found.sources)
        return TestSet(found.name, found.sources[:count], [lines[:count] for lines in found.references])

    def _ordered(self) -> dict[str, RunSettings]:
        """The runs, the reference first: the others are compared with its translations."""
        runs, first = self.config.translation.runs, self.config.translation.reference
        return {first: runs[first], **runs}


class Quality(_Translators):
    """All families, equal size, equal time."""

    key: ClassVar = "quality"
    title: ClassVar = "Translation at equal size and equal time"
    about: ClassVar = (
        "Translators of about the same number of parameters, trained for the same minutes on this machine with the same "
        "corpus, pieces and search: BLEU on the valid split (greedy) while they learn, BLEU on the test set with its 95 % "
        "interval, what training and search achieve a second, and what the model weighs."
    )

    def parts(self) -> list[Part]:
        minutes = self.config.translation.minutes
        return [
            Part(name, self._settings(run, minutes), partial(self._part, name, run, minutes))
            for name, run in self._ordered().items()
        ]

    def _part(self, name: str, run: RunSettings, minutes: float) -> dict[str, Any]:
        folder, reference = self._train(name, run, minutes), self.config.translation.reference
        against = None if name == reference else self.folder / "runs" / reference.replace(" ", "-")
        return self._measure(folder, "test", against)

    def claims(self, found: Found) -> list[Claim]:
        reference, claims = self.config.translation.reference, []
        sizes = {name: part["parameters"] for name, part in found.items()}
        low, high = min(sizes.values()), max(sizes.values())
        claims.append(
            Claim(
                "The models are of one size (within 10 % of 10 million parameters).",
                low >= 9e6 and high <= 11e6,
                ", ".join(f"{name} {size / 1e6:.1f} M" for name, size in sizes.items()),
            )
        )
        for name, part in found.items():
            if name == reference:
                continue
            test = part["against"]["bleu"]
            told = test["p_value"] < _SIGNIFICANT
            numbers = f"{test['score']:.2f} against {test['other']:.2f} BLEU, p = {test['p_value']:.3f}"
            if name in _EXPECTED:
                better = _EXPECTED[name] == "better"
                text = f"{name} translates {_EXPECTED[name]} than {reference} after the same time."
                claims.append(Claim(text, (test["delta"] > 0) == better if told else None, numbers))
            else:
                text = f"{name} cannot be told from {reference} after the same time (p of {_SIGNIFICANT} and more)."
                claims.append(Claim(text, not told, numbers))
        return claims

    def table(self, found: Found) -> Table:
        rows = [
            [
                name,
                f"{part['bleu']['score']:.2f} ({part['bleu']['low']:.2f} to {part['bleu']['high']:.2f})",
                f"{part['chrf']['score']:.2f}",
                f"{part['against']['bleu']['p_value']:.3f}" if part["against"] else "",
                f"{part['updates']:,}",
                f"{part['tokens_per_s']:,.0f}" if part["tokens_per_s"] else "",
                f"{part['sentences_per_s']:,.0f}",
                f"{part['parameters'] / 1e6:.1f} M",
                f"{part['bytes'] / 1e6:.1f} MB",
            ]
            for name, part in found.items()
        ]
        head = ["model", "BLEU (95 %)", "chrF", f"p against {self.config.translation.reference}", "updates"]
        return Table([*head, "training pieces/s", "sentences/s", "parameters", "file"], rows)

    def draw(self, found: Found, figure: "Figure") -> None:
        grid = figure.add_gridspec(2, 2, width_ratios=(1.2, 1))
        curves, scores = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[0, 1])
        speeds = figure.add_subplot(grid[1, 1])
        for name, part in found.items():
            pictures.line(curves, name, [at for at, _ in part["curve"]], [bleu for _, bleu in part["curve"]])
        curves.set(title="while they learn", xlabel="minutes of training", ylabel="BLEU (valid, greedy)")
        curves.legend()
        bleu = {name: part["bleu"] for name, part in found.items()}
        pictures.bars(
            scores,
            {name: score["score"] for name, score in bleu.items()},
            [score["low"] for score in bleu.values()],
            [score["high"] for score in bleu.values()],
        )
        scores.set(title="BLEU (test)")
        pictures.bars(speeds, {name: part["tokens_per_s"] or 0 for name, part in found.items()})
        speeds.set(title="training, pieces a second")


class Bottleneck(_Translators):
    """Recurrent families with and without attention."""

    key: ClassVar = "bottleneck"
    title: ClassVar = "The bottleneck that attention removed"
    about: ClassVar = (
        "BLEU by the length of the source, with attention (solid) and with one vector of fixed size that carries the "
        "sentence (dashed; Sutskever et al. 2014, Cho et al. 2014), trained for the same time."
    )
    _without: ClassVar = "model.attention=none"

    def parts(self) -> list[Part]:
        settings, found = self.config.translation, []
        for name in settings.without_attention:
            run = settings.runs[name]
            for label, changes in ((name, ()), (f"{name} without attention", (self._without,))):
                found.append(
                    Part(
                        label,
                        self._settings(run, settings.minutes, *changes),
                        partial(self._part, label, run, *changes),
                    )
                )
        return found

    def _part(self, name: str, run: RunSettings, *changes: str) -> dict[str, Any]:
        return self._measure(self._train(name, run, self.config.translation.minutes, *changes), "test")

    def claims(self, found: Found) -> list[Claim]:
        claims = []
        for name in self.config.translation.without_attention:
            with_it, without = found[name], found[f"{name} without attention"]
            claims.append(
                Claim(
                    f"Without attention {name} translates clearly worse: the intervals do not touch.",
                    without["bleu"]["high"] < with_it["bleu"]["low"],
                    f"{without['bleu']['score']:.2f} against {with_it['bleu']['score']:.2f} BLEU",
                )
            )
            short, long = (self._gap(with_it, without, end) for end in (0, -1))
            claims.append(
                Claim(
                    f"What {name} lacks without attention, it lacks most in long sentences.",
                    long > short,
                    f"{short:.1f} BLEU fewer in short sentences, {long:.1f} in long ones",
                )
            )
        return claims

    def _gap(self, with_it: Found, without: Found, end: int) -> float:
        """BLEU that attention gains in the first or last bucket of at least 30 sentences."""
        buckets = [
            (a["bleu"] - b["bleu"])
            for a, b in zip(with_it["by_length"], without["by_length"], strict=True)
            if a["n"] >= min(30, self.config.translation.sentences or 30) or len(with_it["by_length"]) == 1
        ]
        return float(buckets[end]) if buckets else 0.0

    def table(self, found: Found) -> Table:
        words = [bucket["words"] for bucket in next(iter(found.values()))["by_length"]]
        rows = [
            [name, f"{part['bleu']['score']:.2f}", *(f"{bucket['bleu']:.1f}" for bucket in part["by_length"])]
            for name, part in found.items()
        ]
        return Table(["model", "BLEU", *(f"{word} words" for word in words)], rows)

    def draw(self, found: Found, figure: "Figure") -> None:
        axes = figure.subplots()
        for name, part in found.items():
            shown = [bucket for bucket in part["by_length"] if bucket["n"] >= 10]
            pictures.line(axes, name, [bucket["words"] for bucket in shown], [bucket["bleu"] for bucket in shown])
        axes.set(xlabel="words of the source", ylabel="BLEU")
        axes.legend()


class Gates(_Translators):
    """The gates of the LSTM, held."""

    key: ClassVar = "gates"
    title: ClassVar = "The gates at work"
    about: ClassVar = (
        "BLEU on the valid split of an LSTM whose gates are held at a value in all its layers: a trained one, as it is, and "
        "one that was trained so from the beginning, for a shorter time (the last bar is that time with all gates free)."
    )
    _free: ClassVar = "all gates free"

    def parts(self) -> list[Part]:
        settings = self.config.translation
        run = settings.runs[settings.reference]
        found = [Part(self._free, self._settings(run, settings.minutes), self._free_part)]
        for label, clamp in settings.clamps.items():
            held = {**self._settings(run, settings.minutes), "clamp": clamp}
            found.append(Part(label, held, partial(self._held, label, clamp)))
        for label, clamp in {**settings.clamps, self._free: {}}.items():
            changes = [f"model.clamp={{{', '.join(f'{gate}: {value}' for gate, value in clamp.items())}}}"]
            found.append(
                Part(
                    f"{label}, retrained",
                    self._settings(run, settings.short_minutes, *changes),
                    partial(self._retrained, label, run, changes),
                )
            )
        return found

    def _trained(self) -> Path:
        settings = self.config.translation
        return self._train(settings.reference, settings.runs[settings.reference], settings.minutes)

    def _free_part(self) -> dict[str, Any]:
        return self._measure(self._trained(), "valid")

    def _held(self, label: str, clamp: dict[str, float]) -> dict[str, Any]:
        run, into = RunFolder(self._trained()), self.folder / "runs" / f"held-{label.replace(' ', '-')}"
        config = run.config()
        if config.model.family != "lstm":
            raise UserError(f"translation.clamps hold gates of an LSTM; the reference is a {config.model.family}.")
        shutil.rmtree(into, ignore_errors=True)
        held = replace(config, model=replace(config.model, clamp=clamp))
        RunFolder(into).create(held, run.tokenizer())
        shutil.copy(run.path / checkpoint.MODEL_FILE, into / checkpoint.MODEL_FILE)
        shutil.copy(run.path / "journal.jsonl", into / "journal.jsonl")
        return self._measure(into, "valid")

    def _retrained(self, label: str, run: RunSettings, changes: list[str]) -> dict[str, Any]:
        minutes = self.config.translation.short_minutes
        return self._measure(self._train(f"retrained {label}", run, minutes, *changes), "valid")

    def claims(self, found: Found) -> list[Claim]:
        bleu: Callable[[str], float] = lambda name: float(found[name]["bleu"]["score"])  # noqa: E731
        free, labels, claims = bleu(self._free), list(self.config.translation.clamps), []
        if not labels:
            return []
        worst = min(labels, key=bleu)
        claims.append(
            Claim(
                "A trained LSTM needs its gates: with any one of them held, BLEU falls.",
                all(bleu(label) < free for label in labels),
                f"{free:.1f} with all free; " + ", ".join(f"{label}: {bleu(label):.1f}" for label in labels),
            )
        )
        forget = [label for label, clamp in self.config.translation.clamps.items() if "forget" in clamp]
        claims.append(
            Claim(
                "None is needed more than the forget gate.",
                worst in forget,
                f"lowest: {worst}, {bleu(worst):.1f} BLEU",
            )
        )
        base = bleu(f"{self._free}, retrained")
        back = {label: bleu(f"{label}, retrained") for label in labels}
        claims.append(
            Claim(
                "Much of what a gate does can be learnt by the others: trained with it held, more than half of what was "
                "lost comes back, whichever gate it is.",
                all(back[label] - bleu(label) > (base - bleu(label)) / 2 for label in labels if bleu(label) < base),
                f"{base:.1f} with all free; " + ", ".join(f"{label}: {value:.1f}" for label, value in back.items()),
            )
        )
        return claims

    def table(self, found: Found) -> Table:
        rows = [
            [
                name,
                f"{found[name]['bleu']['score']:.2f}",
                f"{found[f'{name}, retrained']['bleu']['score']:.2f}",
            ]
            for name in [self._free, *self.config.translation.clamps]
        ]
        settings = self.config.translation
        return Table(
            [
                "gates",
                f"BLEU, trained {settings.minutes:g} minutes free",
                f"trained {settings.short_minutes:g} minutes so",
            ],
            rows,
        )

    def draw(self, found: Found, figure: "Figure") -> None:
        names = [self._free, *self.config.translation.clamps]
        titles = ("held in a trained model", "trained so")
        for axes, title, suffix in zip(figure.subplots(1, 2, sharey=True), titles, ("", ", retrained"), strict=True):
            pictures.bars(axes, {name: found[name + suffix]["bleu"]["score"] for name in names})
            axes.set(title=title, xlabel="BLEU (valid)")
