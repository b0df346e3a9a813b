"""`bpcompare transcript`: numbers that a person typed."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from bpcompare.cli.terminal import refused, say, say_exactly


def transcript(
    spec: Annotated[str, Parameter(name="SPEC", help="The network that the numbers are about.")],
    numbers: Annotated[str, Parameter(name="NUMBERS", help='A TOML file: [numbers], then "h1.a" = "0.593269992" …')],
    /,
    *,
    format: Annotated[Literal["text", "json"], Parameter(help="How to print the result.")] = "text",  # noqa: A002
) -> int:
    """Check numbers from a textbook, a blog or a homework: each is confirmed to its digits, or refuted and explained.

    A printed number stands for everything that rounds to it. Exit codes: 0 all confirmed, 1 some refuted, 2 bad input, 4 none
    refuted, but some say too little to be confirmed.
    """
    from bpcompare.cli.reading import loaded
    from bpcompare.network import SpecError
    from bpcompare.teach.transcript import check, read, transcript_json, transcript_text
    from bpcompare.teach.transcript.reader import TranscriptError

    try:
        found = check(loaded(spec), read(numbers))
    except (SpecError, TranscriptError) as error:
        return refused(error)
    if format == "json":
        say_exactly(transcript_json(found))
    else:
        say(lambda: transcript_text(found))
    return 1 if found.refuted else 4 if found.open else 0
