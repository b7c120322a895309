"""New run folders from trained ones: the mean of checkpoints, and what is small or quick enough to ship."""

from pathlib import Path

from seq2seq.data.tokenizer import COPY, EOS
from seq2seq.decoding.shortlist import Shortlist, build_shortlist
from seq2seq.errors import UserError
from seq2seq.models.compact import Format, compact, restored
from seq2seq.pipeline import Say, training_corpus, vocabulary_of
from seq2seq.run import RunFolder
from seq2seq.training import checkpoint


def average(run_folder: Path, into: Path, count: int) -> list[int]:
    """Writes a run folder `into` with the mean of the `count` best checkpoints of a run; returns their steps."""
    run, found = RunFolder.open(run_folder), checkpoint.best_files(run_folder)[:count]
    if not found:
        raise UserError(f"{run_folder} keeps no checkpoints to average (training.average was 1, or they were deleted).")
    mean = checkpoint.mean_weights([path for _, path in found])  # first: one that is damaged leaves no half folder
    _new_run(into, run)
    checkpoint.save_weights(into / checkpoint.MODEL_FILE, mean)
    return [step for step, _ in found]


def export(
    run_folder: Path,
    into: Path,
    number_format: Format,
    *,
    shortlist: bool = False,
    data_dir: Path | None = None,
    say: Say = lambda line: None,
) -> int:
    """Writes a run folder `into` with all that translating needs and no more; returns the bytes of its files. A
    shortlist is learnt from the run's training text, which has to be there."""
    run = RunFolder.open(run_folder)
    weights = restored(checkpoint.load_weights(run_folder / checkpoint.MODEL_FILE))
    learnt = _learn_shortlist(run, data_dir, say) if shortlist else None
    target = _new_run(into, run)
    checkpoint.save_weights(into / checkpoint.MODEL_FILE, compact(weights, number_format))
    if learnt is not None:
        checkpoint.save_weights(target.shortlist_file, learnt.tensors())
    return sum(path.stat().st_size for path in into.rglob("*") if path.is_file())


def _learn_shortlist(run: RunFolder, data_dir: Path | None, say: Say) -> Shortlist:
    """From the training text, with what it keeps of the valid text for a measure."""
    tokenizer, splits = run.tokenizer(), training_corpus(run, data_dir=data_dir, say=say).splits
    (train_source, train_target), (valid_source, valid_target) = (
        (tokenizer.encode(splits[name].source, "source"), tokenizer.encode(splits[name].target, "target"))
        for name in ("train", "valid")
    )
    sizes = vocabulary_of(tokenizer)
    shortlist = build_shortlist(
        [[*pieces, EOS] for pieces in train_source],
        train_target,
        source_size=sizes.source,
        target_size=sizes.target,
        always=tokenizer.encode([COPY], "target")[0],
        identical=tokenizer.joint,
    )
    candidates, share = shortlist.coverage(valid_source, valid_target)
    say(
        f"shortlist: {candidates:.0f} of {sizes.target:,} pieces for a sentence; {share:.1%} of the valid text is in it"
    )
    return shortlist


def _new_run(into: Path, like: RunFolder) -> RunFolder:
    """A run folder with the config and the tokenizer of another."""
    if into.exists():
        raise UserError(f"{into} is there already; give another folder, or delete it.")
    run = RunFolder(into)
    run.create(like.config(), like.tokenizer())
    return run
