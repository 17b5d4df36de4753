"""Writes a report as the object that ``edi validate --format json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.model.finding import Finding
from pipeline.model.report import Judged, PackRun


def report_object(path: str, document: str | None, judged: Judged) -> Mapping[str, Any]:
    """Return what was found in one document, JSON values only.

    Args:
        path: Where it was read from, as the user named it.
        document: Its name inside that file, or None where the file is the document.
        judged: What was found.

    Returns:
        Keys in a fixed order: path, document, syntax, outcome, partial,
        layers, packs, findings.
    """
    report = judged.report
    return {
        "path": path,
        "document": document,
        "syntax": report.syntax.value if report.syntax else None,
        "outcome": report.outcome.value,
        "partial": report.partial,
        "layers": [
            {"layer": result.layer.value, "outcome": result.outcome.value}
            for result in report.layers
        ],
        "packs": [_pack(run) for run in report.packs],
        "findings": [_finding(finding) for finding in report.findings],
    }


def _pack(run: PackRun) -> Mapping[str, Any]:
    return {"name": run.name, "version": run.version, "sha256": run.sha256, "rules": run.rules}


def _finding(finding: Finding) -> Mapping[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "term": finding.term,
        "xpath": finding.xpath,
        "line": finding.line,
        "value": finding.value,
        "message": {"fr": finding.message["fr"], "en": finding.message["en"]},
    }
