"""The tables, from what the contest found; the same dictionary is the JSON file."""

import statistics

from benchmarks.markdown import digits, ratio_cell, table
from benchmarks.peers.contest import ONE_CORE
from benchmarks.peers.rows import OURS, RIVALS


def render(report):
    """Markdown of a whole run."""
    parts = [f"{report['machine']} Medians of {report['rounds']} laps, taken in turn."]
    for dtype, cores in dict.fromkeys((result["dtype"], result["cores"]) for result in report["results"]):
        results = [r for r in report["results"] if (r["dtype"], r["cores"]) == (dtype, cores)]
        parts += [
            f"{dtype}, {'one core' if cores == 1 else f'{cores} cores'}:",
            ratios(results, report["rivals"], cores),
        ]
    return "\n\n".join([*parts, *excuses(report["results"])])


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
    return table(heads, rows)


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


def faulty(results):
    """Whether a rival failed, or trained something else than we."""
    return any(rival["status"] in ("differs", "failed") for result in results for rival in result["rivals"].values())


def excuses(results):
    """Why cells are empty."""
    found = {}
    for result in results:
        for name, rival in result["rivals"].items():
            if rival["status"] != "ok":
                head = {"unavailable": "not available"}.get(rival["status"], rival["status"])
                who = {**RIVALS, ONE_CORE: "fastbp on one core"}.get(name, name)
                found.setdefault(f"{who} {head}: {rival['reason']}", []).append(result)
    if found:
        yield "\n".join(f"- {excuse} ({len(rows)} of {len(results)} rows)" for excuse, rows in found.items())
