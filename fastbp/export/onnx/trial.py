"""An ONNX model is run before it is written, and has to say what the model says."""

import warnings

import numpy as np

from fastbp import caller
from fastbp.export.onnx import pipelines
from fastbp.export.onnx.nodes import is_of_several, labels
from fastbp.tables.target import CLASSES, NUMBER

LIMITS = {"float32": (1e-2, 1e-4), "float64": (1e-6, 1e-9)}  # how far an output may lie: of its spread, of its largest
LONGEST = 200  # letters of what a runtime says
REFERENCE = "onnx's reference evaluator"


def try_estimator(proto, model, steps, dtype, samples):
    """Run the ONNX model of an estimator, a pipeline or a search.

    Parameters
    ----------
    proto : onnx.ModelProto
    model : Network or estimator
    steps : list of (str, estimator)
        Of it, as `convert.steps_of` has them.
    dtype : dtype
        Of the input "X".
    samples : list of (array-like, ndarray)
        For the model, and for the runtime. The first that the model takes counts.

    Raises
    ------
    ValueError
        If the model takes none of the samples; if the runtime does not run the ONNX model, or comes to something else:
        naming the step of the pipeline, and what to do.

    Warns
    -----
    RuntimeWarning
        If there is no onnxruntime.
    """
    X, expected = _answer(model, steps[-1][1], samples)
    several = len(expected) == 2 and is_of_several(steps[-1][1])
    problem = _problem(proto, {"X": X}, expected, dtype, several)
    if problem and len(steps) == 1:
        raise ValueError(f"model must be one that {_runtime()} runs as ONNX, got {type(model).__name__}: {problem}")
    if problem:
        (name, step), problem = _culprit(steps, dtype, X, problem)
        remedy = "replace the step"
        if dtype == np.float64 and _runs_in_float32(steps, X, expected, several):
            remedy = f'give the network dtype="float32", or {remedy}'
        raise ValueError(
            f"model must be a pipeline that {_runtime()} runs in {dtype}, the dtype of its network, got the step "
            f"{name!r}, {type(step).__name__}: {problem}. Nothing is written; {remedy}"
        )
    _tell_of_the_runtime()


def try_table(proto, model, rows):
    """Run the ONNX model of a TableModel.

    Parameters
    ----------
    proto : onnx.ModelProto
    model : TableModel
    rows : dict of str to ndarray
        Columns; numbers as float64, texts as objects.

    Raises, and warns, as `try_estimator`.
    """
    target = model.encoding.target
    feeds = {name: column[:, None] for name, column in rows.items()}
    if target.kind == CLASSES:
        expected = [model.predict(rows), model.predict_proba(rows)]
    else:
        expected = [model.predict(rows)[:, None]]
    origin = target.mean if target.kind == NUMBER else 0.0
    problem = _problem(proto, feeds, expected, model.network.dtype, False, origin)
    if problem:
        raise ValueError(f"model must be one that {_runtime()} runs as ONNX, got {type(model).__name__}: {problem}")
    _tell_of_the_runtime()


# ---- Runtimes --------------------------------------------------------------------------------------------------------


def _onnxruntime():
    """The module, or None."""
    try:
        import onnxruntime
    except ImportError:
        return None
    return onnxruntime


def _runtime():
    """Its name."""
    return REFERENCE if _onnxruntime() is None else "onnxruntime"


def _tell_of_the_runtime():
    if _onnxruntime() is None:
        caller.warn(
            f"onnxruntime is not installed: the ONNX model was run by {REFERENCE}, which knows operators that other "
            "runtimes lack (pip install 'fastbp[onnx]')"
        )


def _outputs(proto, feeds):
    """What the runtime comes to."""
    onnxruntime = _onnxruntime()
    if onnxruntime is None:
        from onnx.reference import ReferenceEvaluator

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return ReferenceEvaluator(proto).run(None, feeds)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised, too
    options.intra_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=providers).run(None, feeds)


# ---- What is expected, and what was found ----------------------------------------------------------------------------


def _answer(model, last, samples):
    """The first sample that the model takes, for the runtime; and what the model says, as the outputs of ONNX."""
    for sample, X in samples:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # of names of columns, say
                predicted = np.asarray(model.predict(sample))
                if hasattr(last, "classes_"):
                    return X, [labels(predicted), model.predict_proba(sample)]
                return X, [predicted.reshape(len(X), -1)]
        except Exception as problem:  # of any kind: steps may be anyone's
            refusal = problem
    raise ValueError(
        f"sample must be given as samples that the model can predict; of what came or was drawn it says: {refusal}"
    ) from refusal


def _problem(proto, feeds, expected, dtype, several=False, origin=0.0):
    """What is wrong with an ONNX model, in words; None if nothing.

    Parameters
    ----------
    proto : onnx.ModelProto
    feeds : dict of str to ndarray
        Its inputs.
    expected : list of ndarray
        Its last outputs: labels, if it has some, and numbers.
    dtype : dtype
        In which it computes.
    several : bool
        Whether a sample has several labels.
    origin : float
        From which the numbers are measured.
    """
    try:
        found = _outputs(proto, feeds)
    except Exception as problem:  # of any kind: each runtime has its own
        return " ".join(str(problem).split())[:LONGEST]
    *label, numbers = expected
    if found[-1].shape != numbers.shape:
        return f"it comes to the shape {found[-1].shape} instead of {numbers.shape}"
    with np.errstate(all="ignore"):
        numbers, came = numbers - np.float64(origin), found[-1] - np.float64(origin)
        usual = np.where(np.isfinite(numbers), numbers, 0.0)
        of_spread, of_largest = LIMITS[np.dtype(dtype).name]
        limit = of_spread * np.ptp(usual, axis=0) + of_largest * np.abs(usual).max(axis=0)
        same = (np.abs(came - numbers) <= limit) | (came == numbers) | (np.isnan(came) & np.isnan(numbers))
        if not same.all():
            rows, most = (~same.all(axis=1)).sum(), np.abs(came - numbers).max()
            return f"it comes to something else for {rows} of {len(same)} samples, by up to {most:.3g}"
    if label and ((label[0] != found[0]) & _decided(numbers, limit, several)).any():
        return f"it comes to other labels, {found[0][:3]}... instead of {label[0][:3]}..."
    return None


def _decided(probabilities, limit, several):
    """Whether a label cannot be another one if probabilities change within the limit."""
    if several:
        return np.abs(probabilities - 0.5) > limit
    if probabilities.shape[1] == 1:
        return np.ones(len(probabilities), bool)
    *_, second, first = np.sort(probabilities, axis=1).T
    return first - second > 2 * limit.max()


# ---- Whose fault it is -----------------------------------------------------------------------------------------------


def _culprit(steps, dtype, X, problem):
    """The first step up to which the runtime comes to something else than scikit-learn, and what is wrong there."""
    transformed = X
    for number, (name, step) in enumerate(steps[:-1], 1):
        transformed = step.transform(transformed)
        expected = transformed.toarray() if hasattr(transformed, "toarray") else np.asarray(transformed)
        here = _problem(pipelines.proto_of(steps[:number], dtype), {"X": X}, [expected], dtype)
        if here:
            return (name, step), here
    return steps[-1], problem


def _runs_in_float32(steps, X, expected, several):
    try:
        proto = pipelines.proto_of(steps, np.dtype(np.float32))
    except ValueError:
        return False
    return not _problem(proto, {"X": X.astype(np.float32)}, expected, np.float32, several)
