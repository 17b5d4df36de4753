"""Figures for a monitor, in the form that node_exporter reads."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from pipeline.adapters.metrics import write_metrics
from pipeline.model.gauge import Gauge

GAUGES = (
    Gauge("edi_single", "One value.", (), {(): 1.5}),
    Gauge("edi_rows", "By state.", ("state",), {("sent",): 2.0, ("pending",): 0.0}),
    Gauge("edi_taken_total", "It only grows.", (), {(): 3.0}),
    Gauge("edi_named", "Whatever a partner is called.", ("partner",), {('a"b\\c\nd',): 1.0}),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Names, kinds, labels and values; the folder is made."""
    path = tmp_path / "metrics" / "edi.prom"

    write_metrics(GAUGES, path)

    families = {
        one.name: one for one in text_string_to_metric_families(path.read_text(encoding="utf-8"))
    }
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for one in families.values()
        for sample in one.samples
    }
    assert found == {
        ("edi_single",): 1.5,
        ("edi_rows", "sent"): 2.0,
        ("edi_rows", "pending"): 0.0,
        ("edi_taken_total",): 3.0,
        ("edi_named", 'a"b\\c\nd'): 1.0,
    }
    assert (families["edi_taken"].type, families["edi_rows"].type) == ("counter", "gauge")


def test_the_file_of_before_is_replaced_whole(tmp_path: Path) -> None:
    """A collector that reads at that moment sees the one or the other."""
    path = tmp_path / "edi.prom"
    write_metrics(GAUGES, path)
    write_metrics(GAUGES[:1], path)

    assert "edi_rows" not in path.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == ["edi.prom"]
