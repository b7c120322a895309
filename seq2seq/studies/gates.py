"""What the gates of the LSTM are good for: BLEU with each of them held at a value."""

import shutil
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from seq2seq.errors import UserError
from seq2seq.models.weights import load_into, load_weights, save_weights
from seq2seq.run import RunFolder
from seq2seq.studies import pictures
from seq2seq.studies.claims import Measures
from seq2seq.studies.instruments import hold_gates
from seq2seq.studies.study import Measurement, Results, Table, ratio
from seq2seq.studies.training import Training
from seq2seq.studies.translators import TranslatorStudy, build_model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FREE = "all gates free"


class GateStudy(TranslatorStudy):
    """Gates held in a trained model, and held from the beginning of training."""

    key: ClassVar = "gates"
    title: ClassVar = "The gates at work"
    about: ClassVar = (
        "BLEU on the valid split of an LSTM with a gate held at a value in all its layers. Left: "
        "the gate is held in a trained model. Right: the model was trained that way from the "
        "beginning, for a shorter time. The first bar is the same model with all gates free."
    )

    def trainings(self) -> list[Training]:
        reference = self.reference()
        family = reference.config.model.family
        if self.config.translation.held_gates and family != "lstm":
            raise UserError(
                f"translation.held_gates: gates can only be held in an LSTM, and the reference "
                f"{reference.name} is of the family {family}. Choose another reference."
            )
        return [reference, *self._retrainings().values()]

    def _retrainings(self) -> dict[str, Training]:
        """The trainings with a gate held, and one with none held, by label."""
        translation = self.config.translation
        run = translation.runs[translation.reference]
        trainings = {}
        for label, gates in {**translation.held_gates, _FREE: {}}.items():
            training = self.training(f"retrained {label}", run, translation.short_minutes)
            trainings[label] = replace(training, held_gates=gates)
        return trainings

    def measurements(self) -> list[Measurement]:
        reference = self.reference()
        settings = self.settings(reference)
        measurements = [Measurement(_FREE, settings, partial(self.measure, reference))]
        for label, gates in self.config.translation.held_gates.items():
            measure_held = partial(self._measure_held, label)
            measurements.append(Measurement(label, settings | {"held": gates}, measure_held))
        for label, training in self._retrainings().items():
            measure = partial(self.measure, training)
            measurements.append(
                Measurement(f"{label}, retrained", self.settings(training), measure)
            )
        return measurements

    def measure(self, training: Training) -> dict[str, Any]:
        return self.evaluate(self.trained(training), "valid")

    def _measure_held(self, label: str) -> dict[str, Any]:
        """Holds gates in the trained reference. The result is a run folder like any other."""
        run = self.trained(self.reference())
        model = build_model(run)
        load_into(model, load_weights(run.model_file), run.model_file)
        hold_gates(model, self.config.translation.held_gates[label])
        held = RunFolder(self.folder / "runs" / f"held-{label.replace(' ', '-')}")
        shutil.rmtree(held.path, ignore_errors=True)
        held.create(run.config, run.tokenizer)
        save_weights(held.model_file, model.state_dict())
        shutil.copy(run.journal_file, held.journal_file)
        return self.evaluate(held, "valid")

    def measures(self, results: Results) -> Measures:
        scores = {name: float(result["bleu"]["score"]) for name, result in results.items()}
        free = scores[_FREE]
        free_retrained = scores[f"{_FREE}, retrained"]
        held = {}
        held_retrained = {}
        share_regained = {}
        lowest: dict[str, float] = {}
        for label, gates in self.config.translation.held_gates.items():
            held[label] = scores[label]
            held_retrained[label] = scores[f"{label}, retrained"]
            loss = free_retrained - held[label]
            gain = held_retrained[label] - held[label]
            # Where nothing was lost, there is nothing to regain.
            share_regained[label] = ratio(gain, loss) if loss > 0 else 1.0
            for gate in gates:
                lowest[gate] = min(held[label], lowest.get(gate, held[label]))
        return {
            "bleu_free": free,
            "bleu_held": held,
            "bleu_free_retrained": free_retrained,
            "bleu_held_retrained": held_retrained,
            "share_regained": share_regained,
            "lowest_bleu": lowest,
        }

    def table(self, results: Results) -> Table:
        rows = []
        for label in [_FREE, *self.config.translation.held_gates]:
            trained = results[label]["bleu"]["score"]
            retrained = results[f"{label}, retrained"]["bleu"]["score"]
            rows.append([label, f"{trained:.2f}", f"{retrained:.2f}"])
        translation = self.config.translation
        head = [
            "gates",
            f"BLEU, held after {translation.minutes:g} minutes of training",
            f"BLEU, held during {translation.short_minutes:g} minutes of training",
        ]
        return Table(head, rows)

    def draw(self, results: Results, figure: "Figure") -> None:
        labels = [_FREE, *self.config.translation.held_gates]
        left, right = figure.subplots(1, 2, sharex=True, sharey=True)
        panels = ((left, "held after training", ""), (right, "held during training", ", retrained"))
        for axes, title, suffix in panels:
            scores = {label: results[label + suffix]["bleu"]["score"] for label in labels}
            pictures.bars(axes, scores)
            axes.set(title=title, xlabel="BLEU (valid)")
