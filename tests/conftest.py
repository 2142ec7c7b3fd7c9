"""Settings of the whole test run: the CPU alone unless GPU tests are asked for, few messages."""

import os
import sys

if "gpu" not in " ".join(sys.argv):
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

collect_ignore = ["models/distributed_run.py"]  # a program, not a module to import


@pytest.fixture(autouse=True)
def _fresh_state():
    """Each test has its own initial weights, the same at every run, and default policies."""
    import keras

    keras.utils.set_random_seed(1234)
    yield
    keras.mixed_precision.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def data_root():
    """The folder of raw data sets; skips where it isn't set."""
    root = os.environ.get("KERASGAN_DATA")
    if not root:
        pytest.skip("KERASGAN_DATA is not set")
    return root
