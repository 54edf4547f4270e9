"""The contest: who trains which row on how many cores, the check, and the laps in turn."""

import statistics
import time
from dataclasses import asdict

from benchmarks.machine import has
from benchmarks.peers.child import LONGEST_LAP
from benchmarks.peers.rows import OURS, PACKAGES, RIVALS
from benchmarks.process import Failed, Process, Unavailable, in_turn, say

ONE_CORE = "fastbp-one-core"  # in the contest on all cores, fastbp on one core runs along

# Seconds before each lap; on several cores, threads of some libraries look for work for up to 0.1 s after the last one.
PAUSE = {True: 0.02, False: 0.15}


class Contest:
    """The processes of all rivals that are installed; `rivals` are those that were asked for.

    Laps take about `longest` seconds at most, and are timed by a clock of `time`: on one core, "process_time" does not
    count what other processes take.
    """

    def __init__(self, rivals, rounds, longest=LONGEST_LAP, clock="perf_counter"):
        self.rounds, self.longest, self.clock = rounds, longest, clock
        self.processes, self.names = {}, [OURS]
        for name in rivals:
            if has(PACKAGES.get(name, "numpy")):
                self.names.append(name)
            else:
                say(f'{RIVALS[name]} is not installed, its column stays empty: pip install -e ".[bench]"')

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for one in self.processes.values():
            one.stop(politely=True)

    def process(self, name, cores):
        new = Process("benchmarks.peers.child:Rival", name, cores, cores=cores)
        return self.processes.setdefault((name, cores), new)

    def forget(self, cores):
        """Processes of another number of cores are not needed any more: their memory is."""
        for key in [key for key in self.processes if key[1] not in (1, cores)]:
            self.processes.pop(key).stop()

    def entrants(self, cores):
        entrants = {name: self.process(name, cores) for name in self.names}
        if cores > 1:
            entrants[ONE_CORE] = self.process(OURS, 1)
        return entrants

    def row(self, row, dtype, cores):
        """The result of a row: for each rival its laps, or why there are none."""
        say(f"{row}, {dtype}, {cores} core{'s' * (cores > 1)}")
        entrants, found, results = self.entrants(cores), {}, {}
        for name, entrant in list(entrants.items()):
            try:
                found[name] = entrant.ask("settle", row, dtype, self.longest)
                results[name] = {"status": "ok", "laps": []}
            except (Failed, Unavailable) as problem:
                results[name] = self.excuse(name, problem)
        self.check(row, dtype, found, results)
        peaks = self.laps(dtype, cores, entrants, results)
        for name, result in results.items():
            if result["laps"]:
                result.update({key: found[name][key] for key in ("samples", "epochs", "steps")})
                result["us"] = statistics.median(result["laps"]) / result["steps"] * 1e6
        about = {"row": str(row), **asdict(row), "dtype": dtype, "cores": cores, "flops": row.flops}
        return {**about, "peaks": peaks, "rivals": results}

    def excuse(self, name, problem):
        status = "unavailable" if isinstance(problem, Unavailable) else "failed"
        say(f"  {name}: {'not available' if status == 'unavailable' else status}: {problem}")
        return {"status": status, "reason": str(problem), "laps": []}

    def check(self, row, dtype, found, results):
        """Who trains something else is not timed."""
        if OURS not in found:
            for result in results.values():
                if result["status"] == "ok":
                    result.update(status="unavailable", reason="nothing of ours to compare with")
            return
        from benchmarks.peers.agree import difference
        from benchmarks.peers.problem import problem

        start = [array for pair in problem(row, dtype, 1).start() for array in pair]
        for name, answer in found.items():
            differs = difference(row, dtype, start, found[OURS]["parameters"], answer["parameters"])
            if differs:
                say(f"  {name} differs: {differs}")
                results[name].update(status="differs", reason=differs)

    def laps(self, dtype, cores, entrants, results):
        """In turn, one process at a time; returns the FMA peak before each of our laps."""
        peaks = []
        for turn, name in in_turn(results, self.rounds + 1):
            result = results[name]
            if result["status"] != "ok":
                continue
            try:
                peak = entrants[name].ask("peak", dtype) if name == OURS else None
                time.sleep(PAUSE[cores == 1])
                seconds = entrants[name].ask("lap", self.clock)
            except (Failed, Unavailable) as problem:
                result.update(self.excuse(name, problem))
                continue
            if turn:  # the first round only wakes them up
                result["laps"].append(seconds)
                peaks += [peak] if name == OURS else []
        return peaks
