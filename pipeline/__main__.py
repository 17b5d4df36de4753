"""The command ``edi``: thin, so that Ctrl-C is heard before the program is loaded."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

#: Exit code of a command that was interrupted: 128 and the signal's number.
INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C ends it with `INTERRUPTED` and without a traceback.

    Loading takes half a second, in which nothing is begun yet, and when a verb has ended
    nothing is left to do: then the process just goes. In between whatever the verb has
    open is closed first. Where interrupts are ignored (``nohup``) they stay so.
    """
    heard = signal.getsignal(signal.SIGINT)
    outside = _leave if heard is signal.default_int_handler else heard
    signal.signal(signal.SIGINT, outside)
    from pipeline.entry.cli import run

    try:
        signal.signal(signal.SIGINT, heard)
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, outside)


def _leave(_number: int, _frame: FrameType | None) -> None:
    # no exception: the import system swallows one here and there, and prints it
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
