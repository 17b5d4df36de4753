"""Builds the wheel: all else stands in setup.cfg.

The folders that stand beside the package in a clone travel inside it in a wheel, under
``pipeline/_data``, where `pipeline.adapters.resources` finds them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

DATA = ("config", "samples", "schemas")


class BuildWithData(build_py):
    """Copies the data folders into a wheel; an editable install uses those of the clone."""

    def run(self) -> None:
        """Build the package, then put its data in."""
        super().run()
        if self.editable_mode:
            return
        for name in DATA:
            target = Path(self.build_lib) / "pipeline" / "_data" / name
            ignored = shutil.ignore_patterns("__pycache__", "*.py")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(name, target, ignore=ignored)


setup(cmdclass={"build_py": BuildWithData})
