"""``make bench``: every benchmark, one after another. One alone: ``python -m benchmarks.NAME``."""

import importlib
import subprocess
import sys

BENCHMARKS = {
    "graph": (),
    "scoring": ("--lm-eval",),
    "scale": (),
    "identity": (),
    "direction": (),
    "curate": (),
    "serve": (),
    "assembly": (),
    "assembly_dashboards": (),
    "assembly_weight": (),
}
"""Module -> arguments."""


def main() -> None:
    """Each in a process of its own, so that one's memory and threads do not weigh on the next."""
    for name, arguments in BENCHMARKS.items():
        summary = (importlib.import_module(f"benchmarks.{name}").__doc__ or "").splitlines()[0]
        print(f"\n== {name}: {summary}\n", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=True)


if __name__ == "__main__":
    main()
