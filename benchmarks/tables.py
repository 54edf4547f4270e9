"""The tables of the suite, made from what pytest-benchmark has measured."""

import contextlib

from benchmarks import machine
from benchmarks.markdown import digits, is_lost, ratio_cell, table


def render(benchmarks, parts=False):
    """Markdown of a whole run; with `parts` of one that may lack some tests, whose tables are left out."""
    lines = {}
    for benchmark in benchmarks:
        lines.setdefault(benchmark["extra_info"]["what"], []).append(benchmark)
    told = [f"{machine.line()} One core, BLAS on one thread, but where threads are compared. Medians."]
    for names, rendered in TABLES.items():
        with contextlib.suppress(KeyError) if parts else contextlib.nullcontext():
            told += rendered(*(lines[name] for name in names))
    return "\n\n".join(told)


def versions_table(*benchmarks):
    """Loops against matrix products and tiles: an epoch with times and ratio, single calls by ratio."""
    epoch, forward, backward = map(by_case, benchmarks)
    rows, lost, compared = [], 0, 0
    for case, versions in epoch.items():
        steps = versions["loops"]["extra_info"]["steps"]
        loops, matrix, tiles = (median(versions[name]) / steps for name in ("loops", "matrix", "tiles"))
        ratios = [matrix / loops]
        for single in (backward, forward):
            ratios.append(median(single[case]["matrix-ready"]) / median(single[case]["loops"]))
        lost, compared = lost + sum(map(is_lost, ratios)), compared + len(ratios)
        times = [digits(time * 1e6, 3) for time in (loops, matrix, tiles)]
        rows.append([*case, *times, *map(ratio_cell, ratios), digits(matrix / tiles, 2)])
    heads = ["network", "activation", "batch", "dtype", "loops, us a step", "matrix, us a step", "tiles, us a step"]
    heads += ["matrix / loops", "of one gradient", "of one forward pass", "matrix / tiles"]
    yield table(heads, rows, left=(0, 1, 3))
    yield (
        "matrix / loops is the time of the matrix version over that of the loops: above 1 the loops are faster. "
        + (f"**Bold: the loops lose**, in {lost} of {compared} comparisons. " if lost else "The loops lose none. ")
        + "A step is one mini-batch of an epoch of 1024 samples: forward, backward and update. The two columns of "
        "single passes are calls from Python for one mini-batch: the loops include Numba's dispatch, the matrix "
        "version had its views and samples laid out beforehand. Tiles are those of the engine, on one thread; where "
        "loops are faster, the engine takes loops."
    )


def slide_12_table(benchmarks):
    """One gradient analytically and by differences."""
    rows = []
    for (*network, _), versions in by_case(benchmarks).items():
        loops, matrix, differences = (median(versions[name]) * 1e6 for name in ("loops", "matrix", "differences"))
        times = [digits(time, 3) for time in (loops, matrix, differences)]
        parameters = versions["loops"]["extra_info"]["parameters"]
        rows.append([*network, f"{parameters:,}", *times, digits(differences / loops, 2)])
    heads = ["network", "activation", "batch", "parameters", "`loops.gradient`, us", "`matrix.gradient`, us"]
    yield table([*heads, "`differences.gradient`, us", "differences / loops"], rows, left=(0, 1))
    yield (
        "Slide 12: one gradient of a mini-batch, analytically and by central differences, which take two forward "
        "passes for each parameter. All in float64, one call from Python; the differences are compiled loops, too."
    )


def views_table(benchmarks):
    """What two decisions of the architecture are worth."""
    infos = [(benchmark["extra_info"], median(benchmark)) for benchmark in benchmarks]
    rows = [[info["variant"], digits(time / info["samples"] * 1e9, 2)] for info, time in infos]
    yield table(["forward pass of 4-8-3", "ns a sample"], rows, left=(0,))
    yield "One sample after another in compiled code, in float32: why kernels are inlined and look at borrowed views."


def functions_table(benchmarks):
    """The polynomials on vectors against what there is."""
    times = {}
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        row = times.setdefault((info["function"], info["dtype"]), {})
        row[info["version"]] = median(benchmark) / info["numbers"] * 1e9
    rows = [
        [
            *key,
            *(digits(row[name], 2) for name in ("vectors", "loop", "NumPy")),
            digits(row["loop"] / row["vectors"], 2),
        ]
        for key, row in times.items()
    ]
    yield table(["function", "dtype", "engine, ns", "loop, ns", "NumPy, ns", "loop / engine"], rows, left=(0, 1))
    yield (
        "Nanoseconds a number, of rows of 1024: the engine's polynomials on vectors, a compiled loop that calls the C "
        "library for each number, and NumPy (its sigmoid is four calls)."
    )


def tiles_table(benchmarks):
    """The engine's matrix products against BLAS."""
    rates, peaks = {}, {}
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        widths = rates.setdefault((info["dtype"], "x".join(map(str, info["shape"]))), {})
        widths.setdefault(info["columns"], {})[info["version"]] = info["gflop"] / median(benchmark)
        peaks.setdefault(info["dtype"], info["peak"])
    rows = [
        [*key, *(f"{digits(r['tiles'], 3)} / {digits(r['dot'], 3)}" for r in widths.values()), digits(peaks[key[0]], 3)]
        for key, widths in rates.items()
    ]
    heads = [f"{n} vector{'s' * (n != 1)}" for n in next(iter(rates.values()))]
    yield table(["dtype", "weights", *heads, "peak"], rows, left=(0, 1))
    yield (
        "GFLOP/s of the weights of a layer times 1 to 4 vectors of samples, tiles / BLAS: `product` of "
        "`engine/tiles/layers.py`, in a compiled loop, and `np.dot`, called from Python. Peak is the core's: the same "
        "tile without memory."
    )


def few_samples_table(benchmarks):
    """Small mini-batches: loops or tiles."""
    lines = {}
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        lines.setdefault(("-".join(map(str, info["sizes"])), info["dtype"]), []).append(info)
    rows = []
    for key, infos in lines.items():
        ratios = [(digits(i["seconds"]["loops"] / i["seconds"]["tiles"], 2), i["loops"]) for i in infos]
        rows.append([*key, *(ratio if loops else f"**{ratio}**" for ratio, loops in ratios)])
        rows[-1].append(digits(max(map(over_the_best, infos)), 3))
    heads = [f"batch {info['batch']}" for info in next(iter(lines.values()))]
    yield table(["network", "dtype", *heads, "engine / best"], rows, left=(0, 1))
    yield (
        "The time of a step by the loops over that by tiles on one thread: above 1 tiles are faster. **Bold: the "
        "engine takes tiles.** Engine / best is the engine's time over the fastest of loops, tiles on one thread and "
        "tiles on all cores, in the worst of the columns. All take turns, in epochs of about a millisecond."
    )


def many_samples_table(benchmarks):
    """Larger steps: how many threads."""
    rows = []
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        seconds = info["seconds"]
        rows.append(["-".join(map(str, info["sizes"])), info["batch"], info["dtype"], digits(info["flops"] / 1e6, 2)])
        rows[-1] += [digits(seconds[name] * 1e6, 3) for name in ("loops", "tiles", "shared")]
        rows[-1] += [digits(seconds["tiles"] / seconds["shared"], 2), info["threads"], digits(over_the_best(info), 3)]
    cores = benchmarks[0]["extra_info"]["cores"]
    heads = ["network", "batch", "dtype", "MFLOP a step", "loops, us", "tiles, us", f"tiles, {cores} cores, us"]
    yield table([*heads, "gain", "threads of the engine", "engine / best"], rows, left=(0, 2))
    yield (
        "A step by the loops, by tiles on one thread and by tiles on all cores, in epochs of about 20 ms, which all "
        f"take turns; not pinned. Gain is one thread over {cores}; then the threads that the engine takes by itself, "
        "and its time over the best of the three."
    )


def over_the_best(info):
    """The engine's time over that of the fastest way."""
    seconds = info["seconds"]
    return seconds["engine"] / min(seconds[name] for name in ("loops", "tiles", "shared"))


def team_table(benchmarks):
    """What it costs threads to share work."""
    rows = []
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        rows.append([info["threads"], digits(median(benchmark) / info["times"] * 1e6, 2)])
    yield table(["threads", "us a phase"], rows, left=())
    yield (
        "Phases of two empty pieces of work for each thread, one after the other inside one compiled loop; a core for "
        "each thread, not pinned."
    )


def by_case(benchmarks):
    """{(sizes, activation, batch, dtype): {version: benchmark}}, in the order of the run."""
    cases = {}
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        case = "-".join(map(str, info["sizes"])), info["activation"], info["batch"], info["dtype"]
        cases.setdefault(case, {})[info["version"]] = benchmark
    return cases


def median(benchmark):
    """Seconds of one call."""
    return benchmark["stats"]["median"]


TABLES = {
    ("epoch", "forward", "backward"): versions_table,
    ("slide 12",): slide_12_table,
    ("views",): views_table,
    ("functions",): functions_table,
    ("tiles",): tiles_table,
    ("few samples",): few_samples_table,
    ("many samples",): many_samples_table,
    ("team",): team_table,
}
