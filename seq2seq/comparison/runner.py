"""Runs the experiments that a comparison still lacks, and writes its folder.

results.json       all numbers and claims
pictures/          one picture of each experiment, PNG and SVG
index.html         everything on one page
parts/, runs/      what has been measured and trained: it is not done again
"""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

from seq2seq.comparison import pictures
from seq2seq.comparison.bottleneck import Bottleneck
from seq2seq.comparison.experiment import Experiment, Say
from seq2seq.comparison.gates import Gates
from seq2seq.comparison.gradients import Gradients
from seq2seq.comparison.memory import Memory
from seq2seq.comparison.page import Chapter, render
from seq2seq.comparison.quality import Quality
from seq2seq.comparison.settings import load_compare_config
from seq2seq.comparison.speed import Footprint, Parallel
from seq2seq.comparison.trainings import Translators, train_all
from seq2seq.errors import UserError
from seq2seq.run import environment

# In the order of the page.
EXPERIMENTS: list[type[Experiment]] = [Gradients, Memory, Gates, Bottleneck, Parallel, Footprint, Quality]


def compare(config_file: Path, folder: Path, *, quick: bool, only: list[str], data_dir: Path | None, say: Say) -> Path:
    """Returns the page. With `only`, of the other experiments those are shown that are measured already; an empty list is
    all of them."""
    pictures.need_matplotlib()
    config = load_compare_config(config_file, quick=quick)
    known = {kind.key: kind for kind in EXPERIMENTS}
    for key in only:
        if key not in known:
            raise UserError(f"--only {key}: there is no such experiment; there are: {', '.join(known)}.")
    # The configs of all translators are checked before the first measurement.
    for run in config.translation.runs.values():
        run.load()
    experiments = [kind(config, folder, say, data_dir) for kind in EXPERIMENTS]
    wanted = [experiment for experiment in experiments if not only or experiment.key in only]
    # All that a later experiment trains is trained when the first one needs its own: so they fill the machine to the end.
    translators = [experiment for experiment in wanted if isinstance(experiment, Translators) and experiment.missing()]
    chapters: list[Chapter] = []
    results: dict[str, object] = {}
    for experiment in experiments:
        if experiment in translators:
            trainings = [training for each in translators for training in each.trainings()]
            train_all(trainings, config.translation.at_once, data_dir, say)
            translators = []
        found = experiment.run(measure=experiment in wanted)
        if found is None:
            continue
        claims = experiment.claims(found)
        svg = pictures.save(partial(experiment.draw, found), folder / "pictures" / experiment.key)
        chapters.append(Chapter(experiment, claims, experiment.table(found), svg))
        results[experiment.key] = {"found": found, "claims": [asdict(claim) for claim in claims]}
        # After each one: hours lie between them.
        page = _write(folder, chapters, results, quick)
    return page


def _write(folder: Path, chapters: list[Chapter], results: dict[str, object], quick: bool) -> Path:
    about = environment()
    text = json.dumps({"quick": quick, "environment": about, **results}, indent=1)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    page = folder / "index.html"
    page.write_text(render(chapters, about, quick=quick), encoding="utf-8")
    return page
