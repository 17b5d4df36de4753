r"""Which characters a markup document can carry.

Text that partners wrote is shown back to them. XML 1.0 has no way, not even by a
reference, to carry most control characters and lone surrogates; one of them would make
the whole answer impossible to write.
"""

from __future__ import annotations

import re

#: What XML 1.0 (fifth edition, production 2, Char) leaves out.
_NOT_CHAR = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: Characters that turn the direction of text around them.
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def carriable(text: str) -> str:
    r"""Return `text` with U+FFFD in place of each character that XML cannot carry.

    >>> carriable("a\x00b\x1b[31m\ud800c\ufffe") == "a\ufffdb\ufffd[31m\ufffdc\ufffd"
    True
    """
    if text.isprintable():  # the common case, at a fraction of the cost
        return text
    return _NOT_CHAR.sub("\ufffd", text)


def undirected(text: str) -> str:
    r"""Return `text` with what turns the direction of text shown (U+FFFD), and not obeyed.

    >>> undirected("FA\u202e001") == "FA\ufffd001"
    True
    """
    return text if text.isprintable() else _BIDI_CONTROLS.sub("\ufffd", text)


def shorten(text: str, limit: int) -> str:
    """Return `text` fit to be shown: characters XML can carry, at most `limit` of them.

    >>> shorten("abcdef", 4), shorten("abcd", 4)
    ('abc…', 'abcd')
    """
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return carriable(cut)
