"""Everything this package raises.

Three kinds of trouble are kept apart, because three different people act on
them:

* a fault in a *partner's document* is never raised: it is a `Finding` or a
  `Reason`, values that travel on to the answer;
* trouble in the *world* (network, disk, peer, configuration) is a
  `PipelineError` below;
* a mistake in *our own code* is an ordinary exception and stops the run.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from pipeline.model.identity import DocumentId


class PipelineError(Exception):
    """Base of all errors the application may catch and turn into an event.

    Attributes:
        code: Stable identifier, shown to operators and counted in metrics.
        transient: True where doing the same again later can succeed.
    """

    code: ClassVar[str] = "PIPELINE"
    transient: ClassVar[bool] = False


class ConfigError(PipelineError):
    """A configuration file or an operator's request cannot be used as it is."""

    code = "CONFIG"


class ConnectError(PipelineError):
    """A partner's server cannot be used now: it is not reached, or does not let us in."""

    code = "CONNECT"
    transient = True

    def __init__(self, connection: str, reason: str) -> None:
        super().__init__(f"{connection}: {reason}")
        self.connection = connection
        self.reason = reason


class LoginRefused(ConnectError):
    """A partner's server is there, and does not let this account in."""

    code = "LOGIN"


class SessionLost(ConnectError):
    """The server hung up, went silent or talked garbage in the middle of a session."""

    code = "LOST"


class CircuitOpen(ConnectError):
    """The server failed a moment ago and is not tried again yet: nothing was attempted."""

    code = "CIRCUIT"


class HostKeyMismatch(PipelineError):
    """The server is not the one this connection was set up with."""

    code = "HOSTKEY"

    def __init__(self, connection: str, expected: str, offered: str) -> None:
        super().__init__(f"{connection}: expected {expected}, offered {offered}")
        self.connection = connection
        self.expected = expected
        self.offered = offered


class TransferError(PipelineError):
    """A file could not be moved to or from a partner's server."""

    code = "TRANSFER"
    transient = True

    def __init__(self, connection: str, path: str, reason: str) -> None:
        super().__init__(f"{connection}: {path}: {reason}")
        self.connection = connection
        self.path = path
        self.reason = reason


class FileChanged(TransferError):
    """The file grew, shrank or was replaced while it was being read."""

    code = "CHANGED"


class FileTooLarge(TransferError):
    """The file is larger than the flow limit; no more than the limit was read."""

    code = "TOO_LARGE"
    transient = False


class NameTaken(TransferError):
    """Another file with other bytes stands under the name we must use."""

    code = "NAME_TAKEN"
    transient = False


class MailError(PipelineError):
    """A letter was not taken by the mail server, or there is none."""

    code = "MAIL"
    transient = True


class ArchiveError(PipelineError):
    """The archive could not store, or no longer holds, a blob."""

    code = "ARCHIVE"
    transient = True


class MasterKeyMissing(ArchiveError):
    """An original is whole, but the master key that its key is sealed by is not here.

    So it is for a process that was started before a rotation: whoever knows the key reads it.
    """

    code = "MASTER_KEY"


class SealError(PipelineError):
    """The head of the chain could not be signed, or kept, or contradicts the last seal."""

    code = "SEAL"


class EvidenceFault(PipelineError):
    """An evidence file is not one, or was changed.

    Attributes:
        fr: What is wrong.
        en: The same in English.
    """

    code = "EVIDENCE"

    def __init__(self, fr: str, en: str) -> None:
        super().__init__(f"{fr} / {en}")
        self.fr, self.en = fr, en


class LedgerConflict(PipelineError):
    """Another process wrote first; the transaction left nothing and may be run again."""

    code = "LEDGER_CONFLICT"
    transient = True


class Fenced(PipelineError):
    """The claim on this work was lost to another worker: stop, write nothing."""

    code = "FENCED"


class PackMissing(PipelineError):
    """An official artefact is absent or is not the one that was pinned."""

    code = "PACK_MISSING"

    def __init__(self, pack: str, reason: str) -> None:
        super().__init__(f"{pack}: {reason}")
        self.pack = pack
        self.reason = reason


class AnswerUnvetted(PipelineError):
    """An answer of ours breaks the official rules, or could not be held against them."""

    code = "ANSWER_UNVETTED"
    transient = True


class NotCarried(PipelineError):
    """A document cannot leave in the form that its receiver asked for: it waits for a person.

    It was taken and is sound, so nothing of this is its sender's fault.

    Attributes:
        documents: Those that cannot, of a delivery that carries several.
    """

    code = "NOT_CONVERTED"

    def __init__(self, reason: str, documents: Collection[DocumentId] = ()) -> None:
        super().__init__(reason)
        self.documents = frozenset(documents)


class NotPrinted(NotCarried):
    """A page could not be printed, or not within its limits."""


class ConversionLoss(NotCarried):
    """Its new form does not hold all of it, and the receiver's sheet does not allow that."""

    code = "CONVERSION_LOSS"


class ResultRefused(NotCarried):
    """What was written breaks the rules that its source keeps."""

    code = "RESULT_REFUSED"


class NotTaken(NotCarried):
    """A copy for a receiver in shadow holds what it would not take."""

    code = "NOT_TAKEN"


class ResultUnjudged(NotCarried):
    """What was written could not be held against the rules."""

    code = "RESULT_UNJUDGED"


class ScannerSilent(PipelineError):
    """The scanner that a sheet requires does not answer, or not with a verdict."""

    code = "SCANNER_SILENT"
    transient = True


class StillUnread(PipelineError):
    """A held flow cannot be held against its rules yet: it stays as it is."""

    code = "STILL_UNREAD"
    transient = True


class Unreadable(PipelineError):
    """A document that a person asked to see cannot be read as an invoice."""

    code = "UNREADABLE"


class EngineClosed(PipelineError):
    """The run is ending: nothing is said of documents that still wait, they are judged later."""

    code = "ENGINE_CLOSED"
    transient = True


class EngineError(PipelineError):
    """The rule engine stopped before it could say anything about a document."""

    code = "ENGINE"
