"""Fuzzes every reader of foreign bytes, guided by what they run (`make fuzz`).

``python fuzz.py --seconds 60`` takes each target of `targets.py` in turn, in a process of
its own, starting from its seeds and from what earlier runs found worth keeping under
``build/fuzz``. Ends with 1 where one of them raised, hung or grew; the input is kept there,
and belongs among the seeds once its fault is mended. ``python fuzz.py --target NAME`` is one
of these processes; what follows goes to libFuzzer.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEPT = ROOT / "build" / "fuzz"
#: What one input may take: seconds, and megabytes of the whole process.
MOST_S, MOST_MB = 10, 1500


def fuzz(target: str, arguments: list[str]) -> None:
    """Run one target until it is told to stop, or something is found; never returns."""
    import atheris

    sys.path[:0] = [str(HERE), str(ROOT)]
    with atheris.instrument_imports(include=["pipeline", "targets"]):
        targets = import_module("targets")
    atheris.Setup([sys.argv[0], *arguments], targets.TARGETS[target][0])
    atheris.Fuzz()


def run(target: str, seeds: str, seconds: int) -> bool:
    """Run one target in a process of its own; tell whether nothing was found."""
    corpus = KEPT / target
    corpus.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, __file__, "--target", target),
        f"-max_total_time={seconds}",
        f"-timeout={MOST_S}",
        f"-rss_limit_mb={MOST_MB}",
        "-max_len=20000",
        "-print_final_stats=1",
        f"-artifact_prefix={KEPT}/{target}-",
        *(str(corpus), str(HERE / "seeds" / seeds)),
    ]
    ran = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    lines = ran.stderr.splitlines()
    runs = next((line.split()[-1] for line in lines if "number_of_executed_units" in line), "?")
    covered = next((line for line in reversed(lines) if " cov: " in line), "")
    size = covered.partition(" cov: ")[2].partition(" ")[0] or "?"
    verdict = "nothing found" if ran.returncode == 0 else "FOUND, the input is kept"
    sys.stdout.write(f"{target}: {runs} inputs in {seconds} s, {size} edges: {verdict}\n")
    sys.stdout.flush()
    if ran.returncode != 0:
        sys.stdout.write("\n".join(lines[-40:]) + "\n")
    return ran.returncode == 0


def main(arguments: list[str]) -> int:
    """Run as the docstring of this file says; return the exit code."""
    if arguments[:1] == ["--target"]:
        fuzz(arguments[1], arguments[2:])
    sys.path[:0] = [str(HERE), str(ROOT)]
    seconds = int(arguments[arguments.index("--seconds") + 1]) if "--seconds" in arguments else 60
    chosen = [one for one in arguments if one in import_module("targets").TARGETS]
    targets = import_module("targets").TARGETS
    found = [
        name
        for name, (_, seeds) in targets.items()
        if (not chosen or name in chosen) and not run(name, seeds, seconds)
    ]
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
