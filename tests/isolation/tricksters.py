"""Backends that put something else in place of an answer, or leave something behind. Each costs itself, and nobody else."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from bpcompare.plan.storage import save_record
from bpcompare_delta import Delta

FOLDER = Path(sys.argv[-1])
ANSWERED = json.dumps({"protocol": 1, "outcome": "answered"})
SLEEPS = "import time; time.sleep(600)"


def outcome(text=ANSWERED):
    (FOLDER / "outcome.json").write_text(text, encoding="utf-8")


class Trickster(Delta):
    """Answers as it should, then plays its trick."""

    name = "trickster"

    def __init_subclass__(cls):
        cls.name = cls.__name__.lower()

    def run(self, plan):
        record = super().run(plan)
        record = replace(record, provenance=replace(record.provenance, backend=self.name))
        save_record(record, FOLDER / "record.safetensors")
        self.trick(FOLDER / "record.safetensors")
        os._exit(0)

    def trick(self, path):
        raise NotImplementedError


class Pipe(Trickster):
    def trick(self, path):
        path.unlink()
        os.mkfifo(path)
        outcome()


class OutcomeIsPipe(Trickster):
    def trick(self, path):
        os.mkfifo(FOLDER / "outcome.json")


class Device(Trickster):
    def trick(self, path):
        path.unlink()
        path.symlink_to("/dev/zero")
        outcome()


class OutcomeIsDevice(Trickster):
    def trick(self, path):
        (FOLDER / "outcome.json").symlink_to("/dev/zero")


class Folder(Trickster):
    def trick(self, path):
        path.unlink()
        path.mkdir()
        outcome()


class Missing(Trickster):
    def trick(self, path):
        path.unlink()
        outcome()


class Sparse(Trickster):
    def trick(self, path):
        os.truncate(path, 2**32)
        outcome()


class OutcomeIsSparse(Trickster):
    def trick(self, path):
        outcome()
        os.truncate(FOLDER / "outcome.json", 2**32)


class Endless(Trickster):
    """The limit is lowered so that the test ends before the disk does; that there is one is the worker's doing."""

    def trick(self, path):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        assert 2**32 < soft < 2**33
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**25, hard))
        with path.open("wb") as file:
            while True:
                file.write(bytes(2**20))


class DeepOutcome(Trickster):
    def trick(self, path):
        outcome("[" * 1_000 + "]" * 1_000)


class DeepHeader(Trickster):
    def trick(self, path):
        deep = '{"a":' * 900 + "1" + "}" * 900
        manifest = f'{{"format": "bpcompare", "version": 1, "kind": "record", "digest": "", "content": {deep}}}'
        header = json.dumps({"__metadata__": {"bpcompare": manifest}}).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        outcome()


class DeepFolders(Trickster):
    def trick(self, path):
        outcome()
        os.chdir(FOLDER)
        for _ in range(1_100):
            Path("d" * 100).mkdir()
            os.chdir("d" * 100)
        os.chdir("..")
        Path("d" * 100).chmod(0)


class Daemon(Trickster):
    """What it starts has a session and a parent of its own."""

    def trick(self, path):
        outcome()
        if os.fork() == 0:
            os.setsid()
            subprocess.Popen([sys.executable, "-c", SLEEPS, "left by a daemon"], start_new_session=True)
            os._exit(0)
        time.sleep(0.2)


class KillsItsGuard(Trickster):
    def trick(self, path):
        outcome()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


class Commands(Delta):
    """Whatever it says wants to be a command to the terminal, or to the build server."""

    name = "commands"

    def run(self, plan):
        said = (
            "\n::error file=a.py::pwned\n  ::stop-commands::x\n##[group]x\n##vso[task.complete]x\n\x1b]0;title\x07\u202eabc\u2066"
        )
        os.write(1, said.encode())
        record = super().run(plan)
        provenance = replace(record.provenance, device=said, updater=said * 1_000, switches={said: said})
        return replace(record, provenance=provenance)


class Fails(Delta):
    name = "fails"

    def run(self, plan):
        raise RuntimeError("::error::pwned \x1b[31m \u202e " + "x" * 100_000 + "\n::warning::again\n" + "y" * 100_000)


class SaysNo(Delta):
    """Answers with a failure of its own making, under a name that wants to be a command."""

    name = "::error::named"

    def run(self, plan):
        return replace(super().run(plan), steps=(), failure="no \x1b[31m\n::error::pwned\n##[error]x")


class Waits(Delta):
    """Waits for ever, with a daemon beside it."""

    name = "waits"

    def run(self, plan):
        subprocess.Popen([sys.executable, "-c", SLEEPS, str(FOLDER)], start_new_session=True)
        (FOLDER / "waiting").touch()
        time.sleep(600)
