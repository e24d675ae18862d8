"""What the program says to a person who mistypes, and to one whose disk is full."""

import os
import subprocess
import sys

import pytest

from tfsynth.__main__ import main
from tfsynth.commands import VERBS, train


def refused(capsys, *words):
    """Returns what a command line that must be refused prints to standard error."""
    try:
        code = main(words)
    except SystemExit as exit:
        code = exit.code
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert printed.err.startswith("tfsynth: error: ")
    assert "Traceback" not in printed.err
    return printed.err


def test_no_command_shows_the_help(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n  {verb} " in printed for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_command_has_examples(capsys, verb):
    with pytest.raises(SystemExit) as exit:
        main([verb, "--help"])
    assert exit.value.code == 0
    assert f"\n  tfsynth {verb} " in capsys.readouterr().out.partition("examples:")[2]


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_command_says_what_runs_where_and_what_is_random(capsys, verb):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    gpus = "as many GPUs as divide the batch" if verb in ("train", "reproduce") else "the first GPU"
    assert f": auto ({gpus}, else the CPU), cpu, gpu, or one of several as gpu:N" in text
    if verb in ("export", "import", "benchmark"):
        assert "Nothing here is random: there is no --seed." in text
    elif verb == "reproduce":
        assert "--seeds S trainings of each row, with the seeds 0 to S-1" in text
    else:
        assert "--seed N the seed of " in text


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["trian", "demo"], "no command 'trian'. Did you mean 'train'?"),
        (["--vresion"], "`tfsynth` does not take '--vresion'. Did you mean '--version'?"),
        (["train", "--run-dri=x"], "`tfsynth train` does not take '--run-dri=x'. Did you mean "),
        (["describe", "demo", "--minutes", "3"], "`tfsynth describe` does not take '--minutes'."),
        (["train", "demo", "--set", "seed"], "--set: takes KEY=VALUE; received 'seed'"),
        (["train", "demo", "--seed", "-1"], "--seed: takes a whole number, 0 or above"),
        (["train", "demo", "--minutes", "0"], "--minutes: takes a number above 0; received '0'"),
        (["train", "demo", "--minutes", "ten"], "--minutes: takes a number; received 'ten'"),
        (["train", "demo", "--device", "tpu"], "--device: takes auto, cpu, gpu or gpu:N;"),
        (["evaluate", "runs/demo", "--limit", "0"], "--limit: takes a whole number above 0"),
        (["evaluate", "runs/demo", "--seed", "x"], "--seed: takes a number; received 'x'"),
        (["reproduce", "losses", "--minutes", "0"], "--minutes: takes a number above 0"),
        (["reproduce", "losses", "--seeds", "0"], "--seeds: takes a whole number above 0"),
        (["reproduce", "loses"], "No table 'loses'. Did you mean 'losses'?"),
        (["reproduce", "losses", "--dataset", "street"], "No data set 'street'. Did you mean"),
        (["reproduce", "losses", "--rows", "vgg"], "No row 'vgg'. Did you mean 'gan_vgg'?"),
        (["reproduce", "losses", "--rows", "gan,vgg"], "No row 'vgg'. Did you mean 'gan_vgg'?"),
        (["reproduce", "losses", "--rows", ","], "No row was named. Name some of gan, gan_vgg, "),
        (["reproduce", "camvid", "--rows", "cnr"], "No row 'cnr'. Did you mean 'crn'?"),
        (["synthesize", "a.png"], "required: --model"),
        (["evaluate", "runs/demo", "--split", "tst"], "--split: invalid choice: 'tst'"),
        (["export", "runs/demo", "-o", "x", "--format", "onx"], "--format: invalid choice: 'onx'"),
        (["synthesize", "a.png", "--label-coding", "color"], "--label-coding: invalid choice"),
    ],
)
def test_typing_error_is_answered_with_what_was_meant(capsys, words, answer):
    assert answer in refused(capsys, *words)


@pytest.mark.parametrize("verb", ["train", "describe"])
def test_unknown_config_is_answered_with_the_nearest(capsys, verb):
    assert "Nearest: demo" in refused(capsys, verb, "dem")


def test_unknown_key_is_answered_with_the_nearest(capsys):
    assert "Did you mean `train`?" in refused(capsys, "train", "demo", "--set", "trian.minutes=3")


def test_run_folder_that_cannot_be_made_is_named(capsys, tiny_config, tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert main(["train", str(tiny_config), "--run-dir", str(file / "run")]) == 2
    assert str(file / "run") in capsys.readouterr().err.splitlines()[-1]


def test_debug_shows_where(tmp_path):
    with pytest.raises(ValueError, match="No config 'dem'"):
        main(["train", "dem", "--debug"])


def test_training_that_diverged_is_one_line(capsys, monkeypatch):
    def diverge(arguments):
        raise FloatingPointError("`generator_loss` became nan in step 7. Lower the learning rate.")

    monkeypatch.setattr(train, "run", diverge)
    line = "tfsynth: error: `generator_loss` became nan in step 7. Lower the learning rate.\n"
    assert refused(capsys, "train", "demo") == line


def test_an_interruption_is_said(capsys, monkeypatch):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run", interrupt)
    assert main(["train", "demo"]) == 130
    assert capsys.readouterr().err == "\ntfsynth: interrupted.\n"


def test_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tfsynth", "train"], stdout=full, stderr=subprocess.PIPE
        )
    line = b"tfsynth: error: No space left on device. Make room and give the same command again.\n"
    assert done.stderr == line
    assert done.returncode == 2


def test_reader_that_has_seen_enough_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "tfsynth", "train"], stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
