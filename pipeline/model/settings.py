"""What the operator of a hub may set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of one hub (``config/pipeline.toml``).

    Attributes:
        hub_code: Our own application code, six characters.
        matricule: Four digits that name us among platforms (scheme 0238).
        default_profile: Profile of free-name connections whose sheet names none.
        held_for: How long a person has to decide on what is held: the latest
            time of the final answer, as the interim notice states it.
        lease: How long a claim lasts unless it is renewed: what a worker that died held is
            taken over by another so much later.
        workers: Worker processes; 0 for one a processor.
        time_limit_s: Wall-clock limit of judging one document.
        memory_limit_mb: Resident memory at which a worker is killed.
        every: How often `edi run` looks at connections whose sheet says nothing else.
        reconcile_every: How often `edi run` holds archive and partners' folders against the
            ledger, and the chain of events against itself.
        clamd: Where ClamAV's daemon listens: ``unix:PATH`` or ``tcp:HOST:PORT``.
        keep_logs_days: Days whose log files are kept, today among them.
    """

    hub_code: str = "CPP001"
    matricule: str = "9999"
    default_profile: str = "auto"
    held_for: timedelta = timedelta(days=2)
    lease: timedelta = timedelta(minutes=1)
    workers: int = 0
    time_limit_s: float = 60.0
    memory_limit_mb: int = 1000
    every: timedelta = timedelta(minutes=1)
    reconcile_every: timedelta = timedelta(hours=1)
    clamd: str = "unix:/run/clamav/clamd.ctl"
    keep_logs_days: int = 90
