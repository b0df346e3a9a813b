"""What the help says, and completion in the shell."""

import shutil
import subprocess

import pytest

from bpcompare.cli import main


def told(capsys, *words):
    assert main([str(word) for word in words]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_golden_says_what_its_verbs_do(capsys):
    """Two verbs without a word, and one of them writes files."""
    out = told(capsys, "golden", "--help")
    assert "check: Run backends on the numbers of their goldens" in out
    assert "update: Show what moved since the goldens were made, and write them anew" in out
    assert "Exit code 0" not in out
    assert "5: no golden" in told(capsys, "golden", "check", "--help")
    assert "never of what is wrong" in told(capsys, "golden", "update", "--help")


def test_every_verb_says_what_it_does(capsys):
    """A verb in the list that nobody can guess the use of."""
    from bpcompare.cli.app import GROUPS, VERBS

    out = told(capsys, "--help")
    assert all(f"{verb}: {' '.join(words.split())}" in out for verb, words in VERBS.items())
    assert all(f"{group}: {words}" in out for group, (words, _) in GROUPS.items())
    assert "--install-completion: Complete verbs and options" in out


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_completion_completes(tmp_path, monkeypatch, capsys):
    """The script is installed and completes nothing."""
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / "complete.bash"
    assert "written" in told(capsys, "--install-completion", "--shell", "bash", "--output", script)
    assert [path.name for path in tmp_path.iterdir()] == ["complete.bash"], "only the file that was asked for"
    for typed, expected in (("tra", "transcript"), ("gol", "golden")):
        command = f"source {script}; COMP_WORDS=(bpcompare {typed}); COMP_CWORD=1; _bpcompare; echo ${{COMPREPLY[@]}}"
        out = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
        assert out.split() == [expected]


def test_completion_is_installed_where_the_shell_looks(tmp_path, monkeypatch, capsys):
    """The README says so, and the next shell completes nothing."""
    monkeypatch.setenv("HOME", str(tmp_path))
    out = told(capsys, "--install-completion", "--shell", "bash")
    script = tmp_path / ".local/share/bash-completion/completions/bpcompare"
    assert str(script) in out
    assert "transcript" in script.read_text()
    assert str(script) in (tmp_path / ".bashrc").read_text()
    told(capsys, "--install-completion", "--shell", "fish")
    assert (tmp_path / ".config/fish/completions/bpcompare.fish").exists()


def test_completion_that_cannot_be_installed(tmp_path, monkeypatch, capsys):
    """A traceback instead of what to say."""
    (tmp_path / "file").write_text("")
    assert main(["--install-completion", "--shell", "bash", "--output", str(tmp_path / "file" / "x")]) == 2
    assert "completion was not installed" in capsys.readouterr().err
    assert main(["--install-completion", "--shell", "nosh"]) == 2
    assert "bash" in capsys.readouterr().err
