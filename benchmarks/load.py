"""python -m benchmarks.load: trainings on a machine that is busy, or gives less than it shows.

A process trains, and what else happens on the machine is made from outside: other processes that compute, a CPU quota,
cores that are taken away, a stop. The default number of threads is compared with always one and with always all cores,
in turn and in the same process; the networks must get the same bits, or nothing is printed.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from statistics import median

from benchmarks import command, machine
from benchmarks.disturbances import busy, confine, quota, throttled
from benchmarks.markdown import digits, table
from benchmarks.process import Failed, NoAnswer, Process, all_cores, in_turn, say
from benchmarks.trainings import ALL, DEFAULT, LAP, MANY, ONE, OUTPUTS, SHAPES

BUSY = (0, 1, 2, 4)
LIMIT = 60  # seconds, after which a random training hangs


@contextlib.contextmanager
def trainers(row, number=1):
    """So many processes that can train a row, and have compiled."""
    with contextlib.ExitStack() as stack:
        processes = [Process("benchmarks.trainings:Trainer", row, cores=len(all_cores())) for _ in range(number)]
        for process in processes:
            stack.enter_context(process).ask("lap", ONE)
        yield processes


def laps(process, rounds, around=contextlib.nullcontext):
    """{how: median seconds} of laps in turn; all must come to the same bits."""
    seconds, results = {ONE: [], ALL: [], DEFAULT: []}, set()
    for _, how in in_turn(seconds, rounds):
        with around():
            took, result = process.ask("lap", how)
        seconds[how].append(took)
        results.add(result)
    if len(results) > 1:
        raise Failed("the trainings came to different bits, so their times say nothing")
    return {how: median(found) for how, found in seconds.items()}


def cell(found):
    """The default over the better of the two others, and how these compare."""
    best = min(found[ONE], found[ALL])
    return f"{found[DEFAULT] / best:.2f} ({found[ALL] / found[ONE]:.2f})"


def busy_table(rows, rounds):
    body = []
    for row in rows:
        line = [f"{row}, batch {SHAPES[row]}" if row in SHAPES else row]
        with trainers(row) as (process,):
            for number in BUSY:
                say(f"  {row}, {number} busy")
                with busy(number):
                    line.append(cell(laps(process, rounds)))
        body.append(line)
    return table(["", *(f"{number} busy" for number in BUSY)], body)


def quota_cells(row, rounds):
    """Under a quota of one CPU: what the default makes of it if it sees it, and if it does not."""
    with trainers(row) as (process,):
        pid = process.process.pid
        with quota(pid, 1) as possible:
            if possible:
                return [cell(laps(process, rounds)), "control group"]
        with throttled(pid):
            return [cell(laps(process, rounds)), "stopped half of the time"]


def shrinking_cell(row, rounds):
    """In the middle of each lap all cores but one are taken away."""
    every = set(all_cores())
    with trainers(row) as (process,):
        pid = process.process.pid

        @contextlib.contextmanager
        def taken_away():
            timer = threading.Timer(LAP / 3, confine, (pid, {min(every)}))
            timer.start()
            try:
                yield
            finally:
                timer.cancel()
                timer.join()
                confine(pid, every)

        return cell(laps(process, rounds, taken_away))


def stopped_cell(row, rounds):
    """A second of SIGSTOP in each second lap, over the other laps and that second."""
    with trainers(row) as (process,):
        seconds = {False: [], True: []}
        for turn in range(2 * rounds):
            stopped = bool(turn % 2)
            process.begin("lap", DEFAULT)
            if stopped:
                time.sleep(LAP / 4)
                os.kill(process.process.pid, signal.SIGSTOP)
                time.sleep(1)
                os.kill(process.process.pid, signal.SIGCONT)
            seconds[stopped].append(process.answer()[0] - stopped)
    return f"{median(seconds[True]) / median(seconds[False]):.2f}"


def together_cells(row, rounds, number=4):
    """Four trainings at once, in processes and in threads, over the four one after the other."""
    with trainers(row, number) as processes:
        found = {"one": [], "processes": [], "threads": []}
        for _ in range(rounds):
            begin = time.perf_counter()
            for process in processes:
                process.ask("lap", DEFAULT)
            found["one"].append(time.perf_counter() - begin)
            begin = time.perf_counter()
            for process in processes:
                process.begin("lap", DEFAULT)
            for process in processes:
                process.answer()
            found["processes"].append(time.perf_counter() - begin)
            found["threads"].append(processes[0].ask("at_once", number))
    alone = median(found["one"])
    return [f"{median(found[how]) / alone:.2f}" for how in ("processes", "threads")]


def less_table(rows, rounds):
    body, ways = [], set()
    for row in rows:
        say(f"  {row}, quota")
        under_quota, way = quota_cells(row, rounds)
        ways.add(way)
        say(f"  {row}, cores taken away")
        shrinking = shrinking_cell(row, rounds)
        say(f"  {row}, stopped")
        stopped = stopped_cell(row, rounds)
        say(f"  {row}, four at once")
        body.append([row, under_quota, shrinking, stopped, *together_cells(row, rounds)])
    heads = [
        f"quota of one CPU ({', '.join(ways)})", "one core left in the middle", "stopped for a second",
        "4 processes at once", "4 threads at once",
    ]  # fmt: skip
    return table(["", *heads], body)


def random_trainings(number, others=2):
    """A sentence on so many random trainings, each with a limit of its own, in two processes beside others."""
    hung = differed = 0
    with contextlib.ExitStack() as stack:
        lots = [Process("benchmarks.trainings:Lot", seed, cores=len(all_cores())) for seed in range(2)]
        processes = [stack.enter_context(process) for process in lots]
        stack.enter_context(busy(others))
        for n in range(0, number, len(processes)):
            if n % 1000 == 0:
                say(f"  random trainings: {n:,} of {number:,}")
            for process in processes:
                process.begin("training", n)
            for process in processes:
                try:
                    differed += not process.answer(LIMIT)
                except NoAnswer:
                    hung += 1
    return (
        f"{number:,} trainings of random networks with random limits of threads, two at a time beside {others} busy "
        f"processes: {hung} hung (no end within {LIMIT} s), {differed} came to other bits than with one thread."
    )


def render(rows, rounds):
    """Markdown of a whole run."""
    return "\n\n".join([
        f"{machine.line()} float32, {len(all_cores())} cores. Medians of {rounds} laps of about "
        f"{digits(LAP, 1)} s, taken in turn.",
        "Default threads over the better of one thread and all cores, with so many other processes that compute; in "
        "brackets all cores over one thread:",
        busy_table(rows, rounds),
        "The same where the machine gives less than it shows; then a training that is stopped for a second, over one "
        "that is not and that second; and four trainings at once, in all, over the four one after the other:",
        less_table(rows, rounds),
    ])  # fmt: skip


def main(arguments=None):
    names = [*SHAPES, MANY, OUTPUTS]
    about = "Train while other processes compute, under a quota, with cores taken away. About twenty minutes."
    parser = command.parser("load", about, rows=names, rounds=10)
    parser.add_argument(
        "--random", type=int, default=0, metavar="N", help="also N random trainings, which must all end"
    )
    options = command.parse(parser, arguments)

    def text():
        parts = [render(options.rows, options.rounds)]
        if options.random:
            parts.append(random_trainings(options.random))
        return "\n\n".join(parts)

    return command.run("load", text, options.write)


if __name__ == "__main__":
    sys.exit(main())
