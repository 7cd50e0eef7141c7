"""What all commands have in common: files of options, how much they say, hints, names of files."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cvpark.cli import cli
from cvpark.cnn import Augmentation, TrainingOptions, choices
from cvpark.datasets import Dataset

FOREIGN = "Größe 停车场"  # umlauts, a blank, CJK


def commands(group=cli, names=()):
    """Every command below a group, by the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*names, name))


COMMANDS = dict(commands())
LEAVES = [names for names, each in COMMANDS.items() if not isinstance(each, click.Group)]


def spelled(names):
    return " ".join(names)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def patch(sample):
    """A picture of the reader's in the working folder."""
    shutil.copy(next((sample / "PATCHES").rglob("*.jpg")), "patch.jpg")
    return "patch.jpg"


def write(name, text):
    Path(name).write_text(text, encoding="utf-8")
    return name


# Help


def examples(command):
    """The command lines a help text shows, those that continue on the next line in one."""
    text = (command.help or "").replace("\\\n", " ")
    return re.findall(r"^ +(?:.*\| )?cvpark (.*?)(?: {3,}.*| >.*)?$", text, re.MULTILINE)


@pytest.mark.parametrize("names", COMMANDS, ids=spelled)
def test_each_command_says_what_it_does_and_gives_examples(names):
    command = COMMANDS[names]
    assert command.help
    shown = [line for line in examples(command) if line.startswith(spelled(names))]
    assert shown or isinstance(command, click.Group), "no example"
    for option in command.params:
        assert isinstance(option, click.Argument) or option.help, option.name


@pytest.mark.parametrize("names", COMMANDS, ids=spelled)
def test_examples_are_command_lines_that_are_understood(names):
    Path("tune-svm").mkdir()
    for file in ("tune-svm/best.toml", "mine.toml", "tiny.toml", "predict.toml"):
        write(file, "")
    for line in examples(COMMANDS[names]):
        command, arguments = cli, shlex.split(line)
        context = click.Context(cli, info_name="cvpark")
        while isinstance(command, click.Group) and arguments:
            command = command.get_command(context, arguments[0])
            assert command is not None, line
            context = command.make_context(arguments[0], arguments[1:], parent=context)
            arguments = [*context._protected_args, *context.args]


# Hints


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("comapre", "did you mean compare?"),
        ("modles", "did you mean models?"),
        ("compare --aginst cnn", "--against"),
        ("predict --thresold 0.5 x.jpg", "--threshold"),
        ("compare --split vla", "did you mean val?"),
    ],
)
def test_mistyped_words_are_answered_with_what_was_meant(run, sample, monkeypatch, line, hint):
    monkeypatch.setenv("CVPARK_DATA", str(sample))
    status, out, err = run(*line.split())
    assert status in (1, 2)
    assert out == ""
    assert hint in err


def test_a_word_that_is_like_no_command_gets_no_guess(run):
    status, _, err = run("xyzzy")
    assert status == 2
    assert "no command 'xyzzy'\n" in err
    assert "cvpark --help" in err


def completions(line):
    """What the shell is told to offer, as bash asks for it."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "cvpark"],
        env=os.environ | asked | {"_CVPARK_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [tuple(line.split(",")) for line in done.stdout.split()]


def test_the_shell_completes_commands_options_and_models():
    assert completions("cvpark comp") == [("plain", "compare")]
    assert completions("cvpark cnn c") == [("plain", "convert")]
    assert completions("cvpark compare --form") == [("plain", "--format")]
    assert ("plain", "svm-linear") in completions("cvpark predict sv")
    assert ("file", "patch") in completions("cvpark predict svm patch")
    assert ("dir", "feat") in completions("cvpark train --features feat")


# --config


def test_every_command_takes_a_file_of_options():
    for names, command in COMMANDS.items():
        given = {option for each in command.params for option in each.opts}
        assert {"--config", "--verbose", "--quiet"} <= given, names


def test_keys_outside_of_tables_are_never_names_of_commands():
    settings = {"model", "descriptor", "classifier", "augmentation"}
    assert not set(cli.list_commands(click.Context(cli))) & (
        settings | set(choices(TrainingOptions)) | set(choices(Augmentation))
    )


def test_the_file_gives_defaults_and_the_command_line_wins(run, patch):
    file = write("o.toml", '[predict]\nformat = "csv"\nthreshold = 1\n[compare]\nquick = true\n')
    status, out, err = run("predict", patch, "--config", file)
    assert status == 0
    assert out.startswith('"path","occupancy"')
    assert "threshold 1\n" in err
    status, out, _ = run("predict", "--format", "jsonl", patch, "--config", file)
    assert json.loads(out)["path"] == patch


def test_the_environment_goes_before_the_file(run, sample, monkeypatch):
    monkeypatch.setenv("CVPARK_DATA", str(sample))
    file = write("o.toml", '[extract]\ndata = "nowhere"\nsplit = ["val", "test"]\n')
    status, _, err = run("extract", "features", "--config", file)
    assert status == 0, err
    assert "test: " in err
    assert "everything" not in err
    assert run("extract", "features", "--config", file, "--data", "elsewhere")[0] == 1


def test_commands_below_a_group_have_a_table_in_the_group_s(run):
    file = write("o.toml", '[models]\nformat = "json"\n[models.show]\nbusy-index = 1\n')
    assert run("models", "--config", file)[1].startswith("[")
    assert run("models", "show", "svm", "--config", file)[0] == 0
    file = write("o.toml", "[models.shwo]\n")
    assert "did you mean show?" in run("models", "show", "svm", "--config", file)[2]


def test_one_file_serves_a_model_s_settings_and_several_commands(run, sample):
    text = """
        model = "svm-linear"
        classifier = { C = 0.01 }
        [descriptor]
        size = 32
        extractors = [{ kind = "color" }]
        [extract]
        data = "DATA"
        [train]
        data = "DATA"
        features = "colors"
        out = "mine.cvpark"
        [compare]
        quick = true
    """
    file = write("mine.toml", text.replace("DATA", sample.as_posix()))
    assert run("extract", "colors", "--config", file)[0] == 0
    status, out, err = run("train", "--config", file)
    assert status == 0, err
    assert out.startswith("mine.cvpark: svm-linear")
    card = json.loads(run("models", "show", "mine.cvpark")[1])
    assert card["descriptor"]["size"] == 32


def test_training_options_of_a_network_come_from_its_table_too(monkeypatch):
    from cvpark.cli import cnn

    seen = []
    monkeypatch.setattr(cnn, "merge", lambda config, given: seen.append((config, given)) or 1 / 0)
    file = write("o.toml", 'architecture = "malexnet"\n[cnn.train]\nepochs = 3\n[augmentation]\n')
    with pytest.raises(ZeroDivisionError):
        cli.main(["cnn", "train", "--config", file, "--seed", "5"], standalone_mode=False)
    ((config, given),) = seen
    assert given == {"epochs": 3, "seed": 5}
    assert config.settings == {"architecture": "malexnet", "augmentation": {}}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[predict", "o.toml: not TOML"),
        ("[compare]\n", "o.toml: has no table [predict]"),
        ("predict = 3\n", "o.toml: [predict] is 3, expected a table"),
        ("[predcit]\n", "o.toml: unknown key 'predcit'; did you mean predict?"),
        ('[predict]\nfromat = "csv"\n', "[predict]: unknown key 'fromat'; did you mean format?"),
        ('[predict]\nconfig = "x"\n', "unknown key 'config'"),
        ('[predict]\nformat = "xml"\n', "o.toml: [predict] format: 'xml' is not one of"),
        ("[predict]\njobs = 2.5\n", "o.toml: [predict] jobs: '2.5' is not"),
        ("[predict]\njobs = true\n", "jobs is True, expected a number or a text"),
        ("[predict]\nscale = 1\n", "scale is 1, expected 2 values in a list"),
        ("[predict]\nscale = [1, 2, 3]\n", "o.toml: [predict] scale: "),
        ("[predict]\nquiet = 1\n", "quiet is 1, expected true or false"),
    ],
)
def test_what_a_file_says_wrongly_is_named(run, patch, text, complaint):
    status, out, err = run("predict", patch, "--config", write("o.toml", text))
    assert status == 1
    assert out == ""
    assert err.count("\n") == 1
    assert complaint in err


# How much is said


def test_quiet_leaves_results_and_warnings(run, patch):
    Path("broken.jpg").write_bytes(b"")
    status, out, err = run("predict", "-q", "--on-error", "skip", patch, "broken.jpg")
    assert status == 0
    assert patch in out
    assert err.startswith("skipped broken.jpg")
    assert err.count("\n") == 1
    assert run("-q", "predict", patch)[2] == ""
    status, _, err = run("predict", "-q", "gone.jpg")
    assert status == 1
    assert err == "cvpark: gone.jpg: No such file or directory\n"


def test_verbose_tells_the_time_and_where_an_error_is_from(run, patch):
    assert re.match(r"\[ +\d+\.\d s\] 1 image", run("predict", "-v", patch)[2])
    status, _, err = run("predict", "--verbose", "gone.jpg")
    assert status == 1
    assert "Traceback" in err
    assert err.endswith("\ncvpark: gone.jpg: No such file or directory\n")
    assert "Traceback" not in run("predict", "gone.jpg")[2]  # nor is it remembered


def test_progress_goes_to_logs_when_asked_for(capsys, monkeypatch):
    from cvpark.cli import _output

    monkeypatch.setattr(_output, "_EVERY", 0.0)
    _output.set_verbosity(0)
    assert list(_output.progress(range(3), 3, "count")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    _output.set_verbosity(1)
    assert list(_output.progress(range(3), 3, "count")) == [0, 1, 2]
    assert re.findall(r"count: \d of 3", capsys.readouterr().err) == [
        f"count: {number} of 3" for number in (1, 2, 3)
    ]
    _output.set_verbosity(0)


@pytest.mark.parametrize(
    ("is_terminal", "environment", "wants"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_color_is_for_terminals_that_want_it(monkeypatch, is_terminal, environment, wants):
    from cvpark.cli import _output

    monkeypatch.setattr(_output.sys.stdout, "isatty", lambda: is_terminal, raising=False)
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _output.wants_color() is wants


def test_nothing_written_to_a_pipe_is_colored(run, patch):
    for line in (("models",), ("predict", patch), ("--help",)):
        _, out, err = run(*line)
        assert "\x1b" not in out + err


# Names of files, one command after another


@pytest.mark.slow
def test_each_command_takes_what_the_one_before_gives(run, sample, tmp_path, monkeypatch):
    """From data to an adapted model, all in folders with names of other alphabets."""
    (tmp_path / FOREIGN).mkdir()
    monkeypatch.chdir(tmp_path / FOREIGN)
    monkeypatch.setenv("CVPARK_DATA", str(shutil.copytree(sample, tmp_path / f"data {FOREIGN}")))

    def go(*arguments):
        status, out, err = run(*arguments)
        assert status == 0, err
        return out

    features = go("extract", f"features {FOREIGN}").partition(":")[0]
    out = go("train", "--model", "svm-linear", "--features", features, "--out", f"{FOREIGN}.cvpark")
    model = out.partition(":")[0]
    assert Path(model).is_file()
    go("compare", model, "--quick", "--out", f"comparison {FOREIGN}")
    for file in go("report", f"comparison {FOREIGN}", "--format", "csv").splitlines():
        assert Path(file).is_file()
    assert Path(go("export", model).rstrip("\n")).is_file()

    Path(FOREIGN).mkdir()
    split = Dataset(os.environ["CVPARK_DATA"]).split("val")
    for row in range(40):
        shutil.copy(split.files[row], Path(FOREIGN, f"{row} {FOREIGN}.jpg"))
    files = sorted(map(str, Path(FOREIGN).iterdir()))
    listed = go("predict", "--format", "list", model, *files)
    assert [line[:-2] for line in listed.splitlines()] == files
    write("labels.txt", listed)
    adapted = Path(f"adapted {FOREIGN}.cvpark")
    go("adapt", model, "--data", ".", "--labels", "labels.txt", "--out", adapted)
    rows = go("predict", adapted, "--format", "jsonl", *files).splitlines()
    assert [json.loads(row)["path"] for row in rows] == files


def test_names_of_models_are_taken_where_models_are(run, patch):
    for card in json.loads(run("models", "--format", "json")[1]):
        assert run("models", "show", card["name"])[0] == 0
        assert run("predict", card["name"], patch)[0] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
@pytest.mark.parametrize(
    ("encoding", "printed"),
    [("utf-8", b"m\xfcll \xe5\x81\x9c.onnx\n"), ("latin-1", b"m\\udcfcll \\u505c.onnx\n")],
)
def test_names_that_are_no_text_are_printed_all_the_same(encoding, printed):
    name = os.fsdecode(b"m\xfcll \xe5\x81\x9c.onnx")
    done = subprocess.run(
        [sys.executable, "-m", "cvpark", "export", "svm-linear", "--out", name],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
    assert Path(name).is_file()
