"""Text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable


def printable(text: str) -> str:
    r"""Text for a terminal: what a name could command it with is spelled out.

    Examples
    --------
    >>> printable("a\x1b[2J")
    'a\\x1b[2J'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """The nearest of the words there are, as a question to put into a message; or nothing.

    Examples
    --------
    >>> did_you_mean("vla", ["train", "val"])
    'did you mean val? '
    >>> did_you_mean("something", ["train", "val"])
    ''
    """
    import difflib

    near = difflib.get_close_matches(word, list(words), 1, 0.5)
    return f"did you mean {near[0]}? " if near else ""
