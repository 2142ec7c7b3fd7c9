"""Versions come, are promoted and go while a server runs, and its answers follow: of TF Serving's
double here, of TF Serving itself in test_serving_server.py.
"""

import contextlib
import shutil

import numpy as np
import pytest

from kerasgan import serving
from kerasgan.serving import Client
from tests import serving_checks, serving_double, serving_models
from tests.latent.test_space import tiny_gan

pytestmark = pytest.mark.slow


@pytest.fixture(params=["rest", "grpc"])
def transport(request):
    if request.param == "grpc":
        pytest.importorskip("grpc")
        pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")
    return getattr(serving_double, request.param)


@contextlib.contextmanager
def running(base, transport):
    """Yields (function that writes the model base, address, the double's models)."""

    def write(**stable):
        return serving.write_model_base(base, stable, base_path=str(base))

    write()
    models = serving_models.Models(base / "models.config")
    with models.watched(), transport(models) as address:
        yield write, address, models


@pytest.fixture
def first(tmp_path):
    """(model, answers): version 1 of "gan" is there."""
    model, answers = tiny_gan(), {}
    serving_checks.export_next(model, tmp_path / "gan", answers)
    return model, answers


def test_canary_promotion_and_rollback(tmp_path, first, transport):
    with running(tmp_path, transport) as (_, address, _):
        serving_checks.promote_and_roll_back(address, tmp_path, "gan", *first)


def test_a_promoted_version_whose_folder_is_moved_away(tmp_path, first):
    """Requests for no version lose nothing; those for "stable" wait for the file to be read."""
    model, answers = first
    with running(tmp_path, serving_double.rest) as (write, address, models):
        serving_checks.export_next(model, tmp_path / "gan", answers)
        write(gan=2)
        with serving_checks.Asking(address, "gan", answers, [None, "stable"]) as asking:
            asking.until({None: 2, "stable": 2})
            shutil.move(tmp_path / "gan" / "2", tmp_path / "withdrawn-2")
            asking.until({None: 1})
            assert write() == {"gan": {"stable": 1}}
            asking.until({None: 1, "stable": 1})
        histories = asking.histories()
        assert {history[-2:] for history in histories[None]} == {(2, 1)}
        assert {v for history in histories["stable"] for v in history} <= {1, 2, "NOT_FOUND"}
        assert models.refused is None


def test_a_canary_after_a_canary(tmp_path, first):
    """The label is in use: it goes on once the next version is loaded, and no request is lost."""
    model, answers = first
    serving_checks.export_next(model, tmp_path / "gan", answers)
    with running(tmp_path, serving_double.rest) as (write, address, _):
        with serving_checks.Asking(address, "gan", answers, ["stable", "canary"]) as asking:
            asking.until({"stable": 1, "canary": 2})
            serving_checks.export_next(model, tmp_path / "gan", answers)
            assert write() == {"gan": {"stable": 1, "canary": 3}}
            asking.until({"stable": 1, "canary": 3})
        assert asking.histories() == {"stable": {(1,)}, "canary": {(2, 3)}}


# What the double has of TF Serving -----------------------------------------------------------

CONFIG = """\
model_config_list {{
  config {{
    name: "gan"
    base_path: "{base}/gan"
    model_platform: "tensorflow"
    model_version_policy {{ {policy} }}
{labels}  }}
}}
"""


def config(base, policy, **labels):
    lines = [f'    version_labels {{ key: "{k}" value: {v} }}\n' for k, v in labels.items()]
    text = CONFIG.format(base=base, policy=policy, labels="".join(lines))
    (base / "models.config").write_text(text)


def test_a_label_in_use_moves_only_to_what_is_loaded(tmp_path, first):
    model, answers = first
    for _ in range(2):
        serving_checks.export_next(model, tmp_path / "gan", answers)
    config(tmp_path, "specific { versions: 1 versions: 2 }", stable=1, canary=2)
    models = serving_models.Models(tmp_path / "models.config")
    config(tmp_path, "specific { versions: 1 versions: 3 }", stable=1, canary=3)
    for _ in range(3):  # nothing of the file is taken, so that version 3 never comes
        models.read()
        models.look()
        assert models.refused.startswith("Request to assign label to version 3 of model gan")
        assert models.labels == {"gan": {"stable": 1, "canary": 2}}
        assert models.status("gan") == {1: "AVAILABLE", 2: "AVAILABLE"}
    config(tmp_path, "specific { versions: 1 versions: 3 }", stable=1, newer=3)
    models.read()
    models.look()
    assert models.refused is None  # a new label may come before its version
    assert models.status("gan") == {1: "AVAILABLE", 2: "END", 3: "AVAILABLE"}


@pytest.mark.parametrize(
    "policy, loaded",
    [
        ("latest { num_versions: 2 }", {2, 3}),
        ("latest { }", {3}),
        ("specific { versions: 1 versions: 3 versions: 9 }", {1, 3}),
        ("all { }", {1, 2, 3}),
    ],
)
def test_policies(tmp_path, monkeypatch, policy, loaded):
    monkeypatch.setattr(serving_models, "_load", lambda path: (path, {}))
    for number in (1, 2, 3):
        (tmp_path / "gan" / str(number)).mkdir(parents=True)
    (tmp_path / "gan" / ".tmp-export-4").mkdir()
    config(tmp_path, policy)
    models = serving_models.Models(tmp_path / "models.config")
    assert {number for _, number in models.versions} == loaded
    shutil.rmtree(tmp_path / "gan" / "3")
    models.look()
    assert models.status("gan")[3] == "END"


def test_what_cannot_be_loaded_leaves_the_others_alone(tmp_path, first):
    _, answers = first
    (tmp_path / "gan" / "2").mkdir()
    (tmp_path / "gan" / "2" / "saved_model.pb").write_bytes(b"broken")
    with running(tmp_path, serving_double.rest) as (_, address, _):
        made = Client(address, "gan").sample(2, seed=0)
        assert Client(address, "gan").versions() == {1: "AVAILABLE", 2: "LOADING"}
    np.testing.assert_allclose(made, answers[1], atol=1e-5)
