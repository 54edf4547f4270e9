"""python -m fastbp COMMAND: the command line; without a command the demonstration, with its options."""

import sys

from fastbp.cli import main

GENERAL = ("-h", "--help", "--version")

if __name__ == "__main__":
    arguments = sys.argv[1:]
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in GENERAL):
        arguments = ["demo", *arguments]
    sys.exit(main(arguments))
