"""Experiment 3: the gates of the LSTM, held."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from seq2seq.comparison import pictures
from seq2seq.comparison.experiment import Claim, Found, Part, Table
from seq2seq.comparison.trainings import Training, Translators
from seq2seq.errors import UserError
from seq2seq.run import RunFolder
from seq2seq.training import checkpoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Gates(Translators):
    """The gates of the LSTM, held."""

    key: ClassVar = "gates"
    title: ClassVar = "The gates at work"
    about: ClassVar = (
        "BLEU on the valid split of an LSTM whose gates are held at a value in all its layers: a trained one, as it is, and "
        "one that was trained so from the beginning, for a shorter time (the first bar is that time with all gates free)."
    )
    _free: ClassVar = "all gates free"

    def trainings(self) -> list[Training]:
        return [self.reference(), *self._retrained().values()]

    def _retrained(self) -> dict[str, Training]:
        """Those that are trained with a gate held, and one with none held, by their labels."""
        settings = self.config.translation
        run, found = settings.runs[settings.reference], {}
        for label, clamp in {**settings.clamps, self._free: {}}.items():
            held = f"model.clamp={{{', '.join(f'{gate}: {value}' for gate, value in clamp.items())}}}"
            found[label] = self.training(f"retrained {label}", run, settings.short_minutes, held)
        return found

    def parts(self) -> list[Part]:
        reference, clamps = self.reference(), self.config.translation.clamps
        return [
            Part(self._free, self.settings(reference), partial(self._part, reference)),
            *(
                Part(label, {**self.settings(reference), "clamp": clamp}, partial(self._held, label, clamp))
                for label, clamp in clamps.items()
            ),
            *(
                Part(f"{label}, retrained", self.settings(training), partial(self._part, training))
                for label, training in self._retrained().items()
            ),
        ]

    def _part(self, training: Training) -> dict[str, Any]:
        return self.measured(self.trained(training), "valid")

    def _held(self, label: str, clamp: dict[str, float]) -> dict[str, Any]:
        run, into = RunFolder(self.trained(self.reference())), self.folder / "runs" / f"held-{label.replace(' ', '-')}"
        config = run.config()
        if config.model.family != "lstm":
            raise UserError(f"translation.clamps hold gates of an LSTM; the reference is a {config.model.family}.")
        shutil.rmtree(into, ignore_errors=True)
        held = replace(config, model=replace(config.model, clamp=clamp))
        RunFolder(into).create(held, run.tokenizer())
        shutil.copy(run.path / checkpoint.MODEL_FILE, into / checkpoint.MODEL_FILE)
        shutil.copy(run.path / "journal.jsonl", into / "journal.jsonl")
        return self.measured(into, "valid")

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
        pair = figure.subplots(1, 2, sharex=True, sharey=True)
        titles = ("held in a trained model", "trained so")
        for axes, title, suffix in zip(pair, titles, ("", ", retrained"), strict=True):
            pictures.bars(axes, {name: found[name + suffix]["bleu"]["score"] for name in names})
            axes.set(title=title, xlabel="BLEU (valid)")
