"""The command ``edi``."""

from __future__ import annotations

from pipeline.entry.cli import run


def main() -> None:
    """Run the command line."""
    run()


if __name__ == "__main__":
    main()
