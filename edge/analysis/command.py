"""`emotion-edge analyze`: from the command line's options to what is printed and written."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from edge.analysis.analyzer import Analyzer
from edge.analysis.annotation import annotated
from edge.analysis.parallel import Readers, ReadFile
from edge.analysis.plan import Job, Plan, plan
from edge.analysis.results import require_distinct_names
from edge.analysis.summary import SummaryTable
from edge.analysis.tables import CsvTable, JsonTable, Record, Table
from edge.config import Config
from edge.errors import EdgeError, MediaError
from edge.models import load_labels, load_vision
from edge.process.progress import Progress
from edge.system.thread_count import inference_threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is done with each file."""

    every: int
    annotate: Path | None


def analyze(args: argparse.Namespace, config: Config) -> int:
    """Run the command; return its exit code, 1 when a file could not be read."""
    planned = plan(args.paths)
    for error in planned.errors:
        _complain(error)
    bad = len(planned.errors)
    if planned.jobs:
        bad += _read_all(planned, config, args)
    for line in planned.skipped:
        _tell(line)
    return 1 if bad else 0


def _read_all(planned: Plan, config: Config, args: argparse.Namespace) -> int:
    """Print the faces in each file, and return the number of files that could not be read."""
    if args.annotate:
        require_distinct_names(planned.jobs, args.annotate)
    if args.summary:  # an image has no timeline
        require_distinct_names([job for job in planned.jobs if job.frames != 1], args.summary)
    options = Options(every=args.every, annotate=args.annotate)
    progress = Progress(planned.readings(args.every), "frames", sys.stderr)
    with ExitStack() as opened:
        read = opened.enter_context(_reader(planned, config, options, args.jobs, progress.advance))
        table = _table(args, config)
        bad = 0
        for job in planned.jobs:
            try:
                for record in read(job):
                    if sys.stdout.isatty():
                        progress.close()  # the object must not begin on its line
                    table.add(job, record)
            except MediaError as exc:
                bad += 1
                progress.close()
                _complain(exc)
        progress.close()
        table.close()
    return bad


@contextlib.contextmanager
def _reader(
    planned: Plan, config: Config, options: Options, count: int, advance: Callable[[int], None]
) -> Iterator[ReadFile]:
    count = min(count, len(planned.jobs))
    if count > 1:
        make_reader(config, options)  # what cannot be loaded is reported here, once
        threads = config.classifier.threads or max(1, inference_threads() // count)
        classifier = msgspec.structs.replace(config.classifier, threads=threads)
        shared_out = msgspec.structs.replace(config, classifier=classifier)
        make = partial(make_reader, shared_out, options)
        with Readers(make, planned.jobs, count, advance) as readers:
            yield readers.read
        return
    read = make_reader(config, options)

    def counted(job: Job) -> Iterator[Record]:
        for record in read(job):
            yield record
            advance(1)

    yield counted


def make_reader(config: Config, options: Options) -> ReadFile:
    """Load the networks; return the function that reads one file. Raises ModelError."""
    vision = load_vision(config)
    analyzer = Analyzer(
        vision.detector, vision.classifier, lambda: vision.pipeline(config, live=False)
    )

    def read(job: Job) -> Iterator[Record]:
        if options.annotate is None:
            yield from (r.to_dict() for r in analyzer.read(job.path, every=options.every))
            return
        with annotated(job, options.annotate) as draw:
            for reading in analyzer.read(job.path, every=options.every):
                draw(reading)
                yield reading.to_dict()

    return read


def _table(args: argparse.Namespace, config: Config) -> Table:
    if args.csv:
        return CsvTable(sys.stdout, load_labels(config))
    if args.summary:
        return SummaryTable(sys.stdout, load_labels(config), args.summary)
    is_indented = sys.stdout.isatty() and not args.jsonl
    return JsonTable(sys.stdout, indent=2 if is_indented else None)


def _complain(error: EdgeError) -> None:
    """Report an error that does not end the command."""
    if os.environ.get("EMOTION_EDGE_DEBUG"):
        _tell("".join(traceback.format_exception(error)).rstrip())
    else:
        _tell(f"emotion-edge: {error}")


def _tell(text: str) -> None:
    """Print to standard error, if it can be written."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)
