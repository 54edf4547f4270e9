"""Model files: what is written is read, by us and by the safetensors package; what is damaged is refused by name."""

import errno
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp import atomic
from fastbp.files import safetensors
from fastbp.files.safetensors import ModelFile
from fastbp.lecture.codes import ERRORS_OF, HIDDEN
from tests.cases import DTYPES

NETWORK = fastbp.Network((3, 4, 2), seed=1)


def same(a, b):
    return repr(a) == repr(b) and a.theta.tobytes() == b.theta.tobytes()


# ---- There and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", [*HIDDEN, ["tanh", "relu"], ["elu"], []])
def test_a_network_comes_back_bit_by_bit(activation, dtype, tmp_path):
    layers = 1 if isinstance(activation, str) else len(activation)
    numbers = {"huber": {"huber_delta": 0.25}, "quantile": {"quantile": 0.25}}
    for output, losses in ERRORS_OF.items():
        for loss in losses:
            network = fastbp.Network(
                (5, *[3] * layers, 2), activation, output, dtype, 7, loss=loss, **numbers.get(loss, {})
            )
            network.theta[:3] = np.nan, -0.0, np.inf
            network.save(tmp_path / "model.safetensors")
            assert same(fastbp.load(str(tmp_path / "model.safetensors")), network)


def test_what_was_read_can_be_trained(tmp_path):
    NETWORK.save(tmp_path / "model")
    network = fastbp.load(tmp_path / "model")
    fastbp.train(network, [[1, 2, 3]], [[0, 1]], epochs=1, version="matrix")
    assert not same(network, NETWORK)


def test_the_safetensors_package_reads_our_files_and_we_what_it_has_written(tmp_path):
    package, of_numpy = pytest.importorskip("safetensors"), pytest.importorskip("safetensors.numpy")
    NETWORK.save(tmp_path / "ours")
    arrays = of_numpy.load_file(tmp_path / "ours")
    np.testing.assert_array_equal(arrays["layers.1.weight"], NETWORK.W[1])
    with package.safe_open(tmp_path / "ours", "np") as file:
        strings = file.metadata()
    assert strings["kind"] == "network"
    of_numpy.save_file(arrays, tmp_path / "theirs", strings)
    assert same(fastbp.load(tmp_path / "theirs"), NETWORK)
    del strings["digest"]  # which other writers do not know
    of_numpy.save_file(arrays, tmp_path / "theirs", strings)
    assert same(fastbp.load(tmp_path / "theirs"), NETWORK)


def test_arrays_lie_where_their_numbers_can_be_read_at_once(tmp_path):
    arrays = {"a": np.zeros(3, np.uint8), "b": np.zeros(3, np.float32), "c": np.zeros(3)}
    safetensors.write(tmp_path / "file", "network", {"long name": "ä" * 3}, arrays)
    data = (tmp_path / "file").read_bytes()
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    places = {name: entry["data_offsets"] for name, entry in json.loads(data[8 : 8 + length]).items() if name in arrays}
    assert places == {"c": [0, 24], "b": [24, 36], "a": [36, 39]}


def test_a_file_holds_no_names_of_classes(tmp_path):
    NETWORK.save(tmp_path / "model")
    assert set(ModelFile(tmp_path / "model").strings) == {"activation", "output", "loss", "loss parameter"}
    assert b"Network" not in (tmp_path / "model").read_bytes()


def test_too_many_options_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="at most 1,000,000 bytes of names and options, got 1,0"):
        safetensors.write(tmp_path / "file", "network", {"text": "x" * 10**6}, {})
    assert not any(tmp_path.iterdir())


# ---- What is refused -------------------------------------------------------------------------------------------------


def file_of(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def header(**changes):
    return {"__metadata__": {"format": "fastbp 2", "kind": "network"}, "x": entry()} | changes


def entry(**changes):
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes


EIGHT = bytes(8)
REFUSED = {
    "at least 8 bytes, this one has 7": bytes(7),
    "its header would have 100 bytes": file_of({}, length=100),
    "its header would have 1,000,002 bytes, where 1,000,000 are allowed": file_of(b"{" + b" " * 10**6 + b"}"),
    "UTF-8, byte 2": file_of(b'{"\xff": 1}'),
    "JSON: Expecting": file_of(b"{]"),
    "must be a JSON object": file_of(b"[]"),
    "a JSON object": file_of(b" {}"),
    "nested too deeply": file_of(b'{"x":' + b"[" * 10**5 + b"]" * 10**5 + b"}"),
    "'x' twice": file_of(b'{"x": 1, "x": 2}'),
    "an integer of 30 digits": file_of(b'{"x": ' + b"1" * 30 + b"}"),
    "no numbers but integers, it has '1.5'": file_of(b'{"x": 1.5}'),
    "integers, it has 'NaN'": file_of(b'{"x": NaN}'),
    "must be an object of strings": file_of({"__metadata__": 3}),
    "must hold strings, 'x' is none": file_of({"__metadata__": {"x": 3}}),
    "must hold text, 'x' has half a character": file_of({"__metadata__": {"x": "\ud800"}}),
    "array 'x' must have dtype, shape and data_offsets": file_of({"x": {}}),
    "and nothing else": file_of(header(x=entry(more=1)), EIGHT),
    "a dtype of F64, I64, F32, U32, U8, it has 'BF16'": file_of(header(x=entry(dtype="BF16")), EIGHT),
    "it has ['F32']": file_of(header(x=entry(dtype=["F32"])), EIGHT),
    "8 integers, it has [-1]": file_of(header(x=entry(shape=[-1])), EIGHT),
    "8 integers, it has [True]": file_of(header(x=entry(shape=[True])), EIGHT),
    "8 integers, it has 2": file_of(header(x=entry(shape=2)), EIGHT),
    "at most 8 integers": file_of(header(x=entry(shape=[1] * 8 + [2])), EIGHT),
    "two data_offsets, it has [0]": file_of(header(x=entry(data_offsets=[0])), EIGHT),
    "must have 8 bytes, as its shape says": file_of(header(x=entry(data_offsets=[0, 4])), bytes(4)),
    "must have 4000000000000000000 bytes": file_of(header(x=entry(shape=[10**18])), EIGHT),
    "array 'y' must begin at byte 8 of the data, it begins at 0": file_of(header(y=entry()), EIGHT),
    "array 'y' must begin at byte 8 of the data, it begins at 16": file_of(
        header(y=entry(data_offsets=[16, 24])), bytes(24)
    ),
    "must fill the 9 bytes after the header, they take 8": file_of(header(), bytes(9)),
    "none of fastbp": file_of({"x": entry()}, EIGHT),
    "its format is 'fastbp 1', known here is 'fastbp 2'": file_of({"__metadata__": {"format": "fastbp 1"}}),
    "its format is 'fastbp 3', known here is 'fastbp 2'": file_of({"__metadata__": {"format": "fastbp 3"}}),
    "it has no 'kind'": file_of({"__metadata__": {"format": "fastbp 2"}}),
    "it is 'os.system'": file_of({"__metadata__": {"format": "fastbp 2", "kind": "os.system"}}),
    "it has 0 layers": file_of(header(), EIGHT),
}


@pytest.mark.parametrize("expected", REFUSED)
def test_what_is_wrong_is_named(expected, tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(REFUSED[expected])
    with pytest.raises(fastbp.ModelFileError) as caught:
        fastbp.load(path)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


CHANGES = {
    "it has no array 'layers.1.bias'": lambda strings, arrays: arrays.pop("layers.1.bias"),
    "must have shape (4,), it has (5,)": lambda strings, arrays: arrays.update({"layers.0.bias": np.zeros(5, "f4")}),
    "must have shape (any, any)": lambda strings, arrays: arrays.update({"layers.0.weight": np.zeros(12, "f4")}),
    "all float32 or all float64": lambda strings, arrays: arrays.update({"layers.0.bias": np.zeros(4)}),
    "do not fit together": lambda strings, arrays: arrays.update({"layers.1.weight": np.zeros((2, 5), "f4")}),
    "it has 'more', which does not belong there": lambda strings, arrays: strings.update(more="1"),
    "activation must be one of": lambda strings, arrays: strings.update(activation="__import__"),
    "a name for each of the 1 hidden layers": lambda strings, arrays: strings.update(activation="[tanh, relu]"),
    "'output' must be one of": lambda strings, arrays: strings.update(output="eval"),
    "'loss' must be one of 'cross_entropy', it is": lambda strings, arrays: strings.update(loss="squared_error"),
    "'loss parameter' must be a number, it is 'x'": lambda strings, arrays: strings.update({"loss parameter": "x"}),
    "loss parameter must be between": lambda strings, arrays: strings.update({"loss parameter": "-inf"}),
    "sizes[0] must be at least 1": lambda strings, arrays: arrays.update({"layers.0.weight": np.zeros((4, 0), "f4")}),
}


@pytest.mark.parametrize("expected", CHANGES)
def test_a_network_that_fits_nothing_is_refused(expected, tmp_path):
    strings, arrays = NETWORK._record()
    CHANGES[expected](strings, arrays)
    safetensors.write(tmp_path / "bad", "network", strings, arrays)
    with pytest.raises(fastbp.ModelFileError) as caught:
        fastbp.load(tmp_path / "bad")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("loss", "number", "expected"),
    [
        ("huber", "none", "loss parameter must be a number for loss='huber', it has none"),
        ("quantile", "none", "loss parameter must be a number for loss='quantile', it has none"),
        ("huber", "0.0", "huber_delta must be between 2^-32 and"),
        ("huber", "nan", "huber_delta must be between 2^-32 and"),
        ("quantile", "1.0", "quantile must be between 2^-32 and 1 - 2^-32, got 1.0"),
    ],
)
def test_the_number_of_a_loss_must_be_one_that_it_may_have(loss, number, expected, tmp_path):
    strings, arrays = fastbp.Network((3, 2), output="identity", loss=loss)._record()
    safetensors.write(tmp_path / "bad", "network", strings | {"loss parameter": number}, arrays)
    with pytest.raises(fastbp.ModelFileError) as caught:
        fastbp.load(tmp_path / "bad")
    assert expected in str(caught.value)


@pytest.mark.parametrize("at", range(0, 120, 7))
def test_a_changed_number_is_seen(at, tmp_path):
    path = tmp_path / "model"
    NETWORK.save(path)
    data = bytearray(path.read_bytes())
    data[-1 - at % (NETWORK.theta.size * 4)] ^= 1
    path.write_bytes(data)
    with pytest.raises(fastbp.ModelFileError, match="the digest is another one"):
        fastbp.load(path)


def test_what_is_no_file_is_no_model_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        fastbp.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        fastbp.load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    for special in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(fastbp.ModelFileError, match="no regular file"):
            fastbp.load(special)


def test_nothing_large_is_allocated_but_what_the_file_holds(tmp_path):
    network = fastbp.Network((1000, 1000, 10))
    network.save(tmp_path / "model")
    lies = file_of(header(x=entry(shape=[2**61], data_offsets=[0, 2**63])), EIGHT)
    (tmp_path / "lies").write_bytes(lies)
    fastbp.load(tmp_path / "model")  # imports
    tracemalloc.start()
    try:
        fastbp.load(tmp_path / "model")
        assert tracemalloc.get_traced_memory()[1] < 2.01 * (tmp_path / "model").stat().st_size
        tracemalloc.reset_peak()
        with pytest.raises(fastbp.ModelFileError):
            fastbp.load(tmp_path / "lies")
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()


# ---- Whole, or not at all --------------------------------------------------------------------------------------------


def test_an_old_file_survives_whatever_goes_wrong(tmp_path, monkeypatch):
    path = tmp_path / "model"
    NETWORK.save(path)
    before = path.read_bytes()
    for place, number in (("fsync", errno.EIO), ("replace", errno.EACCES)):
        with monkeypatch.context() as patch:
            patch.setattr(atomic.os, place, lambda *_, n=number: (_ for _ in ()).throw(OSError(n, os.strerror(n))))
            with pytest.raises(OSError, match=os.strerror(number)) as caught:
                fastbp.Network((3, 4, 2), seed=2).save(path)
        assert caught.value.filename == str(path)
        assert path.read_bytes() == before
        assert [*tmp_path.iterdir()] == [path]  # and no half file beside it


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of resources")
def test_a_full_disk(tmp_path):
    """The limit of a file's size stands for the end of the disk."""
    script = """
import resource, signal, sys, fastbp
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
fastbp.Network((3, 4, 2)).save(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
fastbp.Network((300, 400, 2)).save(sys.argv[1])
"""
    out = subprocess.run([sys.executable, "-c", script, tmp_path / "model"], capture_output=True, text=True)
    assert f"File too large: '{tmp_path / 'model'}'" in out.stderr
    assert fastbp.load(tmp_path / "model").sizes == (3, 4, 2)
    assert [*tmp_path.iterdir()] == [tmp_path / "model"]


def test_where_nothing_can_be_written(tmp_path):
    for path in (tmp_path / "no folder" / "model", "/proc/model"):
        with pytest.raises(OSError, match=r"No such file or directory|Permission denied") as caught:
            NETWORK.save(path)
        assert caught.value.filename == str(path)


@pytest.mark.parametrize("path", ["/dev/null", "folder"])
def test_devices_and_folders_are_not_replaced(path, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="no regular file"):
        NETWORK.save(tmp_path / path)
    assert not Path("/dev/null").is_file()


def test_links_and_permissions_stay(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    NETWORK.save(real)
    real.chmod(0o640)
    link.symlink_to(real)
    fastbp.Network((1, 1), output="identity").save(link)
    assert link.is_symlink()
    assert fastbp.load(real).sizes == (1, 1)
    assert real.stat().st_mode & 0o777 == 0o640


def test_new_files_have_the_usual_permissions(tmp_path):
    old = os.umask(0o027)
    try:
        NETWORK.save(tmp_path / "model")
    finally:
        os.umask(old)
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o640


def test_file_and_folder_reach_the_disk(tmp_path, monkeypatch):
    synced, original = [], os.fsync
    monkeypatch.setattr(atomic.os, "fsync", lambda handle: (synced.append(os.fstat(handle)), original(handle)))
    NETWORK.save(tmp_path / "model")
    assert [found.st_ino for found in synced] == [(tmp_path / place).stat().st_ino for place in ("model", ".")]


@pytest.mark.parametrize("name", ["模" * 80 + ".safetensors", "a" * 255])
def test_long_names(name, tmp_path):
    NETWORK.save(tmp_path / name)
    assert same(fastbp.load(tmp_path / name), NETWORK)


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="no users")
def test_read_only_folders_and_files(tmp_path):
    """By a user who is not root, whom nothing holds."""
    (tmp_path / "folder").mkdir()
    NETWORK.save(tmp_path / "folder" / "model")
    before = (tmp_path / "folder" / "model").read_bytes()
    (tmp_path / "folder" / "model").chmod(0o444)
    script = """
import os, sys, fastbp
from fastbp.files import safetensors
network = fastbp.Network((1, 1), output="identity")
if os.geteuid() == 0:
    os.setuid(65534)
for name in sys.argv[1:]:
    try:
        network.save(name)
    except OSError as problem:
        print(type(problem).__name__, problem.filename == name)
"""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == tmp_path.owner() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055 if folder != tmp_path else 0o777)
    (tmp_path / "folder").chmod(0o555)
    paths = [str(tmp_path / "folder" / name) for name in ("new", "model")]
    out = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True)
    (tmp_path / "folder").chmod(0o755)
    assert out.stdout == "PermissionError True\nPermissionError True\n", out.stderr
    assert (tmp_path / "folder" / "model").read_bytes() == before
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["model"]


def test_an_error_in_the_block_leaves_nothing(tmp_path):
    problem = FileNotFoundError(errno.ENOENT, "other", "somewhere else")

    def write_half():
        with atomic.replacing(tmp_path / "file") as file:
            file.write(b"half")
            raise problem

    with pytest.raises(FileNotFoundError) as caught:
        write_half()
    assert caught.value is problem
    assert not any(tmp_path.iterdir())


def test_what_is_being_written_is_not_removed(tmp_path):
    with atomic.replacing(tmp_path / "run") as file:
        file.write(b"first")
        atomic.remove_leftovers(tmp_path / "run")
    assert (tmp_path / "run").read_bytes() == b"first"
