"""Dates in tables: 2021-02-01, 01.02.2021, 2/1/21, with a time of day or without, and what a network sees of them."""

import datetime
import re

import numpy as np

YMD, DMY, MDY = "ymd", "dmy", "mdy"  # what comes first, and then
ORDERS = YMD, DMY, MDY
WIDTH = 7  # elapsed days; month, weekday and time of day as angles
_TIME = r"(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d*)?)?\s*(?:Z|UTC|[-+]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})" + _TIME)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})" + _TIME)
_EPOCH = datetime.datetime(1970, 1, 1)
_CENTURY = 69  # from this two-digit year on it is the last one, as POSIX has it


def days(cell, order):
    """Days from 1970 on, with the time as their fraction; None if the cell is no date in that order.

    Dots stand between day, month and year; with other signs the month may come first.
    """
    found = (_YEAR_FIRST if order == YMD else _YEAR_LAST).fullmatch(cell.strip())
    if not found or (order == MDY and found[2] == "."):
        return None
    first, _, second, third, *time = found.groups()
    year, month, day = {YMD: (first, second, third), DMY: (third, second, first), MDY: (third, first, second)}[order]
    if len(year) == 2:
        year = int(year) + (1900 if int(year) >= _CENTURY else 2000)
    try:
        moment = datetime.datetime(int(year), int(month), int(day), *(int(part or 0) for part in time))
    except ValueError:
        return None
    return (moment - _EPOCH) / datetime.timedelta(days=1)


def encode(values, mean, deviation, out):
    """Days (rows,) as numbers (rows, WIDTH): standardised, and sine and cosine of the part of year, week and day that
    has passed; all 0 where there is none."""
    known = ~np.isnan(values)
    whole = np.floor(np.where(known, values, 0)).astype("int64")
    dates = whole.astype("datetime64[D]")
    start = dates.astype("datetime64[Y]")
    first, next_first = (year.astype("datetime64[D]") for year in (start, start + np.timedelta64(1, "Y")))
    year = (dates - first) / (next_first - first)
    angles = 2 * np.pi * np.stack([year, whole % 7 / 7, np.where(known, values, 0) - whole])
    out[:, 0] = (np.where(known, values, mean) - mean) / deviation
    out[:, 1::2], out[:, 2::2] = np.sin(angles).T * known[:, None], np.cos(angles).T * known[:, None]
