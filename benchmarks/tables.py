"""The README's tables, made from the JSON report of pytest-benchmark."""

import math


def render(report):
    """Markdown of a whole run."""
    lines = {}
    for benchmark in report["benchmarks"]:
        lines.setdefault(benchmark["extra_info"]["what"], []).append(benchmark)
    parts = [
        machine(report),
        *versions_table(lines),
        *slide_12_table(lines["slide 12"]),
        *startup_table(lines["startup"]),
        *views_table(lines["views"]),
    ]
    return "\n\n".join(parts)


def machine(report):
    info = report["machine_info"]
    cpu, cores = info["cpu"].get("brand_raw", info["machine"]), f"{info['cores']} core{'s' * (info['cores'] != 1)}"
    used = "the process pinned to one" if info["pinned"] else "one thread, not pinned to a core"
    return (
        f"{cpu} ({info['compiled_for']}), {cores}, {used}; {info['system']}, Python {info['python_version']}, "
        f"NumPy {info['numpy']} with {info['blas']} on one thread, Numba {info['numba']}, llvmlite {info['llvmlite']}; "
        f"{report['datetime'][:10]}. Medians."
    )


def versions_table(lines):
    """Loops against matrix products: an epoch with times and ratio, one gradient and one forward pass by ratio."""
    epoch, forward, backward = (by_case(lines[what]) for what in ("epoch", "forward", "backward"))
    rows, lost, compared = [], 0, 0
    for case, versions in epoch.items():
        loops, matrix = (median(versions[name]) / versions[name]["extra_info"]["steps"] for name in ("loops", "matrix"))
        ratios = [matrix / loops]
        for single in (backward, forward):
            ratios.append(median(single[case]["matrix-ready"]) / median(single[case]["loops"]))
        lost, compared = lost + sum(map(is_lost, ratios)), compared + len(ratios)
        rows.append([*case, digits(loops * 1e6, 3), digits(matrix * 1e6, 3), *map(ratio_cell, ratios)])
    heads = ["network", "hidden", "batch", "dtype", "loops, us a step", "matrix, us a step"]
    yield table([*heads, "matrix / loops", "of one gradient", "of one forward pass"], rows, left=(0, 1, 3))
    yield (
        "matrix / loops is the time of the matrix version over that of the loops: above 1 the loops are faster. "
        + (f"**Bold: the loops lose**, in {lost} of {compared} comparisons. " if lost else "The loops lose none. ")
        + "A step is one mini-batch of an epoch of 1024 samples: forward, backward and update. The last two columns "
        "are calls from Python for a single mini-batch: the loops include Numba's dispatch, the matrix version had its "
        "views and samples laid out beforehand."
    )


def slide_12_table(benchmarks):
    """One gradient analytically and by differences."""
    rows = []
    for (*network, _), versions in by_case(benchmarks).items():
        loops, matrix, differences = (median(versions[name]) * 1e6 for name in ("loops", "matrix", "differences"))
        times = [digits(time, 3) for time in (loops, matrix, differences)]
        parameters = versions["loops"]["extra_info"]["parameters"]
        rows.append([*network, f"{parameters:,}", *times, digits(differences / loops, 2)])
    heads = ["network", "hidden", "batch", "parameters", "`loops.gradient`, us", "`matrix.gradient`, us"]
    yield table([*heads, "`differences.gradient`, us", "differences / loops"], rows, left=(0, 1))
    yield (
        "Slide 12: one gradient of a mini-batch, analytically and by central differences, which take two forward "
        "passes for each parameter. All in float64, one call from Python; the differences are compiled loops, too."
    )


def startup_table(benchmarks):
    """What a fresh process waits for."""
    rows = []
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        rows.append([info["process"], digits(median(benchmark) * 1e3, 3), digits(info["inside"] * 1e3, 2)])
    rows[0][-1] = "-"  # NumPy alone: nothing of fastbp is in it
    yield table(["a fresh process", "start to end, ms", "of that in fastbp, ms"], rows, left=(0,))
    yield (
        "The training is one epoch of a 4-8-3 network in float32. Numba is imported, and kernels are compiled or "
        "loaded from the cache, only when a first training with the loops needs them. Start to end holds Python's own "
        "start and end; the end takes longer with Numba loaded."
    )


def views_table(benchmarks):
    """What two decisions of the architecture are worth."""
    infos = [(benchmark["extra_info"], median(benchmark)) for benchmark in benchmarks]
    rows = [[info["variant"], digits(time / info["samples"] * 1e9, 2)] for info, time in infos]
    yield table(["forward pass of 4-8-3", "ns a sample"], rows, left=(0,))
    yield "One sample after another in compiled code, in float32: why kernels are inlined and look at borrowed views."


def by_case(benchmarks):
    """{(sizes, hidden, batch, dtype): {version: benchmark}}, in the order of the run."""
    cases = {}
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        case = "-".join(map(str, info["sizes"])), info["hidden"], info["batch"], info["dtype"]
        cases.setdefault(case, {})[info["version"]] = benchmark
    return cases


def median(benchmark):
    """Seconds of one call."""
    return benchmark["stats"]["median"]


def is_lost(ratio):
    """Decided on what is printed, so that no 1.0 is ever bold."""
    return float(digits(ratio, 2).replace(",", "")) < 1


def ratio_cell(ratio):
    return f"**{digits(ratio, 2)}**" if is_lost(ratio) else digits(ratio, 2)


def digits(value, significant):
    """A positive number with so many significant digits and never an exponent: 0.14, 3.0, 52, 1,300."""
    rounded = float(f"{value:.{significant - 1}e}")
    decimals = max(0, significant - 1 - math.floor(math.log10(rounded)))
    return f"{rounded:,.{decimals}f}"


def table(heads, rows, left):
    """Markdown; the columns numbered in `left` hold words, all others figures."""
    rules = [":--" if column in left else "--:" for column in range(len(heads))]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (heads, rules, *rows))
