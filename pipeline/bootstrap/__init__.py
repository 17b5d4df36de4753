"""Wires stages, use cases and adapters into a running application: the only place that may.

It also holds the entry function of the worker processes, so that no adapter needs to
know a stage. Adapters are imported where they are used: a worker loads no database, and
a cold ``edi`` starts fast.
"""

from __future__ import annotations

from pipeline.bootstrap.beginning import initialise
from pipeline.bootstrap.engines import checking, confinement, make_engine, worker_settings
from pipeline.bootstrap.hub import open_hub
from pipeline.bootstrap.keeping import (
    archive,
    custody,
    new_master_key,
    reading,
    seals,
    trusted_by,
    vault,
)
from pipeline.bootstrap.outside import credentials, doors, mail, scanners
from pipeline.bootstrap.places import (
    Workspace,
    arm_failpoints,
    profiles,
    settings,
    shelf,
    workspace,
)
from pipeline.bootstrap.proposing import (
    check_directory_update,
    directory_update,
    offered,
    proposed_change,
    proposed_sheets,
    read_sheet,
)
from pipeline.bootstrap.registering import register
from pipeline.bootstrap.running import (
    acting_as,
    alone,
    beside,
    is_running,
    log_reader,
    new_run,
    now,
    operator,
    sweep,
)
from pipeline.bootstrap.showing import (
    embedded_server,
    generate_key,
    job_writer,
    malware_test_file,
    measured_saxonc,
    measured_worker,
    openssh_server,
    own_authority,
    plain_get,
    sample_flow,
    samples,
)
from pipeline.bootstrap.workers import (
    WorkerSettings,
    confine_worker,
    document_judge,
    judge_worker,
    message_judge,
    message_worker,
)
from pipeline.bootstrap.writing import (
    answer_means,
    cdar_writer,
    converter,
    export_rows,
    printer,
    report_csv,
    report_tables,
    report_workbook,
    status_bytes,
    write_metrics,
)

__all__ = [
    "WorkerSettings",
    "Workspace",
    "acting_as",
    "alone",
    "answer_means",
    "archive",
    "arm_failpoints",
    "beside",
    "cdar_writer",
    "check_directory_update",
    "checking",
    "confine_worker",
    "confinement",
    "converter",
    "credentials",
    "custody",
    "directory_update",
    "document_judge",
    "doors",
    "embedded_server",
    "export_rows",
    "generate_key",
    "initialise",
    "is_running",
    "job_writer",
    "judge_worker",
    "log_reader",
    "mail",
    "make_engine",
    "malware_test_file",
    "measured_saxonc",
    "measured_worker",
    "message_judge",
    "message_worker",
    "new_master_key",
    "new_run",
    "now",
    "offered",
    "open_hub",
    "openssh_server",
    "operator",
    "own_authority",
    "plain_get",
    "printer",
    "profiles",
    "proposed_change",
    "proposed_sheets",
    "read_sheet",
    "reading",
    "register",
    "report_csv",
    "report_tables",
    "report_workbook",
    "sample_flow",
    "samples",
    "scanners",
    "seals",
    "settings",
    "shelf",
    "status_bytes",
    "sweep",
    "trusted_by",
    "vault",
    "worker_settings",
    "workspace",
    "write_metrics",
]
