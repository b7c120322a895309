"""Configs: bundled ones load, all mistakes are reported at once, a dumped config loads again."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from seq2seq.config import (
    FAMILY_CONFIGS,
    SearchConfig,
    dump_config,
    find_config,
    load_config,
    load_run_config,
    parse_config,
)
from seq2seq.config.augment import NO_NOISE, AugmentConfig
from seq2seq.config.sources import FilesSource
from seq2seq.config.text import TextConfig
from seq2seq.errors import UserError
from seq2seq.paths import config_dir

# compare.yaml configures a comparison; tests/studies loads it.
CONFIGS = sorted(path for path in config_dir().glob("*.yaml") if path.stem != "compare")
SMALL = {
    "data": {"corpus": "toy", "source": "de", "target": "en"},
    "model": {"family": "lstm"},
    "training": {"budget": {"steps": 10}},
}


@pytest.fixture
def small_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    return path


@pytest.fixture
def made_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes the text that a bundled config reads and `seq2seq distill` makes."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "multi30k-distilled"
    folder.mkdir(parents=True)
    for language in ("de", "en"):
        (folder / f"synthetic.{language}").touch()


@pytest.mark.usefixtures("made_text")
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_bundled_config_loads_and_survives_a_dump(path: Path, tmp_path: Path) -> None:
    config = load_config(path)
    copy = tmp_path / "config.yaml"
    copy.write_text(dump_config(config), encoding="utf-8")
    assert load_config(copy) == config


@pytest.mark.usefixtures("made_text")
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_bundled_config_names_known_corpora(path: Path) -> None:
    from seq2seq.data.catalog import find_entry
    from seq2seq.data.corpus_folder import has_train_files
    from seq2seq.paths import bundled_corpora_dir

    data = load_config(path).data
    for name in (*(share.name for share in data.shares), data.fallback):
        if name is None:
            continue
        assert isinstance(name, str)
        assert find_entry(name) is not None or has_train_files(bundled_corpora_dir() / name)


def test_every_family_has_a_bundled_config() -> None:
    names = {path.stem for path in CONFIGS}
    assert {f"{family}-multi30k" for family in FAMILY_CONFIGS} <= names
    assert {"demo", "lstm-multi30k-en-de", "lstm-multi30k-quick", "lstm-tatoeba"} <= names


def test_there_are_configs_for_a_language_without_spaces() -> None:
    names = {path.stem for path in CONFIGS}
    assert {"lstm-tanaka-en-ja", "lstm-tanaka-ja-en"} <= names


def test_loading_a_config_imports_no_torch_and_no_numpy() -> None:
    code = (
        "import sys, pathlib, seq2seq.config as c; c.load_config(pathlib.Path('demo'));"
        "sys.exit(bool({'torch', 'numpy', 'sentencepiece', 'datasets'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_name_finds_the_bundled_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(Path("demo")) == config_dir() / "demo.yaml"
    assert find_config(Path("demo.yaml")) == config_dir() / "demo.yaml"


def test_a_file_comes_before_the_bundled_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo.yaml").write_text("", encoding="utf-8")
    assert find_config(Path("demo.yaml")) == Path("demo.yaml")


def test_an_unknown_config_lists_the_bundled_ones() -> None:
    with pytest.raises(UserError, match=r"no config elsewhere/demo.yaml .*Bundled configs: demo"):
        find_config(Path("elsewhere/demo.yaml"))


def test_overrides_reach_nested_keys(small_file: Path) -> None:
    overrides = ["training.optimizer.learning_rate=1e-3", "model.attention=additive"]
    config = load_config(small_file, overrides)
    assert config.training.optimizer.learning_rate == 0.001
    assert config.model.model_dump()["attention"] == "additive"


def test_an_override_of_the_budget_replaces_it(small_file: Path) -> None:
    config = load_config(small_file, ["training.budget.minutes=2.5"])
    assert config.training.budget.minutes == 2.5
    assert config.training.budget.steps is None


@pytest.mark.parametrize("override", ["model.hidden_size", "=3", "data.corpus.kind=files"])
def test_a_malformed_override_is_reported(override: str, small_file: Path) -> None:
    with pytest.raises(UserError, match="--set"):
        load_config(small_file, [override])


def with_optimizer(**values: object) -> dict[str, object]:
    return {"budget": {"steps": 1}, "optimizer": values}


def with_noise(**rates: object) -> dict[str, object]:
    return {**SMALL["data"], "augment": rates}


def with_cleaning(**rules: object) -> dict[str, object]:
    return {**SMALL["data"], "cleaning": rules}


def with_files(**settings: object) -> dict[str, object]:
    return {**SMALL["data"], "corpus": {"kind": "files", "train": "a.tsv", **settings}}


def several(*corpora: dict[str, object]) -> dict[str, object]:
    return {"corpora": list(corpora), "source": "de", "target": "en"}


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("training", {"budget": {"steps": 5, "minutes": 1}}, "exactly one of steps, epochs"),
        ("training", {"budget": {}}, "exactly one of steps, epochs and minutes"),
        ("training", {"budget": {"steps": 0}}, "budget.steps: must be greater than 0 (got 0)"),
        ("training", {"budget": {"steps": 1}, "precision": "float16"}, "training.precision: must"),
        ("training", {"budget": {"steps": 1}, "validation": {"evry_steps": 1}}, "mean every_steps"),
        ("training", {"budget": {"steps": 1}, "guided_alignment": -1}, "guided_alignment: must be"),
        ("training", {"budget": {"minutes": float("nan")}}, "must be a finite number (got nan)"),
        ("training", with_optimizer(weight_decay=float("inf")), "must be a finite number"),
        ("training", with_optimizer(max_grad_norm=float("nan")), "must be a finite number"),
        ("training", with_optimizer(learning_rate=1e30), "must be less than or equal to 1"),
        ("training", with_optimizer(betas=[0.5, 3]), "must be less than 1 (got 3)"),
        ("training", {"budget": {"steps": 1}, "seed": -1}, "training.seed: must be greater than"),
        ("model", {"family": "lstm", "hidden_size": 33}, "hidden_size: must be a multiple of 2"),
        ("model", {"family": "lstm", "dropout": 1.5}, "model.dropout: must be less than 1"),
        ("model", {"family": "lstm", "attention": "generl"}, "model.attention: must be 'dot'"),
        ("model", {"family": "lstm", "forget_bias": float("nan")}, "must be a finite number"),
        ("model", {"family": "xlstm", "hidden_size": 12}, "hidden_size: must be a multiple of 8"),
        ("model", {"family": "transformer", "size": 12}, "divisible by twice the number of heads"),
        ("model", {"family": "mamba", "head_size": 24}, "must be divisible by head_size"),
        ("model", {}, "model.family: unknown model family None"),
        ("model", {"family": "lstn"}, "unknown model family 'lstn'; did you mean lstm?"),
        ("model", {"family": ["lstm"]}, "model.family: unknown model family ['lstm']"),
        ("search", {"beam": 2, "nbest": 3}, "nbest must be at most beam (2)"),
        ("search", {"no_repeat_ngram_size": 1}, "must be 0 (off) or at least 2"),
        ("search", [1], "search: must be a section with keys, not [1]"),
        ("search", {"max_length": 3}, "search.max_length: this key is now called search.max_leng"),
        ("batching", {"max_tokens": 10}, "max_tokens must be at least max_length"),
        ("batching", {"tokens": 1000}, "this key is now called batching.max_tokens"),
        ("tokenizer", {"joint": False}, "model.tie_embeddings: 'all' needs tokenizer.joint"),
        ("tokenizer", {"character_coverage": 0.5}, "must be greater than or equal to 0.98"),
        ("tokenizer", {"vocab_size": 299}, "vocab_size must be at least 300"),
        ("tokenizer", {"copy_prob": 0.1}, "tokenizer.copy_prob: unknown key"),
        ("text", {"case": "lower"}, "text.case: must be 'factor' or 'cased'"),
        ("text", {"numbers": "drop"}, "text.numbers: must be 'copy' or 'localize'"),
        ("data", {**SMALL["data"], "augment": {"upper": 1.5}}, "augment.upper: must be less than"),
        ("data", {**SMALL["data"], "augment": {"typo": 0.5}}, "did you mean typos?"),
        ("data", with_noise(upper=0.6, lower=0.5), "upper, title and lower add up to 1.15; they"),
        ("data", with_noise(join=True), "data.augment.join: must be a number (got True)"),
        (
            "data",
            several({"name": "a", "weight": 1e9}),
            "weight: must be less than or equal to 100",
        ),
        ("data", several({"name": "a", "weight": float("inf")}), "must be a finite number"),
        ("data", several({"name": "a", "weight": True}), "weight: must be a number (got True)"),
        ("data", with_cleaning(max_words=False), "max_words: must be a whole number (got False)"),
        ("data", with_cleaning(max_foreign_letters=False), "must be a number (got False)"),
        ("data", with_files(columns={"de": True}), "columns: must be text or a whole number"),
        ("data", with_files(hold_out={"valid": True}), "valid: must be a number (got True)"),
        ("training", with_optimizer(betas=[True, 0.9]), "must be a number (got [True, 0.9])"),
        ("search", {"beam": True}, "search.beam: must be a whole number (got True)"),
        ("text", {"protect": ["ok", "("]}, "text.protect.1: is not a valid regular expression"),
        ("text", {"protect": [r"\b"]}, "text.protect.0: matches the empty text; a pattern must"),
        ("text", {"spans": False, "protect": ["A+"]}, "text.protect: protects nothing while"),
        ("text", {"sentences": "no"}, "text.sentences: must be true or false (got 'no')"),
        ("text", {"spans": 1}, "text.spans: must be true or false (got 1)"),
        ("tokenizer", {"split_digits": "true"}, "must be true or false (got 'true')"),
        ("model", {"family": "lstm", "residual": "off"}, "must be true or false (got 'off')"),
        ("data", with_cleaning(drop_overlap="yes"), "must be true or false (got 'yes')"),
        ("text", {"protect": "ACME"}, "text.protect: must be a list (got 'ACME')"),
        ("data", {"corpus": "toy", "source": "de", "target": "de"}, "must be two languages"),
        ("data", {"corpus": "toy", "source": "de"}, "data.target: required"),
        ("data", {"source": "de", "target": "en"}, "data.corpora: corpus or corpora is required"),
        ("data", {**SMALL["data"], "corpora": [{"name": "a"}]}, "corpus and corpora are both"),
        ("data", several({"name": "a"}, {"name": "a"}), "corpora has a twice; give it a greater"),
        ("data", several({"name": "a", "weight": 0}), "corpora.0.weight: must be greater than 0"),
        ("data", several({"weight": 1}), "data.corpora.0.name: required"),
        ("serach", {}, "serach: unknown section; did you mean search?"),
        ("data", {**SMALL["data"], "corpus": {"kind": "files"}}, "data.corpus.train: required"),
        (
            "data",
            {**SMALL["data"], "corpus": {"kind": "files", "train": "a.tsv", "licence": "MIT"}},
            "data.corpus.licence: this key is now called data.corpus.license",
        ),
    ],
)
def test_each_mistake_has_its_message(section: str, values: object, message: str) -> None:
    with pytest.raises(UserError) as error:
        parse_config({**SMALL, section: values}, "x.yaml")
    assert message in str(error.value)
    assert "x.yaml has 1 mistake:" in str(error.value)


def test_corpus_and_corpora_are_read_the_same_way() -> None:
    files = {"kind": "files", "train": "a.tsv"}
    raw = {**SMALL, "data": several({"name": "a", "weight": 0.5}, {"name": files})}
    shares = parse_config(raw, "x.yaml").data.shares
    assert [share.weight for share in shares] == [0.5, 1.0]
    assert shares[0].name == "a"
    assert isinstance(shares[1].name, FilesSource)
    one = parse_config(SMALL, "x.yaml").data
    assert [(share.name, share.weight) for share in one.shares] == [(one.corpus, 1.0)]


def test_several_corpora_survive_a_dump(tmp_path: Path) -> None:
    config = parse_config({**SMALL, "data": several({"name": "a"}, {"name": "b"})}, "x.yaml")
    copy = tmp_path / "config.yaml"
    copy.write_text(dump_config(config), encoding="utf-8")
    assert load_config(copy) == config


def test_all_mistakes_are_reported_at_once() -> None:
    raw = {**SMALL, "search": {"beam": 0}, "batching": {"max_tokens": 0}, "serach": {}}
    with pytest.raises(UserError, match=r"x\.yaml has 3 mistakes:"):
        parse_config(raw, "x.yaml")


ALL_IN_DATA = {
    "corpus": "nowhere",
    "corpora": [{"name": "a"}, {"name": "b"}, {"name": "a"}, {"name": "b"}, {"name": "a"}],
    "source": "de",
    "target": "de",
    "fallback": "nowhere-else",
    "cleening": {},
}


def test_no_mistake_in_the_data_hides_another() -> None:
    def mistake(name: str) -> str | None:
        return f"There is no {name}." if name.startswith("nowhere") else None

    with pytest.raises(UserError) as error:
        parse_config({**SMALL, "data": ALL_IN_DATA}, "x.yaml", corpus_mistake=mistake)
    assert str(error.value).splitlines() == [
        "x.yaml has 7 mistakes:",
        "  data.corpora: corpus and corpora are both given; give one of them (corpus: null or "
        "corpora: [] turns the other one off)",
        "  data.corpora: corpora has a twice; give it a greater weight instead",
        "  data.corpora: corpora has b twice; give it a greater weight instead",
        "  data.target: source and target are both 'de'; they must be two languages",
        "  data.cleening: unknown key; did you mean cleaning?",
        "  data.corpus: there is no nowhere.",
        "  data.fallback: there is no nowhere-else.",
    ]


@pytest.mark.parametrize(
    ("section", "values", "messages"),
    [
        ("search", {"nbest": 9, "no_repeat_ngram_size": 1}, ["nbest must be", "must be 0 (off)"]),
        ("search", {"bem": 2, "nbest": 3}, ["did you mean beam?", "must be at most beam (2)"]),
        ("search", {"no_repeat_ngram": 1}, ["is now called", "must be 0 (off)"]),
        ("tokenizer", {"user_symbols": [""], "vocab_size": 9}, ["user_symbols is", "at least 300"]),
        ("training", {"budget": {"step": 0}}, ["did you mean steps?", "steps: must be greater"]),
        ("data", with_files(hold_out={"valid": -1, "test": 1.5}), ["valid is -1", "test is 1.5"]),
        (
            "data",
            several({"name": {"kind": "files", "train": "a", "holdout": {"valid": -1}}}),
            ["corpora.0.name.holdout: unknown key", "valid is -1"],
        ),
    ],
)
def test_rules_are_checked_beside_each_other_and_beside_mistyped_keys(
    section: str, values: object, messages: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        parse_config({**SMALL, section: values}, "x.yaml")
    assert "x.yaml has 2 mistakes:" in str(error.value)
    for message in messages:
        assert message in str(error.value)


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("data", {**SMALL["data"], "speling": 3}),
        ("model", {"family": "lstm", "layers": "two"}),
        ("search", {"bem": "wide"}),
    ],
)
def test_a_value_of_the_wrong_type_is_no_mistake_of_a_guessed_key(
    section: str, values: object
) -> None:
    with pytest.raises(UserError, match=r"has 1 mistake:\n.*: unknown key; did you mean .*\?$"):
        parse_config({**SMALL, section: values}, "x.yaml")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cpu:0", ""])
def test_a_device_that_nothing_has_is_reported_with_the_other_mistakes(device: str) -> None:
    raw = {**SMALL, "training": {"budget": {"steps": 0}, "device": device}}
    with pytest.raises(UserError, match=r"2 mistakes:\n(.*\n)*.*device: must be auto, cpu, cuda"):
        parse_config(raw, "x.yaml")


def test_a_mistyped_key_is_not_also_missing() -> None:
    raw = {**SMALL, "training": {"budget": {"step": 5}}}
    with pytest.raises(UserError, match=r"1 mistake:\n.*step: unknown key; did you mean steps\?$"):
        parse_config(raw, "x.yaml")


@pytest.mark.parametrize("rates", [(0.7, 0.2, 0.1), (0.1, 0.2, 0.7), (1, 0, 0), (0, 0, 0)])
def test_the_rates_of_the_cases_may_add_up_to_one(rates: tuple[float, float, float]) -> None:
    upper, title, lower = rates
    assert AugmentConfig(upper=upper, title=title, lower=lower).lower == lower


def test_a_number_may_be_written_as_text() -> None:
    # YAML takes 1e-3 for text.
    assert parse_config({**SMALL, "search": {"prune": "1e-3"}}, "x.yaml").search.prune == 0.001


@pytest.mark.parametrize("family", sorted(FAMILY_CONFIGS))
def test_tied_embeddings_need_a_joint_tokenizer_in_every_family(family: str) -> None:
    raw = {**SMALL, "model": {"family": family}, "tokenizer": {"joint": False}}
    with pytest.raises(UserError, match=r"model\.tie_embeddings: 'all' needs tokenizer\.joint"):
        parse_config(raw, "x.yaml")


def test_replace_checks_the_new_values() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        SearchConfig().replace(beam=0)


OLD_KEYS = {
    "data": {**SMALL["data"], "added": [{"source": "a.de", "target": "a.en"}]},
    "tokenizer": {"copy_share": 0.1, "copy_prob": 0.1},
    "batching": {"tokens": 900, "sentences": 7, "multiple": 8},
    "model": {"family": "lstm", "clamp": {}},
    "training": {
        "budget": {"steps": 10},
        "ema": 0.9,
        "optimizer": {"final_share": 0.5, "clip_norm": 3.0},
    },
    "search": {"max_length": 3.0, "no_repeat_ngram": 4},
}


def test_the_old_keys_of_a_run_folder_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(OLD_KEYS), encoding="utf-8")
    config = load_run_config(path)
    assert config.data.extra_pairs[0].source == Path("a.de")
    assert config.batching.max_tokens == 900
    assert config.batching.max_sentences == 7
    assert config.batching.pad_to_multiple_of == 8
    assert config.training.ema_decay == 0.9
    assert config.training.optimizer.min_lr_ratio == 0.5
    assert config.training.optimizer.max_grad_norm == 3.0
    assert config.search.max_length_ratio == 3.0
    assert config.search.no_repeat_ngram_size == 4


def test_a_run_folder_from_before_the_text_section_divides_into_sentences(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    assert load_run_config(path).text.sentences


@pytest.mark.parametrize("section", [None, {"sentences": False}])
def test_an_old_run_folder_has_none_of_the_settings_that_came_later(
    section: dict[str, object] | None, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **({"text": section} if section else {})}))
    config = load_run_config(path)
    assert (config.text.case, config.text.spans) == ("cased", False)
    assert config.text.sentences == (section is None)
    assert not config.tokenizer.split_digits
    assert config.data.augment == NO_NOISE
    # A config that the user writes has the defaults of today.
    assert parse_config(SMALL, "x.yaml").text == TextConfig()
    assert parse_config(SMALL, "x.yaml").data.augment == AugmentConfig()


def test_a_run_folder_of_today_is_read_as_it_was_written(tmp_path: Path) -> None:
    text = {"case": "factor", "spans": True, "protect": ["ACME-\\w+"], "numbers": "localize"}
    data = {**SMALL["data"], "augment": {"upper": 0.5, "join": 0}}
    config = parse_config({**SMALL, "text": text, "data": data}, "x.yaml")
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_run_config(path) == config


def test_patterns_without_effect_do_not_make_a_run_folder_unusable(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**SMALL, "text": {"spans": False, "protect": ["A+"]}}))
    assert load_run_config(path).text.protect == ()


def test_a_run_that_depends_on_a_removed_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    raw = {**SMALL, "model": {"family": "lstm", "clamp": {"forget": 1.0}}}
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(UserError, match=r"trained with model\.clamp"):
        load_run_config(path)
