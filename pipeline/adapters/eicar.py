"""A scanner that knows one thing: the file that every scanner agrees to find.

For demonstrations, where no antivirus is installed. It protects from nothing.

Source:
    EICAR, *Anti-Malware Testfile*: 68 bytes at the very start of a file.
"""

from __future__ import annotations

from collections.abc import Iterable

#: The test file. In pieces, and joined at run time: else scanners find it here and in the
#: compiled module.
TEST_FILE = b"".join(
    (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-", b"ANTIVIRUS-TEST-FILE!$H+H*")
)
#: What it is called here.
SIGNATURE = "EICAR-Test-File"


class EicarScanner:
    """`ports.outside.Scanner` that finds the EICAR test file, and nothing inside of others."""

    def scan(self, chunks: Iterable[bytes]) -> str | None:
        """Return `SIGNATURE` if the bytes start with the test file, else None."""
        head = b""
        for chunk in chunks:
            head += chunk[: len(TEST_FILE)]
            if len(head) >= len(TEST_FILE):
                break
        return SIGNATURE if head.startswith(TEST_FILE) else None
