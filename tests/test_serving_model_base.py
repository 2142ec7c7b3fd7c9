"""`write_model_base`: the versions and labels that a server offers follow the folders."""

import pathlib
import shutil

import pytest

from kerasgan import serving
from kerasgan.serving import model_base

STORED = pathlib.Path(__file__).parents[1] / "saved_models"


@pytest.fixture
def base(tmp_path):
    """A folder with two models, of one and three versions, and things that are no models."""
    for path in ("gan/1", "cgan/1", "cgan/2", "cgan/10", "preset/notes"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "saved_model.pb").touch()
    (tmp_path / "cgan" / "11").mkdir()  # no SavedModel in it
    (tmp_path / "cgan" / ".tmp-export-1").mkdir()
    (tmp_path / "card" / "samples").mkdir(parents=True)
    (tmp_path / "file").write_text("no folder")
    return tmp_path


def test_models_config(base):
    labels = serving.write_model_base(base)
    assert labels == {"cgan": {"stable": 2, "canary": 10}, "gan": {"stable": 1}}
    assert (base / "models.config").read_text() == (
        "model_config_list {\n"
        "  config {\n"
        '    name: "cgan"\n'
        '    base_path: "/models/cgan"\n'
        '    model_platform: "tensorflow"\n'
        "    model_version_policy { all {} }\n"
        '    version_labels { key: "stable" value: 2 }\n'
        '    version_labels { key: "canary" value: 10 }\n'
        "  }\n"
        "  config {\n"
        '    name: "gan"\n'
        '    base_path: "/models/gan"\n'
        '    model_platform: "tensorflow"\n'
        "    model_version_policy { all {} }\n"
        '    version_labels { key: "stable" value: 1 }\n'
        "  }\n"
        "}\n"
    )


def test_it_is_what_the_server_parses(base):
    config = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    text_format = pytest.importorskip("google.protobuf.text_format")
    serving.write_model_base(base, base_path="/srv/zoo")
    text = (base / "models.config").read_text()
    parsed = text_format.Parse(text, config.ModelServerConfig()).model_config_list.config
    assert [(c.name, c.base_path, c.model_platform) for c in parsed] == [
        ("cgan", "/srv/zoo/cgan", "tensorflow"),
        ("gan", "/srv/zoo/gan", "tensorflow"),
    ]
    assert dict(parsed[0].version_labels) == {"stable": 2, "canary": 10}
    assert parsed[0].model_version_policy.WhichOneof("policy_choice") == "all"


def test_promotion_and_rollback(base):
    def labels(**stable):
        return serving.write_model_base(base, stable)["cgan"]

    assert labels(cgan=10) == {"stable": 10}  # promoted: the canary is stable
    assert labels(cgan=1) == {"stable": 1, "canary": 10}  # back to the oldest
    shutil.move(base / "cgan" / "10", base / "card" / "withdrawn")  # by folder
    assert labels() == {"stable": 1, "canary": 2}
    shutil.rmtree(base / "cgan" / "1")
    assert labels() == {"stable": 2}
    shutil.rmtree(base / "cgan" / "2")
    assert serving.write_model_base(base) == {"gan": {"stable": 1}}


def test_the_version_before_one_that_was_moved_away_is_stable(base):
    serving.write_model_base(base, {"cgan": 10})
    shutil.move(base / "cgan" / "10", base / "card" / "withdrawn")
    assert serving.write_model_base(base)["cgan"] == {"stable": 2}


def test_a_version_stays_stable_until_another_is_promoted(base):
    name = next(iter(serving.write_model_base(base)))
    numbers = sorted(int(p.parent.name) for p in (base / name).glob("*/saved_model.pb"))
    newest = numbers[-1]
    serving.write_model_base(base, stable={name: newest})
    (base / name / str(newest + 1)).mkdir(exist_ok=True)
    (base / name / str(newest + 1) / "saved_model.pb").touch()
    assert serving.write_model_base(base)[name] == {"stable": newest, "canary": newest + 1}
    (base / name / str(newest + 2)).mkdir()
    (base / name / str(newest + 2) / "saved_model.pb").touch()
    assert serving.write_model_base(base)[name] == {"stable": newest, "canary": newest + 2}


def test_an_export_becomes_the_canary(base):
    from tests.latent.test_space import tiny_gan

    serving.export(tiny_gan(), base / "gan")
    assert serving.write_model_base(base)["gan"] == {"stable": 1, "canary": 2}


def test_other_files_are_written_once(base):
    serving.write_model_base(base)
    for name in ("batching_parameters.txt", "monitoring.config", "compose.yaml"):
        assert (base / name).stat().st_size > 50
    (base / "monitoring.config").write_text("mine")
    (base / "models.config").write_text("old")
    serving.write_model_base(base)
    assert (base / "monitoring.config").read_text() == "mine"
    assert (base / "models.config").read_text() != "old"


@pytest.mark.parametrize(
    "stable", [{"cgan": 3}, {"cgan": 11}, {"nobody": 1}, {"cgan": "2"}, {"cgan": None}]
)
def test_stable_versions_that_are_not_there(base, stable):
    with pytest.raises(ValueError, match=r"versions that are there.*Received: stable="):
        serving.write_model_base(base, stable)
    assert not (base / "models.config").exists()


def test_names_that_no_server_takes(base):
    (base / 'a "b"' / "1").mkdir(parents=True)
    (base / 'a "b"' / "1" / "saved_model.pb").touch()
    with pytest.raises(ValueError, match="Received: 'a \"b\"'"):
        serving.write_model_base(base)


def test_folders_that_are_none(base):
    for directory in (base / "nowhere", base / "file"):
        with pytest.raises(ValueError, match="Received: directory="):
            serving.write_model_base(directory)
    assert not (base / "nowhere").exists()


def test_saved_models_is_a_model_base(tmp_path):
    """What is stored there is what the function writes for the versions that are there."""
    for path in STORED.glob("*/*/saved_model.pb"):
        copy = tmp_path / path.relative_to(STORED)
        copy.parent.mkdir(parents=True)
        copy.touch()
    serving.write_model_base(tmp_path)
    for name in ("models.config", *model_base._STATIC):
        assert (STORED / name).read_text() == (tmp_path / name).read_text(), name


def test_the_compose_file_is_yaml():
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load(model_base._COMPOSE)["services"]
    assert services["serving"]["image"] == "tensorflow/serving:latest"
    assert services["serving-gpu"]["image"] == "tensorflow/serving:latest-gpu"
    for service in services.values():
        assert service["command"] == [
            "--model_config_file=/models/models.config",
            "--model_config_file_poll_wait_seconds=10",  # else promotions wait for a restart
            "--allow_version_labels_for_unavailable_models=true",
            "--monitoring_config_file=/models/monitoring.config",
        ]
        assert service["volumes"] == ["./:/models:ro"]
