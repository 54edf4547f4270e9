"""python -m benchmarks: the suite; --quick the story in a minute; --all every table of a release."""

import subprocess
import sys
import time

from benchmarks import command, markdown, quick, suite
from benchmarks.process import Failed, say

# Every part of a release and its options: a part stands between markers of its name, and is printed by a module of it.
PARTS = {
    "suite": [], "peers": ["--rounds", "5"], "shapes": [], "share": [], "estimators": ["--rounds", "3"], "many": [],
    "lanes": [], "searches": [], "second_order": [], "streams": [], "executors": [],
    "load": ["--rounds", "3", "--rows", "784-128", "train_many"], "spread": [], "startup": [],
}  # fmt: skip
LONG = {"accuracy": [], "large": []}
QUICK = "quick"  # goes into the README of the project


def main(arguments=None):
    """Run the command line; returns the exit code."""
    parser = command.parser("", "Time the lecture's loops, its matrix products and the engine (four minutes).")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--quick", action="store_true", help="six rows against other libraries, in about a minute")
    what.add_argument(
        "--all", action="store_true", help=f"every table of a release, about 80 minutes: {QUICK}, {', '.join(PARTS)}"
    )
    parser.add_argument("--long", action="store_true", help=f"with --all: also {' and '.join(LONG)}, two hours more")
    options = command.parse(parser, arguments)
    if options.long and not options.all:
        parser.error("--long goes with --all; alone: " + ", ".join(f"python -m benchmarks.{part}" for part in LONG))
    if options.all:
        return everything(PARTS | LONG if options.long else PARTS, options.write)
    if options.quick:
        return command.run(QUICK, quick.render, options.write, markdown.FRONT)
    return command.run("suite", suite.render, options.write)


def everything(parts, write):
    """One part after the other, each in a process of its own; at the end those are written that did not fail."""
    begin, texts, failed = time.monotonic(), {}, []
    try:
        command.check(write, {markdown.FRONT: [QUICK], markdown.README: parts})
        for number, (part, options) in enumerate({QUICK: [], **parts}.items()):
            say(f"== {part}, {number + 1} of {len(parts) + 1}, after {(time.monotonic() - begin) / 60:.0f} minutes")
            one = ["benchmarks", "--quick"] if part == QUICK else [f"benchmarks.{part}", *options]
            ended = subprocess.run([sys.executable, "-m", *one], stdout=subprocess.PIPE, text=True, encoding="utf-8")
            print(f"{ended.stdout}\n", flush=True)
            if ended.returncode:
                failed.append(part)
            else:
                texts[part] = ended.stdout.strip("\n")
        if write:
            markdown.write(markdown.FRONT, {part: texts.pop(part) for part in (QUICK,) if part in texts})
            markdown.write(markdown.README, texts)
        if failed:
            raise Failed(f"{', '.join(failed)} failed, see above" + "; all others were written" * write)
    except (Failed, markdown.NoPlace) as problem:
        say(f"error: {problem}")
        return 1
    say(f"== done after {(time.monotonic() - begin) / 60:.0f} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
