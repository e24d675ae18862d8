"""`import tfsynth` is free, and every public name is found when it is used."""

import os
import subprocess
import sys

import pytest

import tfsynth
from tfsynth.__main__ import main


@pytest.mark.parametrize("name", tfsynth.__all__)
def test_public_name_resolves(name):
    assert getattr(tfsynth, name) is not None
    assert name in dir(tfsynth)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Sinthesizer'"):
        tfsynth.Sinthesizer  # noqa: B018


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"], ["train", "--help"], ["trian"]])
def test_quick_answers_import_neither_keras_nor_tensorflow(words):
    program = (
        "import sys, runpy\n"
        "sys.argv[0] = 'tfsynth'\n"
        "try: runpy.run_module('tfsynth', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(sorted({'keras', 'tensorflow', 'numpy'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_an_import_leaves_the_environment_alone():
    program = "import os; before = dict(os.environ); import tfsynth, tfsynth.layouts; "
    program += "print(dict(os.environ) == before)"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_the_program_computes_with_onednn_unless_the_user_says_no(monkeypatch, before, after):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    if before is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", before)
    assert main(["train"]) == 0
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == after


def test_a_backend_that_the_program_does_not_know_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert main(["describe", "demo"]) == 2
    said = "KERAS_BACKEND is 'torch'; the program computes with tensorflow or jax. Set it"
    assert said in capsys.readouterr().err


def test_version_is_printed(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"tfsynth {tfsynth.__version__}\n"
