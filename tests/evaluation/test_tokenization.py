"""The tokenization of BLEU for a target language, with and without the packages of MeCab."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from evaluation_examples import UNSPACED_HYPOTHESES, UNSPACED_REFERENCES
from mecab import install_fake_mecab, uninstall_mecab
from sacrebleu.metrics import BLEU

from seq2seq.errors import UserError
from seq2seq.evaluation.metrics import quick_scores, score
from seq2seq.evaluation.significance import paired_bootstrap
from seq2seq.evaluation.tokenization import choose_tokenization, missing_packages


@pytest.mark.parametrize("language", ["zh", "zh-cn", "zh_TW", "ZH", "zho", "cmn", "yue"])
def test_chinese(language: str) -> None:
    assert choose_tokenization(language) == "zh"


@pytest.mark.parametrize(
    ("language", "with_packages"),
    [("ja", "ja-mecab"), ("jpn", "ja-mecab"), ("ko", "ko-mecab"), ("ko-KR", "ko-mecab")],
)
def test_japanese_and_korean(
    language: str, with_packages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall_mecab(monkeypatch)
    assert choose_tokenization(language) == "char"
    install_fake_mecab(monkeypatch)
    assert choose_tokenization(language) == with_packages


@pytest.mark.parametrize("language", ["th", "km", "lo", "my", "dz", "bo", "tha"])
def test_other_scripts_without_spaces(language: str) -> None:
    assert choose_tokenization(language) == "char"


@pytest.mark.parametrize("language", ["en", "de", "pt-br", "ru", "ar", "hi", "vi", "xx"])
def test_languages_with_spaces(language: str) -> None:
    assert choose_tokenization(language) == "13a"


@pytest.mark.parametrize("name", ["none", "zh", "13a", "intl", "char"])
def test_a_tokenization_can_be_forced(name: str) -> None:
    assert choose_tokenization("ja", name) == name


def test_a_dictionary_that_sacrebleu_refuses_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_fake_mecab(monkeypatch, dictionary_size=7)
    assert choose_tokenization("ja") == "char"
    with pytest.raises(UserError, match="needs packages that are not installed"):
        choose_tokenization("ja", "ja-mecab")


def test_an_unknown_name_is_an_error() -> None:
    message = r"no tokenization 'ja_mecab'\. Did you mean ja-mecab\? Give auto or one of none, zh, "
    with pytest.raises(UserError, match=message):
        choose_tokenization("ja", "ja_mecab")


@pytest.mark.parametrize(("name", "extra"), [("ja-mecab", "ja"), ("ko-mecab", "ko")])
def test_missing_packages_are_an_error_if_they_are_needed(
    name: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall_mecab(monkeypatch)
    with pytest.raises(UserError) as error:
        choose_tokenization("de", name)
    assert f'Install them: pip install "sacrebleu[{extra}]"' in str(error.value)


def test_a_model_that_cannot_be_downloaded_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*arguments: object) -> None:
        raise OSError("no network")

    import sacrebleu.tokenizers.tokenizer_spm as tokenizer_spm

    monkeypatch.setattr(tokenizer_spm, "SACREBLEU_DIR", "/nonexistent")
    monkeypatch.setattr(tokenizer_spm, "download_file", offline)
    with pytest.raises(UserError, match=r"cannot load the tokenization flores200: no network"):
        choose_tokenization("de", "flores200")


@pytest.mark.parametrize(("language", "extra"), [("ja", "ja"), ("ko", "ko")])
def test_a_message_names_the_missing_packages(language: str, extra: str) -> None:
    message = missing_packages(language, "char")
    assert f"the packages of {language}-mecab are not installed" in message
    assert f'pip install "sacrebleu[{extra}]"' in message


@pytest.mark.parametrize(
    ("language", "tokenization"),
    [("ja", "ja-mecab"), ("zh", "zh"), ("th", "char"), ("de", "13a")],
)
def test_no_message_without_a_better_tokenization(language: str, tokenization: str) -> None:
    assert missing_packages(language, tokenization) == ""


@pytest.mark.parametrize("language", sorted(UNSPACED_REFERENCES))
def test_bleu_of_a_language_without_spaces_is_not_zero(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall_mecab(monkeypatch)
    hypotheses = UNSPACED_HYPOTHESES[language]
    references = [UNSPACED_REFERENCES[language]]
    assert quick_scores(hypotheses, references)[0] == 0
    tokenization = choose_tokenization(language)
    bleu, _ = quick_scores(hypotheses, references, tokenization=tokenization)
    assert 20 < bleu < 100
    scores = score(hypotheses, references, tokenization=tokenization, bootstrap=0)
    assert scores.metrics["bleu"].score == bleu
    assert f"tok:{tokenization}" in scores.metrics["bleu"].signature
    theirs = BLEU(tokenize=tokenization).corpus_score(hypotheses, references)
    assert bleu == pytest.approx(theirs.score)


@pytest.mark.parametrize(("language", "name"), [("ja", "ja-mecab"), ("ko", "ko-mecab")])
def test_words_of_mecab_are_counted(
    language: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_fake_mecab(monkeypatch)
    hypotheses = UNSPACED_HYPOTHESES[language]
    references = [UNSPACED_REFERENCES[language]]
    scores = score(hypotheses, references, tokenization=name, bootstrap=0)
    assert scores.metrics["bleu"].score > 20
    assert f"tok:{name}-fake" in scores.metrics["bleu"].signature


def test_the_paired_bootstrap_uses_the_tokenization() -> None:
    references = UNSPACED_REFERENCES["zh"]
    hypotheses = UNSPACED_HYPOTHESES["zh"]
    comparison = paired_bootstrap(
        references, hypotheses, [references], tokenization="zh", bootstrap=50
    )["bleu"]
    assert comparison.score == pytest.approx(100)
    assert 20 < comparison.other < 100
    assert "tok:zh" in comparison.signature


@pytest.mark.parametrize("tokenization", ["zh", "char"])
def test_the_sacrebleu_command_gives_the_same_score(tokenization: str, tmp_path: Path) -> None:
    files = []
    for name, lines in (("ref", UNSPACED_REFERENCES["zh"]), ("hyp", UNSPACED_HYPOTHESES["zh"])):
        file = tmp_path / name
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        files.append(str(file))
    command = [sys.executable, "-m", "sacrebleu", files[0], "-i", files[1], "-b", "-w", "6"]
    command += ["--tokenize", tokenization]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    result = subprocess.run(command, capture_output=True, check=True, env=environment)
    bleu, _ = quick_scores(
        UNSPACED_HYPOTHESES["zh"], [UNSPACED_REFERENCES["zh"]], tokenization=tokenization
    )
    assert float(result.stdout) == pytest.approx(bleu, abs=1e-5)
