"""Metrics as a text file that node_exporter's textfile collector reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.model.gauge import Gauge

_GROWING = "_total"


class _Gauges(Collector):
    """Hands a registry what was measured."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its values."""
        for one in self._gauges:
            growing = one.name.endswith(_GROWING)
            made = CounterMetricFamily if growing else GaugeMetricFamily
            family = made(one.name, one.help, labels=one.labels)
            for labels, value in sorted(one.values.items()):
                family.add_metric(labels, value)
            yield family


def write_metrics(gauges: Sequence[Gauge], path: Path) -> None:
    """Write metrics to `path`, whole or not at all; its folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    registry = CollectorRegistry()
    registry.register(_Gauges(gauges))
    write_to_textfile(str(path), registry)
