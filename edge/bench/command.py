"""`emotion-edge bench`: from the command line's options to what is printed and written."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys

from edge.bench.bench import Plan, measure
from edge.bench.chart import save_chart
from edge.bench.competitor import DEFAULT_PYTHON
from edge.bench.report import text
from edge.config import Config
from edge.system.thread_count import inference_threads


def bench(args: argparse.Namespace, config: Config) -> int:
    """Run the command; return its exit code. Raises EdgeError."""
    plan = Plan(
        path=args.path,
        faces=args.faces,
        frames=args.frames,
        rounds=args.rounds,
        threads=args.threads or tuple(dict.fromkeys((1, inference_threads()))),
        compare=(args.compare_python or DEFAULT_PYTHON) if args.compare else None,
        with_device=not args.no_device,
    )
    found = measure(config, plan, _tell).to_dict()
    sys.stdout.write((json.dumps(found, indent=2) if args.json else text(found)) + "\n")
    if args.chart is not None:
        save_chart(found, args.chart)
    return 0


def _tell(step: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"bench: {step}\n")
