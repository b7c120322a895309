"""Configs: those that come along load, all mistakes are told at once, and what is dumped is read back."""

from pathlib import Path

import pytest
import yaml

from seq2seq.config import config_dir, dump_config, find_config, load_config, parse_config
from seq2seq.errors import UserError
from seq2seq.models import FAMILIES

# All but the one of a comparison, which tests/comparison loads.
CONFIGS = sorted(set((Path(__file__).parent.parent / "configs").glob("*.yaml")) - {config_dir() / "compare.yaml"})
SMALL = {
    "data": {"corpus": "toy", "source": "de", "target": "en"},
    "model": {"family": "lstm"},
    "training": {"budget": {"steps": 10}},
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_loads_and_comes_back(path: Path, tmp_path: Path) -> None:
    config = load_config(path)
    copy = tmp_path / "config.yaml"
    copy.write_text(dump_config(config), encoding="utf-8")
    assert load_config(copy) == config


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_names_a_corpus_of_the_catalogue(path: Path) -> None:
    from seq2seq.data.catalogue import find_entry

    data = load_config(path).data
    for name in (data.corpus, data.fallback):
        assert name is None or (isinstance(name, str) and find_entry(name) is not None)


def test_there_are_the_configs_of_the_readme() -> None:
    named = {"demo", "lstm-multi30k", "lstm-multi30k-en-de", "lstm-multi30k-quick", "lstm-tatoeba"}
    assert named | {f"{family}-multi30k" for family in FAMILIES} == {path.stem for path in CONFIGS}
    assert config_dir() == CONFIGS[0].parent


def test_a_bare_name_finds_the_config_that_comes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(Path("demo")) == config_dir() / "demo.yaml"
    assert find_config(Path("demo.yaml")) == config_dir() / "demo.yaml"
    (tmp_path / "demo.yaml").write_text("", encoding="utf-8")
    assert find_config(Path("demo.yaml")) == Path("demo.yaml")
    with pytest.raises(UserError, match=r"There is no config elsewhere/demo.yaml .*Those that come along are: demo"):
        find_config(Path("elsewhere/demo.yaml"))


def test_overrides_reach_nested_keys_and_replace_the_budget(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    overrides = ["training.budget.minutes=2.5", "training.optimizer.learning_rate=1e-3", "model.attention=additive"]
    config = load_config(path, overrides)
    assert config.training.budget.minutes == 2.5
    assert config.training.budget.steps is None
    assert config.training.optimizer.learning_rate == 0.001
    assert config.model.attention == "additive"


@pytest.mark.parametrize("override", ["model.hidden_size", "=3", "data.corpus.kind=files"])
def test_an_override_that_is_none(override: str, tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    with pytest.raises(UserError, match="--set"):
        load_config(path, [override])


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("training", {"budget": {"steps": 5, "minutes": 1}}, "exactly one of steps, epochs and minutes"),
        ("training", {"budget": {}}, "exactly one of steps, epochs and minutes"),
        ("training", {"budget": {"steps": 0}}, "must be above 0"),
        ("training", {"budget": {"steps": 1}, "precision": "float16"}, "training.precision: input should be"),
        ("training", {"budget": {"steps": 1}, "validation": {"evry_steps": 1}}, "did you mean every_steps"),
        ("training", {"budget": {"steps": 1}, "guided_alignment": -1}, "guided_alignment must be at least 0"),
        ("model", {"family": "lstm", "hidden_size": 33}, "hidden_size must be even"),
        ("model", {"family": "lstm", "dropout": 1.5}, "dropout and word_dropout must be at least 0 and below 1"),
        ("model", {"family": "lstm", "attention": "generl"}, "model.attention: input should be 'dot'"),
        ("model", {}, "model.family: None is no family"),
        ("search", {"beam": 2, "nbest": 3}, "nbest must be at least 1 and at most beam"),
        ("batching", {"tokens": 10}, "tokens must be at least max_length"),
        ("tokenizer", {"joint": False}, "model.tie_embeddings: 'all' needs tokenizer.joint"),
        ("data", {"corpus": "toy", "source": "de", "target": "de"}, "they must be two languages"),
        ("data", {"corpus": "toy", "source": "de"}, "data.target: must be given"),
        ("training", {"budget": {"minutes": float("nan")}}, "training.budget.minutes: nan is no number"),
        (
            "training",
            {"budget": {"steps": 1}, "optimizer": {"weight_decay": float("inf")}},
            "weight_decay: inf is no",
        ),
        ("training", {"budget": {"steps": 1}, "optimizer": {"clip_norm": float("nan")}}, "clip_norm: nan is no number"),
        ("model", {"family": "lstm", "forget_bias": float("nan")}, "model.forget_bias: nan is no number"),
        ("training", {"budget": {"steps": 1}, "optimizer": {"learning_rate": 1e30}}, "above 0 and at most 1"),
        ("training", {"budget": {"steps": 1}, "optimizer": {"betas": [2, 3]}}, "betas must be at least 0 and below 1"),
        ("training", {"budget": {"steps": 1}, "seed": -1}, "seed must be at least 0"),
        ("model", {"family": ["lstm"]}, "model.family: ['lstm'] is no family"),
        ("search", [1], "search: must be a section"),
    ],
)
def test_each_mistake_has_its_message(section: str, values: object, message: str) -> None:
    with pytest.raises(UserError) as told:
        parse_config({**SMALL, section: values}, "x.yaml")
    assert message in str(told.value)
    assert "x.yaml has 1 mistake:" in str(told.value)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_tied_embeddings_need_a_joint_tokenizer_in_every_family(family: str) -> None:
    with pytest.raises(UserError, match=r"model\.tie_embeddings: 'all' needs tokenizer\.joint"):
        parse_config({**SMALL, "model": {"family": family}, "tokenizer": {"joint": False}}, "x.yaml")
