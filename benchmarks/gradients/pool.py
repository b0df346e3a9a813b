"""Workers that answer, each the next question when it is done with one, until there are none or the time is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from tempfile import TemporaryDirectory
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any

from benchmarks.gradients.answers import Answers
from benchmarks.gradients.question import Key
from benchmarks.gradients.worker import EndedError, Worker

WALL, SLACK = 3.0, 10.0
"""Seconds of the clock for a second of the processor, and besides: code that does not come back to Python is ended then."""


class Pool:
    """`jobs` processes for functions of these `libraries`; `seconds` of the processor for a function, all its questions together.

    Of each gradient `mutants` are asked. What a process is asked when the time is over (`until`) stays without an answer.
    """

    def __init__(self, jobs: int, libraries: Sequence[str], seconds: float, mutants: int, until: float) -> None:
        self._jobs, self._libraries, self._until = jobs, libraries, until
        self._seconds, self._mutants = seconds, mutants
        self._lock, self._used = Lock(), defaultdict[tuple[str, str], float](float)
        self._workers: dict[int, Worker] = {}
        self._compiled: str | None = None

    def names(self) -> tuple[list[tuple[str, str]], Mapping[str, Any]]:
        """Libraries and names of all functions that there are, and what they are asked with. Raises EndedError."""
        worker = Worker(self._libraries, self._until)
        try:
            told = worker.told()
        finally:
            worker.end()
        return [(library, name) for library, name in told["names"]], told["with"]

    def ask(self, keys: Iterator[Key], answers: Answers) -> None:
        """Ask them all, in their order."""
        with TemporaryDirectory() as self._compiled:
            self._asked(keys, answers)

    def _asked(self, keys: Iterator[Key], answers: Answers) -> None:
        threads = [Thread(target=self._work, args=(number, keys, answers), daemon=True) for number in range(self._jobs)]
        for one in threads:
            one.start()
        while any(one.is_alive() for one in threads):
            sleep(0.2)
            for worker in list(self._workers.values()):
                worker.watch(self._until)

    def _work(self, number: int, keys: Iterator[Key], answers: Answers) -> None:
        while monotonic() < self._until:
            worker = self._workers[number] = Worker(self._libraries, self._until, self._compiled)
            try:
                worker.told()
                if not self._answered(worker, keys, answers):
                    return
            except EndedError:
                return  # before it was asked anything: the next one would end, too
            finally:
                worker.end()
                del self._workers[number]

    def _answered(self, worker: Worker, keys: Iterator[Key], answers: Answers) -> bool:
        """Ask one worker. False when there is nothing more to ask; True where it ended over a question."""
        while (key := self._next(keys)) is not None:
            name = (key.library, key.name)
            left = max(1.0, self._seconds - self._used[name])
            try:
                row = {"key": asdict(key), "seconds": left, "mutants": self._mutants}
                told = worker.answer(row, monotonic() + WALL * left + SLACK)
            except EndedError:
                if monotonic() < self._until:
                    verdict = "out of time" if worker.late else "ended the process"
                    self._put(answers, key, [{"what": "honest", "verdict": verdict}], self._seconds)
                return True
            self._put(answers, key, told["found"], told["seconds"])
        return False

    def _next(self, keys: Iterator[Key]) -> Key | None:
        with self._lock:
            if monotonic() > self._until:
                return None
            return next((key for key in keys if self._used[key.library, key.name] < self._seconds), None)

    def _put(self, answers: Answers, key: Key, found: list[dict[str, str]], seconds: float) -> None:
        with self._lock:
            self._used[key.library, key.name] += seconds
            answers.put(key, found)
