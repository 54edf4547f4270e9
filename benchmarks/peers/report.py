"""The tables, from what the contest found; the same dictionary is the JSON file."""

import contextlib
import platform
import statistics
import time
from importlib import metadata

from benchmarks.peers.contest import ONE_CORE
from benchmarks.peers.process import all_cores
from benchmarks.peers.rows import OURS, RIVALS, SPEEDUP, SPEEDUP_FROM
from benchmarks.tables import digits, ratio_cell, table


def processor():
    """The processor's name, where the bench extra's py-cpuinfo can tell it."""
    with contextlib.suppress(Exception):
        from cpuinfo import get_cpu_info

        return get_cpu_info()["brand_raw"]
    return platform.processor() or platform.machine()


def this_machine(*libraries):
    """Processor, system, versions of Python and of some packages, and the date: the beginning of a line."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in libraries)
    return (
        f"{processor()}, {len(all_cores())} cores; {platform.system()}, Python {platform.python_version()}, "
        f"{versions}; {time.strftime('%Y-%m-%d')}."
    )


def render(report, with_goals=False):
    """Markdown of a whole run."""
    parts = [machine(report)]
    for dtype, cores in dict.fromkeys((result["dtype"], result["cores"]) for result in report["results"]):
        results = [r for r in report["results"] if (r["dtype"], r["cores"]) == (dtype, cores)]
        parts += [
            f"{dtype}, {'one core' if cores == 1 else f'{cores} cores'}:",
            ratios(results, report["rivals"], cores),
        ]
        if with_goals:
            parts += ["Reached / goal; **bold where it is missed**:", goals(results, report["rivals"], cores)]
    return "\n\n".join([*parts, *notes(report)])


def machine(report):
    info = report["versions"]
    versions = ", ".join(f"{name} {version}" for name, version in info.items() if name != "compiled for")
    target = f" ({info['compiled for']})" if "compiled for" in info else ""
    return (
        f"{report['processor']}{target}, {report['machine_cores']} cores; {report['system']}, {versions}; "
        f"{report['date'][:10]}. Medians of {report['rounds']} laps, taken in turn."
    )


def ratios(results, rivals, cores):
    """Our time, and by how much the others' are longer."""
    heads = ["network, batch, rule", "fastbp, us a step", *(RIVALS[name] for name in rivals)]
    rows = []
    for result in results:
        ours = result["rivals"][OURS]
        time = digits(ours["us"], 3) if "us" in ours else ours["status"]
        row = [result["row"], time, *(cell(result, name) for name in rivals)]
        rows.append(row + [cell(result, ONE_CORE)] * (cores > 1) + [percent(share(result))])
    heads += ["fastbp on one core"] * (cores > 1) + ["share of FMA peak"]
    return table(heads, rows, left=(0,))


def ratio(result, name):
    """The rival's time by ours, or None."""
    ours, theirs = result["rivals"][OURS], result["rivals"].get(name, {})
    return theirs["us"] / ours["us"] if "us" in ours and "us" in theirs else None


def cell(result, name):
    value = ratio(result, name)
    if value is not None:
        return ratio_cell(value)
    status = result["rivals"].get(name, {}).get("status", "-")
    return "-" if status in ("ok", "unavailable") else status


def share(result):
    """The share of the peak of all cores that the contest was on, or None where we have no laps.

    Each lap is held against the peak measured just before it: the clock of a core changes from minute to minute.
    """
    ours = result["rivals"][OURS]
    if "us" not in ours:
        return None
    flops = result["flops"] * ours["steps"] / result["cores"]
    pairs = zip(ours["laps"], result["peaks"], strict=True)
    return statistics.median(flops / (lap * peak * 1e9) for lap, peak in pairs)


def percent(value):
    return "-" if value is None else f"{value:.0%}"


def wanted(result, name, cores):
    """The ratio or share that we want to reach in this run, or None."""
    if name == ONE_CORE:
        return SPEEDUP if result["flops"] >= SPEEDUP_FROM else 1
    if cores == 1 and result["dtype"] == "float32":
        return result["goals"].get(name)
    return None if name == "share" else 1 if cores > 1 or name == "numpy" else None


def goals(results, rivals, cores):
    """What was reached beside what was wanted; bold where it is missed."""
    names = [*rivals, *[ONE_CORE] * (cores > 1), "share"]
    heads = {**RIVALS, ONE_CORE: "fastbp on one core", "share": "share of FMA peak"}
    rows = []
    for result in results:
        row = [result["row"]]
        for name in names:
            reached, goal = share(result) if name == "share" else ratio(result, name), wanted(result, name, cores)
            words = percent if name == "share" else lambda value: f"{value:g}"
            if goal is None:
                row.append("")
            elif reached is None:
                row.append(f"- / {words(goal)}")
            else:
                shown = percent(reached) if name == "share" else digits(reached, 3)
                row.append(f"{shown} / {words(goal)}" if reached >= goal else f"**{shown}** / {words(goal)}")
        if any(row[1:]):
            rows.append(row)
    return table(["network, batch, rule", *(heads[name] for name in names)], rows, left=(0,))


def notes(report):
    yield (
        "The columns of the rivals are their time over ours in the same run, on the same samples, start, mini-batches, "
        "update rule and dtype, after a check that all of them find the same parameters; **below 1 they are faster**. "
        "Scikit-learn by `partial_fit`, JAX as one `jit` of a `scan` over an epoch, PyTorch compiled as one graph of a "
        "whole step. The share is that of the peak measured in the same run by a loop that multiplies and adds in "
        "registers only."
    )
    excuses = {}
    for result in report["results"]:
        for name, rival in result["rivals"].items():
            if rival["status"] in ("unavailable", "differs", "failed"):
                head = {"unavailable": "not available"}.get(rival["status"], rival["status"])
                who = {**RIVALS, ONE_CORE: "fastbp on one core"}.get(name, name)
                excuses.setdefault(f"{who} {head}: {rival['reason']}", []).append(result)
    if excuses:
        count = len(report["results"])
        yield "\n".join(f"- {excuse} ({len(results)} of {count} rows)" for excuse, results in excuses.items())
