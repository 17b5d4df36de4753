"""Reads ``config/``: TOML and CSV in, values out; unknown keys are refused with their path."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path, PurePosixPath
from re import fullmatch
from typing import Annotated, Literal, TypeVar
from zoneinfo import available_timezones

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.adapters.misfits import in_words
from pipeline.model.acknowledgement import ReasonCodes
from pipeline.model.agreement import Need, TakenAttachments, Takes
from pipeline.model.api_sheet import Access, ApiSheet
from pipeline.model.carriage import Carriage, Grouping, LossRule, Original
from pipeline.model.connection import (
    AnswerFamily,
    AnswerFormat,
    Atomicity,
    Completeness,
    Connection,
    Copies,
    Door,
    Envelope,
    ManifestRule,
    Naming,
    Protocol,
    ReplyForm,
    RetryPolicy,
    Role,
    Scanning,
    Schedule,
    Secret,
    SecretKind,
    StatusTerms,
    Successors,
    Trial,
)
from pipeline.model.connection import Environment as SheetEnvironment
from pipeline.model.conversion import Form
from pipeline.model.directory import Route
from pipeline.model.errors import ConfigError
from pipeline.model.finding import Severity
from pipeline.model.handover import Filter, Handover, Pickup
from pipeline.model.interface import Carries, Direction, Interface
from pipeline.model.life import Numbering
from pipeline.model.limits import Limits
from pipeline.model.offered import Offered
from pipeline.model.path_trouble import path_told
from pipeline.model.profile import AttachmentRules, Base, Claim, Profile
from pipeline.model.report import Syntax
from pipeline.model.retention import DEFAULT_CLASS, CountedFrom, Period, RetentionClass
from pipeline.model.settings import (
    Approval,
    ArchiveSettings,
    Encryption,
    MailSecurity,
    MailSettings,
    SealSettings,
    Settings,
)
from pipeline.model.validation import Mandate, ValidationTerms, Works

_DAY = 86_400
#: Longest wait that may be set, in seconds; longer ones are slips of the pen.
_YEAR = 366 * _DAY

M = TypeVar("M", bound=BaseModel)
Positive = Annotated[float, Field(gt=0, le=_YEAR)]
Wait = Annotated[float, Field(ge=0, le=_YEAR)]
Count = Annotated[int, Field(gt=0)]
_SHEET_NAME = r"[a-z0-9][a-z0-9-]*"
SheetName = Annotated[str, Field(pattern=f"^{_SHEET_NAME}$")]
Siren = Annotated[str, Field(pattern=r"^[0-9]{9}$")]
Siret = Annotated[str, Field(pattern=r"^[0-9]{14}$")]
ApplicationCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{6}$")]
TypeCode = Annotated[str, Field(pattern=r"^[0-9]{2,3}$")]
Frame = Annotated[str, Field(pattern=r"^[A-Z][0-9]{1,2}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Matricule = Annotated[str, Field(pattern=r"^[0-9]{4}$")]
#: An e-mail address, as far as can be told without writing to it.
Contact = Annotated[str, Field(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+$", max_length=254)]


class Environment(BaseSettings):
    """What the environment says: EDI_HOME, EDI_DATABASE, …; EDI_FAILPOINT in tests."""

    model_config = SettingsConfigDict(env_prefix="EDI_", extra="ignore")

    home: Path = Path("var")
    database: str | None = None
    packs: Path | None = None
    failpoint: str | None = None
    failpoint_trace: Path | None = None


class _Person(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="EDI_", extra="ignore")

    operator: Annotated[str, Field(pattern=r"^[\w.@-]{1,64}$")] | None = None


def operator_name() -> str | None:
    """Return who acts, where the account that runs this is shared by several people.

    ``EDI_OPERATOR`` says it, or else sudo does.

    Raises:
        ConfigError: ``EDI_OPERATOR`` is no name.
    """
    try:
        told = _Person().operator
    except ValidationError as error:
        raise ConfigError(
            "EDI_OPERATOR: un nom de 1 à 64 lettres, chiffres, . _ @ - est attendu"
            " / a name of 1 to 64 letters, digits, . _ @ - is expected"
        ) from error
    return told or os.environ.get("SUDO_USER")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Secret(_Strict):
    file: str | None = None
    env: str | None = None
    credential: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> _Secret:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("name one place: file, env or credential")
        return self

    def value(self) -> Secret:
        """Return the reference as the model's value."""
        ((kind, name),) = self.model_dump(exclude_none=True).items()
        return Secret(SecretKind(kind), name)


#: One OpenSSH line, or nothing.
_HOST_KEY = r"^(\S+ \S+.*)?$"


class _Door(_Strict):
    protocol: Protocol = Protocol.SFTP
    host: str = ""
    port: Annotated[int, Field(gt=0, lt=65536)] = 22
    user: str = ""
    key: str = ""
    certificate: str | None = None
    password: _Secret | None = None
    key_expires: date | None = None
    host_key: Annotated[str, Field(pattern=_HOST_KEY)] = ""
    host_key_expires: date | None = None
    path: str = ""
    transports: Annotated[int, Field(ge=1, le=16)] = 2
    timeout_s: Positive = 30.0
    transfer_timeout_s: Positive = 600.0

    @model_validator(mode="after")
    def _says_what_its_protocol_needs(self) -> _Door:
        given = {name for name, value in self if value}
        remote = {"host", "user", "host_key", "key", "certificate", "password"}
        remote |= {"key_expires", "host_key_expires"}
        if self.protocol is Protocol.LOCAL:
            if "path" not in given or given & remote:
                raise ValueError("a local door needs path, and nothing of an SFTP account")
            return self
        missing = {"host", "user", "host_key"} - given
        if missing:
            raise ValueError(f"an SFTP door needs {', '.join(sorted(missing))}")
        if "path" in given or not given & {"key", "password"}:
            raise ValueError("an SFTP door needs key or password, and no path")
        if given & {"certificate", "key_expires"} and "key" not in given:
            raise ValueError("certificate and key_expires go with a key")
        return self

    def value(self) -> Door:
        """Return the door as the model's value."""
        plain = self.model_dump(exclude={"password"})
        return Door(**plain, password=self.password.value() if self.password else None)


class _Next(_Strict):
    """What takes over: at least one, each beside the one that the sheet has now."""

    certificate: str | None = None
    certificate_from: date | None = None
    key: str = ""
    key_certificate: str | None = None
    key_from: date | None = None
    key_expires: date | None = None
    host_key: Annotated[str, Field(pattern=_HOST_KEY)] = ""
    host_key_from: date | None = None
    host_key_expires: date | None = None

    @model_validator(mode="after")
    def _days_go_with_what_they_are_of(self) -> _Next:
        said = {name for name, value in self if value}
        for what in ("certificate", "key", "host_key"):
            others = {f"{what}_from", f"{what}_expires", f"{what}_certificate"}
            if what not in said and said & others:
                named = ", ".join(sorted(said & others))
                raise ValueError(f"{named}: va avec / goes with {what}")
        if not said:
            raise ValueError("nommez / name certificate, key or host_key")
        return self


class _Schedule(_Strict):
    every_s: Positive | None = None
    at: tuple[time, ...] = ()
    timezone: str = Schedule().timezone
    workdays: bool = False
    cutoff: time | None = None

    @field_validator("timezone")
    @classmethod
    def _exists(cls, timezone: str) -> str:
        if timezone not in available_timezones():
            raise ValueError("no such time zone; use an IANA name, e.g. Europe/Paris")
        return timezone

    @model_validator(mode="after")
    def _one_way(self) -> _Schedule:
        if self.every_s is not None and self.at:
            raise ValueError("use every_s or at, not both")
        if any(moment.tzinfo for moment in (*self.at, self.cutoff or time())):
            raise ValueError("write times of day without an offset; timezone says where")
        return self

    def value(self) -> Schedule:
        """Return the schedule as the model's value."""
        every = timedelta(seconds=self.every_s) if self.every_s else None
        return Schedule(every=every, **self.model_dump(exclude={"every_s"}))


class _Folders(_Strict):
    inbox: str = "in"
    archive: str = "archive"
    out: str = "out"

    @model_validator(mode="after")
    def _differ(self) -> _Folders:
        folders = [PurePosixPath(name) for name in (self.inbox, self.archive, self.out)]
        if len(set(folders)) < len(folders):
            raise ValueError(
                "inbox, archive and out must be three folders: what stands in inbox is pulled"
            )
        return self


class _Completeness(_Strict):
    marker: Annotated[str, Field(min_length=2)] | None = None
    stable_s: Wait = 30.0
    partial_wait_s: Wait = 3600.0

    @field_validator("marker")
    @classmethod
    def _can_be_seen(cls, marker: str | None) -> str | None:
        if marker and marker.lower().endswith((".part", ".tmp", ".filepart")):
            raise ValueError("names with a temporary ending are never looked at")
        return marker


#: A folder below the account's own, no step of which is hidden or leads upwards.
Folder = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*$")]
#: What a name may end in to mean something of its own.
Suffix = Annotated[str, Field(pattern=r"^\.[A-Za-z0-9][A-Za-z0-9.-]{0,15}$")]


class _Filter(_Strict):
    folder: Folder
    service: Annotated[str, Field(min_length=1)] | None = None
    order_prefix: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _takes_some(self) -> _Filter:
        if self.service is None and self.order_prefix is None:
            raise ValueError("say which documents: service, order_prefix, or both")
        return self


class _Pickup(_Strict):
    log: Annotated[str, Field(min_length=1)] | None = None
    user: Annotated[str, Field(min_length=1)] | None = None
    late_after_d: Positive = Pickup().late_after.total_seconds() / _DAY
    purge_after_d: Positive | None = None
    notice_d: Positive = Pickup().notice.total_seconds() / _DAY

    @model_validator(mode="after")
    def _fits_together(self) -> _Pickup:
        if (self.log is None) != (self.user is None):
            raise ValueError("log and user go together: whose transfers of that log count")
        if self.purge_after_d is None and "notice_d" in self.model_fields_set:
            raise ValueError("notice_d goes with purge_after_d: nothing is removed without it")
        if self.purge_after_d is not None and self.notice_d >= self.purge_after_d:
            raise ValueError("notice_d must be less than purge_after_d")
        return self

    def value(self) -> Pickup:
        """Return it as the model's value."""
        purge = self.purge_after_d
        return Pickup(
            log=self.log,
            user=self.user,
            late_after=timedelta(days=self.late_after_d),
            purge_after=None if purge is None else timedelta(days=purge),
            notice=timedelta(days=self.notice_d),
        )


class _Statuses(_Strict):
    tell: bool = False
    numbering: Numbering = Numbering.N1
    within_d: Positive | None = None

    def value(self) -> StatusTerms:
        """Return the terms as the model's value."""
        within = None if self.within_d is None else timedelta(days=self.within_d)
        return StatusTerms(tell=self.tell, numbering=self.numbering, within=within)


class _Retry(_Strict):
    waits_s: Annotated[tuple[Positive, ...], Field(min_length=1)]


class _Limits(_Strict):
    flow_bytes: Count = Limits().flow_bytes
    file_bytes: Count = Limits().file_bytes
    attachment_bytes: Count = Limits().attachment_bytes
    documents: Count = Limits().documents
    ratio: Count = Limits().ratio


#: What the XML of a Factur-X may hold, from little to much.
_FACTURX_PROFILES = ("minimum", "basic-wl", "basic", "en16931", "extended")
_IS_PROFILE = rf"^({'|'.join(_FACTURX_PROFILES)})$"


class _Trial(_Strict):
    shadow: Copies = Copies.TEST
    folder: Folder = Trial().folder
    suppliers: tuple[Siren, ...] = ()
    documents_a_day: Count | None = None
    clean_days: Count = Trial().clean_days

    def value(self) -> Trial:
        """Return it as the model's value."""
        return Trial(
            copies=self.shadow,
            folder=self.folder,
            suppliers=self.suppliers,
            documents_a_day=self.documents_a_day,
            clean_days=self.clean_days,
        )


class _Receiving(_Strict):
    """What only a receiver's sheet says: the form of what it gets, and how many in one file."""

    envelope: Envelope | None = None
    format: Form = Form.AS_RECEIVED
    facturx_profile: Annotated[str, Field(pattern=_IS_PROFILE)] | None = None
    original: Original | None = None
    loss: LossRule | None = None
    group: Grouping | None = None
    group_documents: Count = Carriage().documents
    group_bytes: Count = Carriage().bytes
    done: Suffix | None = None
    sums: Suffix | None = None
    filters: tuple[_Filter, ...] = ()
    pickup: _Pickup | None = None
    takes: str | None = None
    trial: _Trial = _Trial()

    @property
    def _with_original(self) -> Original:
        if self.original is not None:
            return self.original
        same = self.format is Form.AS_RECEIVED
        return Original.NONE if same else Original.BESIDE

    @property
    def _grouped(self) -> Grouping:
        if self.group is not None:
            return self.group
        return Grouping.FLOW if self.envelope is Envelope.TAR_GZ else Grouping.INVOICE

    @property
    def _is_several_files(self) -> bool:
        """Tell whether one delivery may be more than one file.

        A pivot holds all its invoices, and both it and a Factur-X the original.
        """
        if self.format is Form.PIVOT:
            return False
        beside = self._with_original is Original.BESIDE and self.format is not Form.FACTURX
        return beside or self._grouped is not Grouping.INVOICE

    @model_validator(mode="after")
    def _fits_together(self) -> _Receiving:
        if self.facturx_profile and self.format is not Form.FACTURX:
            raise ValueError("facturx_profile goes with format = 'factur-x'")
        if self.format is Form.AS_RECEIVED and self.original is Original.BESIDE:
            raise ValueError("original = 'beside' goes with a format of its own")
        if self.format is Form.PIVOT and self.original is Original.NONE:
            raise ValueError("a pivot always holds the document as received: leave out original")
        if self.format is Form.AS_RECEIVED and self.loss is not None:
            raise ValueError("loss goes with a format: what leaves as received loses nothing")
        if self.envelope is Envelope.SINGLE and self._is_several_files:
            raise ValueError(
                "several files leave in one archive: envelope = 'tar.gz', or original = 'none'"
                " and group = 'invoice'"
            )
        limits = {"group_documents", "group_bytes"} & self.model_fields_set
        if limits and self._grouped is Grouping.INVOICE:
            raise ValueError(f"{', '.join(sorted(limits))}: go with a group of several invoices")
        return self

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> _Receiving:
        if self.done and self.done == self.sums:
            raise ValueError("done and sums must differ")
        for suffix in (self.done or "", self.sums or ""):
            if suffix.lower().endswith((".part", ".tmp", ".filepart", ".xml", ".pdf", ".gz")):
                raise ValueError(f"{suffix}: files under temporary names or of invoices end so")
        return self

    def handover(self) -> Handover:
        """Return how files lie for the receiver as the model's value."""
        return Handover(
            done=self.done,
            sums=self.sums,
            filters=tuple(Filter(**one.model_dump()) for one in self.filters),
            pickup=self.pickup.value() if self.pickup else None,
        )

    def envelope_value(self) -> Envelope:
        """Return how files travel: as the sheet says, else as what it asks for needs."""
        if self.envelope is not None:
            return self.envelope
        return Envelope.TAR_GZ if self._is_several_files else Envelope.SINGLE

    def carriage(self) -> Carriage:
        """Return what the receiver asks for as the model's value."""
        original = self._with_original
        # what a pivot or a profile of Factur-X leaves out is known and wanted, and the
        # original says it; between the two syntaxes of the norm nothing should be lost
        known = self.format in {Form.PIVOT, Form.FACTURX} and original is Original.BESIDE
        profile = (self.facturx_profile or "en16931") if self.format is Form.FACTURX else ""
        return Carriage(
            form=self.format,
            facturx_profile=profile,
            original=original,
            loss=self.loss or (LossRule.ALLOW if known else LossRule.HOLD),
            # what leaves as received is grouped as its envelope says, unless the sheet does
            group=self.group if self.format is Form.AS_RECEIVED else self._grouped,
            documents=self.group_documents,
            bytes=self.group_bytes,
        )


#: Keys that say nothing in a sender's sheet; `envelope` was always let pass there.
_RECEIVERS_KEYS = frozenset(_Receiving.model_fields) - {"envelope"}


class _Agreement(_Strict):
    """What every sheet may say of the agreement behind it."""

    structure: Siret | None = None
    environment: SheetEnvironment = SheetEnvironment.PRODUCTION
    start_date: date | None = None
    end_date: date | None = None
    contact: Contact | None = None

    @field_validator("end_date")
    @classmethod
    def _ends_after_it_began(cls, end: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("start_date")
        if start and end and end <= start:
            raise ValueError(
                f"le jour de la fin ne suit pas start_date, {start}"
                f" / the day of the end does not come after start_date, {start}"
            )
        return end


class _ApiSheet(_Agreement):
    name: SheetName
    partner: str
    role: Literal["api"]
    access: Access = Access.OAUTH2
    certificate: Annotated[str, Field(min_length=1)] | None = None
    application_code: ApplicationCode | None = None
    interfaces: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _certificate_goes_with_its_access(self) -> _ApiSheet:
        if (self.access is Access.CERTIFICATE) != (self.certificate is not None):
            raise ValueError(
                "certificate: va avec / goes with access = 'certificate', and with that alone"
            )
        return self

    def value(self) -> ApiSheet:
        """Return the sheet as the model's value."""
        return ApiSheet(**self.model_dump(exclude={"role"}))


class _Sheet(_Receiving, _Agreement):
    name: SheetName
    partner: str
    role: Role
    door: _Door
    certificate: Annotated[str, Field(min_length=1)] | None = None
    next: _Next | None = None
    folders: _Folders = _Folders()
    application_code: ApplicationCode | None = None
    matricule: Matricule | None = None
    siren: Siren | None = None
    sellers: tuple[Siren, ...] | None = None
    naming: Naming = Naming.FREE
    interfaces: tuple[str, ...] = ()
    atomicity: Atomicity | None = None
    profile: str | None = None
    completeness: _Completeness = _Completeness()
    retry: _Retry | None = None
    limits: _Limits = _Limits()
    scanner: Scanning | None = None
    answers: tuple[AnswerFormat, ...] = ()
    answer_within_h: Positive | None = None
    manifest: ManifestRule = ManifestRule.OPTIONAL
    recapitulation: bool = False
    gap_after_h: Positive | None = None
    replies: tuple[ReplyForm, ...] = ()
    acknowledge_within_h: Positive | None = None
    statuses: _Statuses = _Statuses()
    schedule: _Schedule = _Schedule()
    retention: str = DEFAULT_CLASS
    private: bool = False

    @field_validator("private")
    @classmethod
    def _private_companies_receive(cls, private: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  # as pydantic calls it
        if private and (info.data.get("role") is Role.SENDER or not info.data.get("structure")):
            raise ValueError(
                "d'un récepteur, avec structure = son SIRET"
                " / of a receiver's sheet, with structure = its SIRET"
            )
        return private

    @model_validator(mode="after")
    def _grammar_needs_codes(self) -> _Sheet:
        if self.naming is Naming.GRAMMAR and not (self.application_code and self.interfaces):
            raise ValueError("naming = 'grammar' needs application_code and interfaces")
        if self.gap_after_h is not None and self.naming is not Naming.GRAMMAR:
            raise ValueError("gap_after_h needs naming = 'grammar': free names have no numbers")
        return self

    @model_validator(mode="after")
    def _what_takes_over_follows_something(self) -> _Sheet:
        after, door = self.next, self.door
        if after is None:
            return self
        if after.certificate and not self.certificate:
            raise ValueError("next.certificate: la fiche n'en a pas / the sheet has none now")
        if door.protocol is Protocol.LOCAL and (after.key or after.host_key):
            raise ValueError("next.key, next.host_key: of an SFTP account only")
        for what, new, old in (
            ("certificate", after.certificate, self.certificate),
            ("key", after.key, door.key),
            ("host_key", after.host_key.split()[:2], door.host_key.split()[:2]),
        ):
            if new and new == old:
                raise ValueError(f"next.{what}: c'est celui en vigueur / it is the one in use")
        return self

    @model_validator(mode="after")
    def _pivots_are_addressed(self) -> _Sheet:
        if self.format is Form.PIVOT and self.application_code is None:
            raise ValueError("format = 'pivot' needs application_code: the flow is named by it")
        return self

    @model_validator(mode="after")
    def _senders_get_no_invoices(self) -> _Sheet:
        said = _RECEIVERS_KEYS & self.model_fields_set
        if self.role is Role.SENDER and said:
            raise ValueError(f"{', '.join(sorted(said))}: of a receiver's sheet only")
        return self

    @model_validator(mode="after")
    def _folders_have_one_use(self) -> _Sheet:
        used = {PurePosixPath(one) for one in (self.folders.inbox, self.folders.archive)}
        for number, one in enumerate(self.filters):
            if PurePosixPath(one.folder) in used:
                raise ValueError(f"filters.{number}.folder: {one.folder} is inbox or archive")
        return self

    @model_validator(mode="after")
    def _others_take_away(self) -> _Sheet:
        if self.pickup and self.pickup.user and self.pickup.user == self.door.user:
            raise ValueError(
                "pickup.user: the hub itself reads back under that account; give the partner"
                " one of its own, or leave out log and user"
            )
        return self

    @model_validator(mode="after")
    def _is_named_one_way(self) -> _Sheet:
        if self.matricule and self.siren:
            raise ValueError("a platform has a matricule, any other sender a siren: not both")
        return self

    @model_validator(mode="after")
    def _only_a_sender_sends_for_sellers(self) -> _Sheet:
        if self.role is Role.RECEIVER and self.sellers is not None:
            raise ValueError("sellers: only a sender sends invoices")
        if self.sellers == ():
            raise ValueError("sellers: name one at least, or leave the line out for any seller")
        return self

    @model_validator(mode="after")
    def _only_a_receiver_replies(self) -> _Sheet:
        if self.role is Role.SENDER and "acknowledge_within_h" in self.model_fields_set:
            raise ValueError("acknowledge_within_h: of a receiver's sheet only")
        if self.role is Role.SENDER and self.replies and self.naming is not Naming.FREE:
            raise ValueError("replies: of a sender with free names only; others have interfaces")
        if self.role is Role.RECEIVER and self.interfaces and self.naming is Naming.FREE:
            raise ValueError("interfaces need naming = 'grammar': flows are named after them")
        if self.acknowledge_within_h is not None and not (self.interfaces or self.replies):
            raise ValueError("acknowledge_within_h: say in interfaces or replies how it answers")
        return self

    @model_validator(mode="after")
    def _somebody_looks_for_malware(self) -> _Sheet:
        drops = self.role is Role.SENDER or self.interfaces or self.replies
        if drops and self.scanner is None:
            raise ValueError(
                "scanner: say who looks for malware: 'clamd', or 'none' if nobody does"
            )
        return self

    def value(self) -> Connection:
        """Return the sheet as the model's value."""
        wait = self.completeness
        waits = self.retry.waits_s if self.retry else None
        return Connection(
            name=self.name,
            partner=self.partner,
            role=self.role,
            door=self.door.value(),
            certificate=self.certificate,
            next=Successors(**self.next.model_dump()) if self.next else None,
            inbox=self.folders.inbox,
            archive=self.folders.archive,
            out=self.folders.out,
            application_code=self.application_code,
            matricule=self.matricule,
            siren=self.siren,
            sellers=self.sellers,
            naming=self.naming,
            interfaces=self.interfaces,
            atomicity=self.atomicity,
            profile=self.profile,
            takes=self.takes,
            envelope=self.envelope_value(),
            carriage=self.carriage(),
            handover=self.handover(),
            completeness=Completeness(
                marker=wait.marker,
                stable_for=timedelta(seconds=wait.stable_s),
                partial_wait=timedelta(seconds=wait.partial_wait_s),
            ),
            retry=RetryPolicy(tuple(timedelta(seconds=s) for s in waits))
            if waits
            else RetryPolicy(),
            limits=Limits(**self.limits.model_dump()),
            scanner=self.scanner or Scanning.NONE,
            answers=self.answers,
            answer_within=_hours(self.answer_within_h),
            manifest=self.manifest,
            recapitulation=self.recapitulation,
            gap_after=_hours(self.gap_after_h),
            replies=self.replies,
            acknowledge_within=_hours(self.acknowledge_within_h),
            statuses=self.statuses.value(),
            schedule=self.schedule.value(),
            retention=self.retention,
            structure=self.structure,
            environment=self.environment,
            start_date=self.start_date,
            end_date=self.end_date,
            contact=self.contact,
            private=self.private,
            trial=self.trial.value(),
        )


def _hours(given: float | None) -> timedelta | None:
    return None if given is None else timedelta(hours=given)


class _Route(_Strict):
    connection: str
    buyer_siret: Siret | None = None
    buyer_siren: Annotated[str, Field(pattern=r"^[0-9]{9}$")] | None = None
    buyer_service: str | None = None
    sender: str | None = None
    type_codes: tuple[str, ...] = ()


class _Routes(_Strict):
    route: tuple[_Route, ...] = ()


InterfaceCode = Annotated[str, Field(pattern=r"^[A-Z]{3}[0-9]{4}[A-Z]$")]


class _Interface(_Strict):
    title: str
    source: str
    carries: Carries = Carries.INVOICES
    direction: Direction = Direction.IN
    form: str = ""
    sent_by: str = ""
    statuses: tuple[str, ...] = ()
    brings: tuple[InterfaceCode, ...] = ()
    unserved: str = ""
    syntaxes: tuple[Syntax, ...] = ()
    refused_by: InterfaceCode | Literal[""] = ""
    taken_by: InterfaceCode | Literal[""] = ""
    atomicity: Atomicity = Atomicity.FLOW
    profile: str = ""
    answers: AnswerFamily = AnswerFamily.HISTORICAL

    @model_validator(mode="after")
    def _says_what_it_needs(self) -> _Interface:
        deposit = self.carries is Carries.INVOICES and self.direction is Direction.IN
        if deposit and not self.unserved and not (self.syntaxes and self.profile):
            raise ValueError("a deposit that is served needs syntaxes and profile")
        return self

    def value(self, code: str) -> Interface:
        """Return the row as the model's value."""
        syntaxes = tuple(syntax.value for syntax in self.syntaxes)
        return Interface(code=code, **{**self.model_dump(), "syntaxes": syntaxes})


class _Interfaces(_Strict):
    interface: dict[InterfaceCode, _Interface]

    @model_validator(mode="after")
    def _names_codes_that_are_there(self) -> _Interfaces:
        for code, row in self.interface.items():
            for named in row.brings:
                if named not in self.interface:
                    raise ValueError(f"interface.{code}.brings: {named!r} inconnu / unknown")
        return self


class _Reasons(_Strict):
    flow: dict[str, str] = {}
    invoice: dict[str, str] = {}

    @model_validator(mode="after")
    def _are_published(self) -> _Reasons:
        self.value()
        return self

    def value(self) -> ReasonCodes:
        """Return the table as the model's value."""
        return ReasonCodes(self.flow, self.invoice)


class _Profile(_Strict):
    packs: dict[str, tuple[str, ...]]
    further: dict[str, tuple[str, ...]] = {}
    claims: bool = False
    rules: tuple[str, ...] = ()
    attachments: str | None = None
    schemas: dict[Syntax, tuple[str, ...]] = {}
    weigh_all: Severity | None = None
    reweighed: dict[str, Severity] = {}


class _Version(_Strict):
    """What changes in a profile, and from which day on; what is not named stays."""

    profile: str
    valid_from: date
    packs: dict[str, tuple[str, ...]] | None = None
    further: dict[str, tuple[str, ...]] | None = None
    claims: bool | None = None
    rules: tuple[str, ...] | None = None
    attachments: str | None = None
    schemas: dict[Syntax, tuple[str, ...]] | None = None
    weigh_all: Severity | None = None
    reweighed: dict[str, Severity] | None = None

    def applied(self, before: _Profile) -> _Profile:
        """Return the version before this one with what changes."""
        return _changed(before, self)


def _changed(before: M, version: BaseModel) -> M:
    """Return a version with what the next one gives; what that leaves out stays."""
    changes = {name: value for name, value in version if name in type(before).model_fields}
    given = {name: value for name, value in changes.items() if value is not None}
    return before.model_copy(update=given)


class _TakenAttachments(_Strict):
    extensions: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]+$")], ...] = ()
    file_bytes: Count | None = None
    total_bytes: Count | None = None
    files: Annotated[int, Field(ge=0)] | None = None

    def value(self) -> TakenAttachments:
        """Return the table as the model's value."""
        return TakenAttachments(
            extensions=frozenset(self.extensions),
            file_bytes=self.file_bytes,
            total_bytes=self.total_bytes,
            files=self.files,
        )


class _Takes(_Strict):
    syntaxes: tuple[Syntax, ...] = ()
    types: tuple[TypeCode, ...] = ()
    frames: tuple[Frame, ...] = ()
    currencies: tuple[Currency, ...] = ()
    needs: tuple[Need, ...] = ()
    attachments: _TakenAttachments | None = None
    schemas: dict[Syntax, tuple[str, ...]] = {}

    def value(self, name: str, valid_from: date | None = None) -> Takes:
        """Return the table as the model's value."""
        return Takes(
            name=name,
            syntaxes=tuple(one.value for one in self.syntaxes),
            types=self.types,
            frames=self.frames,
            currencies=self.currencies,
            needs=self.needs,
            attachments=self.attachments.value() if self.attachments else None,
            schemas={syntax.value: names for syntax, names in self.schemas.items()},
            valid_from=valid_from,
        )


class _TakesVersion(_Strict):
    """What changes in what a receiver takes, and from which day on; what is not named stays."""

    takes: str
    valid_from: date
    syntaxes: tuple[Syntax, ...] | None = None
    types: tuple[TypeCode, ...] | None = None
    frames: tuple[Frame, ...] | None = None
    currencies: tuple[Currency, ...] | None = None
    needs: tuple[Need, ...] | None = None
    attachments: _TakenAttachments | None = None
    schemas: dict[Syntax, tuple[str, ...]] | None = None


class _Claim(_Strict):
    urn: str
    syntaxes: Annotated[tuple[Syntax, ...], Field(min_length=1)]
    schema_: Annotated[str | None, Field(alias="schema")] = None
    packs: tuple[str, ...] = ()
    base: Base = Base.BINDS

    def value(self) -> Claim:
        """Return the row as the model's value."""
        return Claim(
            urn=self.urn,
            syntaxes=tuple(syntax.value for syntax in self.syntaxes),
            schema=self.schema_,
            packs=self.packs,
            base=self.base,
        )


class _AttachmentRules(_Strict):
    extensions: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]+$")], ...] = ()
    forbidden: str = ""


def _refuse_disorder(
    table: str, key: str, rows: Sequence[tuple[str, date]], known: Collection[str]
) -> None:
    """Refuse versions of what does not exist, and two that begin on one day."""
    for place, (name, valid_from) in enumerate(rows):
        if name not in known:
            raise ValueError(f"{table}.{place}.{key}: {name!r} inconnu / unknown")
        if (name, valid_from) in rows[:place]:
            day = f"{name} {valid_from}"
            raise ValueError(f"{table}.{place}.valid_from: {day} deux fois / twice")


class _Profiles(_Strict):
    profiles: dict[str, _Profile]
    versions: tuple[_Version, ...] = ()
    takes: dict[str, _Takes] = {}
    takes_versions: tuple[_TakesVersion, ...] = ()
    claims: tuple[_Claim, ...] = ()
    attachments: dict[str, _AttachmentRules] = {}

    @model_validator(mode="after")
    def _each_name_is_known(self) -> _Profiles:
        for where, row in self.rows():
            if row.attachments is not None and row.attachments not in self.attachments:
                raise ValueError(f"{where}.attachments: {row.attachments!r} inconnu")
        claimed = [(row.urn, syntax) for row in self.claims for syntax in row.syntaxes]
        twice = next((each for each in claimed if claimed.count(each) > 1), None)
        if twice is not None:
            raise ValueError(f"claims: {twice[0]} deux fois / twice ({twice[1].value})")
        return self

    @model_validator(mode="after")
    def _versions_follow_one_another(self) -> _Profiles:
        own = [(row.profile, row.valid_from) for row in self.versions]
        taken = [(row.takes, row.valid_from) for row in self.takes_versions]
        _refuse_disorder("versions", "profile", own, self.profiles)
        _refuse_disorder("takes_versions", "takes", taken, self.takes)
        return self

    def rows(self) -> Iterator[tuple[str, _Profile | _Version]]:
        """Yield everything that names rules, with its path."""
        yield from ((f"profiles.{name}", row) for name, row in self.profiles.items())
        yield from ((f"versions.{place}", row) for place, row in enumerate(self.versions))

    def check_rules(self, known: Mapping[str, Collection[str]]) -> None:
        """Refuse sets of rules, and rules of our own, that are not there.

        Raises:
            ValueError: One is not; the message names its path.
        """
        ours = {rule for rules in known.values() for rule in rules}
        begin = tuple({rule.rstrip("0123456789") for rule in ours})
        for where, row in self.rows():
            for name in row.rules or ():
                if name not in known:
                    listed = ", ".join(sorted(known))
                    raise ValueError(f"{where}.rules: {name!r} inconnu / unknown ({listed})")
            for rule in row.reweighed or {}:
                if begin and rule.startswith(begin) and rule not in ours:
                    raise ValueError(f"{where}.reweighed: {rule!r} inconnu / unknown")

    def value(self, name: str) -> Profile:
        """Return one profile as the model's value, with its later versions."""
        row, later = self.profiles[name], []
        changes = (each for each in self.versions if each.profile == name)
        for change in sorted(changes, key=lambda each: each.valid_from):
            row = change.applied(row)
            later.append(replace(self._made(name, row), valid_from=change.valid_from))
        return replace(self._made(name, self.profiles[name]), later=tuple(later))

    def taken(self, name: str) -> Takes:
        """Return what one kind of receiver takes as the model's value, with later versions."""
        row, later = self.takes[name], list[Takes]()
        changes = (each for each in self.takes_versions if each.takes == name)
        for change in sorted(changes, key=lambda each: each.valid_from):
            row = _changed(row, change)
            later.append(row.value(name, change.valid_from))
        return replace(self.takes[name].value(name), later=tuple(later))

    def _made(self, name: str, row: _Profile) -> Profile:
        rules = self.attachments[row.attachments] if row.attachments is not None else None
        return Profile(
            name=name,
            packs=row.packs,
            further=row.further,
            claims=tuple(each.value() for each in self.claims) if row.claims else (),
            rules=row.rules,
            attachments=AttachmentRules(
                extensions=frozenset(rules.extensions), forbidden=rules.forbidden
            )
            if rules
            else None,
            schemas={syntax.value: names for syntax, names in row.schemas.items()},
            weigh_all=row.weigh_all,
            reweighed=row.reweighed,
        )


class _RetentionClass(_Strict):
    keep: str
    counted_from: CountedFrom
    source: Annotated[str, Field(min_length=1)]

    @field_validator("keep")
    @classmethod
    def _is_a_period(cls, keep: str) -> str:
        Period.read(keep)
        return keep

    def value(self, name: str) -> RetentionClass:
        """Return the row as the model's value."""
        return RetentionClass(
            name=name,
            keep=Period.read(self.keep),
            counted_from=self.counted_from,
            source=self.source,
        )


class _Retention(_Strict):
    classes: Annotated[dict[str, _RetentionClass], Field(alias="class")]

    @model_validator(mode="after")
    def _has_the_default(self) -> _Retention:
        if DEFAULT_CLASS not in self.classes:
            raise ValueError(f"class.{DEFAULT_CLASS} is needed: sheets that name none are of it")
        return self


class _Archive(_Strict):
    encryption: Encryption = ArchiveSettings().encryption
    master_key: _Secret | None = None
    previous_master_key: _Secret | None = None

    def value(self) -> ArchiveSettings:
        """Return the table as the model's value."""
        master, previous = self.master_key, self.previous_master_key
        return ArchiveSettings(
            encryption=self.encryption,
            master_key=master.value() if master else ArchiveSettings().master_key,
            previous_master_key=previous.value() if previous else None,
        )


class _Seal(_Strict):
    folder: Annotated[str, Field(min_length=1)] = SealSettings().folder
    key: _Secret | None = None
    trusted: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")], ...] = ()

    def value(self) -> SealSettings:
        """Return the table as the model's value."""
        key = self.key.value() if self.key else SealSettings().key
        return SealSettings(folder=self.folder, key=key, trusted=self.trusted)


class _Mail(_Strict):
    host: str = ""
    port: Annotated[int, Field(gt=0, lt=65536)] = MailSettings().port
    security: MailSecurity = MailSettings().security
    sender: Contact | None = None
    operators: tuple[Contact, ...] = ()
    user: str = ""
    password: _Secret | None = None
    timeout_s: Positive = MailSettings().timeout_s

    @model_validator(mode="after")
    def _says_what_writing_needs(self) -> _Mail:
        if self.host and not self.sender:
            raise ValueError("host va avec / goes with sender")
        if bool(self.user) != bool(self.password):
            raise ValueError("user va avec / goes with password")
        if self.user and self.security is MailSecurity.NONE:
            raise ValueError(
                "security = 'none': le mot de passe passerait en clair / the password would"
                " travel in clear"
            )
        return self

    def value(self) -> MailSettings:
        """Return the table as the model's value."""
        plain = self.model_dump(exclude={"sender", "password"})
        password = self.password.value() if self.password else None
        return MailSettings(**plain, sender=self.sender or "", password=password)


class _Mandate(_Strict):
    contractor: Siret
    mandataire: Siret
    contract: str = ""


class _Works(_Strict):
    recipient: Siret
    moe: Siret | None = None
    moa: Siret | None = None
    contract: str = ""

    @model_validator(mode="after")
    def _names_somebody(self) -> _Works:
        if self.moe is None and self.moa is None:
            raise ValueError("moe ou / or moa")
        return self


Days = Annotated[int, Field(ge=1, le=365)]


class _Validation(_Strict):
    subcontract_days: Days = ValidationTerms().subcontract_days
    cocontract_days: Days = ValidationTerms().cocontract_days
    works_days: Days = ValidationTerms().works_days
    remind_days: Annotated[tuple[Days, ...], Field(max_length=10)] = ValidationTerms().remind_days
    workdays: bool = False
    mandate: tuple[_Mandate, ...] = ()
    works: tuple[_Works, ...] = ()

    def value(self) -> ValidationTerms:
        """Return the table as the model's value."""
        plain = self.model_dump(exclude={"mandate", "works", "remind_days"})
        return ValidationTerms(
            **plain,
            remind_days=tuple(sorted(set(self.remind_days), reverse=True)),
            mandates=tuple(Mandate(**one.model_dump()) for one in self.mandate),
            works=tuple(
                Works(
                    recipient=one.recipient,
                    moe=one.moe or "",
                    moa=one.moa or "",
                    contract=one.contract,
                )
                for one in self.works
            ),
        )


class _Settings(_Strict):
    hub_code: ApplicationCode = Settings().hub_code
    matricule: Matricule = Settings().matricule
    default_profile: str = Settings().default_profile
    held_for_h: Positive = Settings().held_for.total_seconds() / 3600
    lease_s: Positive = Settings().lease.total_seconds()
    workers: Annotated[int, Field(ge=0)] = 0
    time_limit_s: Positive = Settings().time_limit_s
    memory_limit_mb: Annotated[int, Field(ge=300)] = Settings().memory_limit_mb
    print_limit_s: Positive = Settings().print_limit_s
    every_s: Positive = Settings().every.total_seconds()
    reconcile_s: Positive = Settings().reconcile_every.total_seconds()
    clamd: str = Settings().clamd
    keep_logs_days: Annotated[int, Field(ge=1, le=36_500)] = Settings().keep_logs_days
    check_suppliers: bool = Settings().check_suppliers
    approval: Approval = Settings().approval
    api_certificates_until: date | None = None
    archive: _Archive = _Archive()
    seal: _Seal = _Seal()
    mail: _Mail = _Mail()
    validation: _Validation = _Validation()


def read_sheet(text: str, where: str = "sheet") -> Connection:
    """Read one connection sheet from its TOML text.

    Raises:
        ConfigError: It cannot be used; the message names key and fault.
    """
    return _parse(text, where, _Sheet).value()


def read_connections(folder: Path) -> dict[str, Connection]:
    """Read every sheet of ``config/connections`` that has a door, by name.

    Raises:
        ConfigError: A sheet cannot be used; the message names file, key and fault.
    """
    return dict(read_sheets(folder).connections)


def read_sheets(folder: Path) -> Offered:
    """Read every sheet of ``config/connections``, those of the API among them.

    Raises:
        ConfigError: A sheet cannot be used; the message names file, key and fault.
    """
    read = offered_connections(folder)
    faults = [*(fault for told in read.faults.values() for fault in told), *read.strays]
    if faults:
        raise ConfigError("\n".join(faults))
    return read


def offered_connections(folder: Path) -> Offered:
    """Read what can be read of ``config/connections``, and what is wrong with the rest.

    A faulty file is told of under the name that stands in it. Where it is no TOML, or has none
    that can be one, nobody can tell whose sheet it is.
    """
    found: dict[str, Connection | ApiSheet] = {}
    faults: dict[str, tuple[str, ...]] = {}
    strays: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        name, role = _said_in(path)
        try:
            sheet = _read_one(path, is_api=role == "api")
        except ConfigError as error:
            told = str(error).splitlines()
            if name is None:
                strays += told
            else:
                faults[name] = (*faults.get(name, ()), *told)
            continue
        if sheet.name in found:
            twice = f"{path}: name: « {sheet.name} » existe déjà / is taken already"
            faults[sheet.name] = (*faults.get(sheet.name, ()), twice)
        else:
            found[sheet.name] = sheet
    return Offered(
        connections={k: v for k, v in found.items() if isinstance(v, Connection)},
        apis={k: v for k, v in found.items() if isinstance(v, ApiSheet)},
        faults=faults,
        strays=tuple(strays),
    )


def _read_one(path: Path, *, is_api: bool) -> Connection | ApiSheet:
    return _read(path, _ApiSheet).value() if is_api else _read(path, _Sheet).value()


def _said_in(path: Path) -> tuple[str | None, object]:
    """Return the name that a file gives its sheet, faulty or not, and the role."""
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None, None
    named = read.get("name")
    is_name = isinstance(named, str) and fullmatch(_SHEET_NAME, named)
    return (named if is_name else None), read.get("role")


def read_routes(path: Path) -> tuple[Route, ...]:
    """Read ``config/directory/routes.toml``; a missing file has none.

    Raises:
        ConfigError: It cannot be used; the message names file, key and fault.
    """
    listed = _read(path, _Routes).route if path.exists() else ()
    return tuple(Route(**route.model_dump()) for route in listed)


def read_interfaces(path: Path) -> dict[str, Interface]:
    """Read the interface table, by code."""
    table = _read(path, _Interfaces).interface
    return {code: row.value(code) for code, row in table.items()}


def read_reasons(path: Path) -> ReasonCodes:
    """Read which published code stands for one of the control table."""
    return _read(path, _Reasons).value()


def read_profiles(
    path: Path, rules: Mapping[str, Collection[str]] | None = None
) -> dict[str, Profile]:
    """Read the validation profiles, by name.

    Args:
        path: Of the table.
        rules: The sets of rules of our own, with the identifiers of each; None where no rule is
            going to be run, so that their names do not matter.

    Raises:
        ConfigError: It cannot be used; the message names file, key and fault.
    """
    table = _read(path, _Profiles)
    if rules is not None:
        try:
            table.check_rules(rules)
        except ValueError as error:
            raise ConfigError(f"{path}: {error}") from error
    return {name: table.value(name) for name in table.profiles}


def read_takes(path: Path) -> dict[str, Takes]:
    """Read what receivers may take (``[takes]`` of the profiles), by name.

    Raises:
        ConfigError: It cannot be used; the message names file, key and fault.
    """
    table = _read(path, _Profiles)
    return {name: table.taken(name) for name in table.takes}


def read_retention(path: Path) -> dict[str, RetentionClass]:
    """Read the retention classes, by name."""
    table = _read(path, _Retention).classes
    return {name: row.value(name) for name, row in table.items()}


def read_settings(path: Path) -> Settings:
    """Read ``config/pipeline.toml``; a missing file gives the defaults."""
    given = _read(path, _Settings) if path.exists() else _Settings()
    return Settings(
        hub_code=given.hub_code,
        matricule=given.matricule,
        default_profile=given.default_profile,
        held_for=timedelta(hours=given.held_for_h),
        lease=timedelta(seconds=given.lease_s),
        workers=given.workers,
        time_limit_s=given.time_limit_s,
        memory_limit_mb=given.memory_limit_mb,
        print_limit_s=given.print_limit_s,
        every=timedelta(seconds=given.every_s),
        reconcile_every=timedelta(seconds=given.reconcile_s),
        clamd=given.clamd,
        keep_logs_days=given.keep_logs_days,
        check_suppliers=given.check_suppliers,
        approval=given.approval,
        api_certificates_until=given.api_certificates_until,
        archive=given.archive.value(),
        seal=given.seal.value(),
        mail=given.mail.value(),
        validation=given.validation.value(),
    )


def _read(path: Path, model: type[M]) -> M:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {path_told(error)}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    return _parse(text, str(path), model)


def _parse(text: str, where: str, model: type[M]) -> M:
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: {error}") from error
    except ValidationError as error:
        raise ConfigError(_explain(where, error)) from error


def _explain(where: str, error: ValidationError) -> str:
    """Say each fault on a line of its own: file, key path, what is wrong, value found."""
    return "\n".join(
        f"{where}: {'.'.join(str(part) for part in fault['loc']) or '(sheet)'}: {in_words(fault)}"
        f" (trouvé / found: {fault['input']!r:.80})"
        for fault in error.errors()
    )
