"""The results of a student as a JSON document, and those of a class as a table."""

import csv
import io
import json
import math
import os

from fastbp.lecture.workbook import names
from fastbp.lecture.workbook.results import STATUSES
from fastbp.validation import did_you_mean, shown

FORMAT = "fastbp learn 1"
LARGEST = 10_000_000  # bytes; a document has some 10,000
FORMULA = tuple("=+-@\t\r")  # at the beginning of a cell: spreadsheets would compute it


def document(student, seed, version, results, notes=(), problem=""):
    """The results as JSON text.

    Parameters
    ----------
    student : str
    seed : int
        Of the student's exercises.
    version : str
        Of fastbp.
    results : sequence of Result
    notes : sequence of str
        On the file as a whole.
    problem : str
        Why the file could not be judged, if so.
    """
    content = {
        "format": FORMAT,
        "fastbp": version,
        "student": student,
        "seed": seed,
        "right": sum(result.status == "right" for result in results),
        "problem": problem,
        "notes": [*notes],
        "results": [result.as_dict() for result in results],
    }
    return json.dumps(_finite(content), indent=1, allow_nan=False)


def _finite(value):
    """NaN and infinity as texts: JSON has no such numbers."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def table(paths):
    """A line for each document, with its student, seed, the status of each exercise, and how many are right.

    Returns
    -------
    text : str
        The table as CSV.
    problems : list of str
        A sentence on each file that is no document, or cannot be read: the others have their lines all the same.
    """
    text, problems = io.StringIO(), []
    write = csv.writer(text, lineterminator="\n").writerow
    write(["student", "seed", *names(), "right", "problem"])
    for path in paths:
        try:
            content = _read(path)
        except (ValueError, OSError) as problem:
            problems.append(f"{path}: {problem.strerror}" if isinstance(problem, OSError) else str(problem))
            continue
        status = {result["name"]: result["status"] for result in content["results"]}
        cells = [status.get(name, "") for name in names()]
        write([_cell(content["student"]), content["seed"], *cells, cells.count("right"), _cell(content["problem"])])
    return text.getvalue(), problems


def _cell(text):
    """One line, and a text in every spreadsheet."""
    text = " ".join(text.split())
    return f"'{text}" if text.startswith(FORMULA) else text


def _read(path):
    """A document, every part of which that `table` uses is there and of its kind."""
    if os.path.isdir(path):
        raise ValueError(f"{path} is a folder; give the JSON files in it")
    with open(path, "rb") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise ValueError(f"{path}: it has more than {LARGEST:,} bytes; is it a file of results?")
    if not text.strip():
        raise ValueError(f"{path}: it is empty; fastbp learn check FILE --json prints what belongs into it")
    try:
        content = json.loads(text)  # bytes: UTF-8, or what PowerShell writes
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"{path}: it is no JSON: {problem}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{path}: it is not what  fastbp learn check FILE --json  prints")
    for key, kind, what in (("student", str, "a text"), ("seed", int, "an integer"), ("problem", str, "a text")):
        if type(content.get(key)) is not kind:
            raise ValueError(f"{path}: {key!r} must be {what}, got {shown(content.get(key))}")
    results = content.get("results")
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise ValueError(f"{path}: 'results' must be a list of results, got {shown(results)}")
    for result in results:
        name, status = result.get("name"), result.get("status")
        if name not in names():
            near = did_you_mean(name, names()) if isinstance(name, str) else ""
            raise ValueError(f"{path}: {shown(name)} is no exercise of this version of fastbp{near}")
        if status not in STATUSES:
            raise ValueError(f"{path}: the status of {name} must be one of {STATUSES}, got {shown(status)}")
    return content
