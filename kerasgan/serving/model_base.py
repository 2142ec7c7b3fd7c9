"""The files from which one TF Serving offers every exported model of a folder."""

import pathlib
import re

from kerasgan import files

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # goes into addresses and into a text format
_OF_NAME = re.compile(r'name: "([^"]+)"')
_OF_STABLE = re.compile(r'key: "stable" value: (\d+)')

_BATCHING = """\
# For TF Serving's --batching_parameters_file, with --enable_batching: requests that arrive together
# run together. Off unless you turn it on, as inputs are joined along their first axis: the server
# then refuses sample, sample_png and every signature with a single number (seed, num, truncation)
# among its inputs; a request may have max_batch_size rows at most; and where one of the requests
# that were joined is bad, all of them fail. It pays for serving_default, encode and reconstruct.
max_batch_size { value: 64 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 100 }
num_batch_threads { value: 4 }
"""

_MONITORING = """\
# For TF Serving's --monitoring_config_file: counts and latencies for Prometheus, on the REST port.
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""

_COMPOSE = """\
# docker compose up serving        REST on port 8501, gRPC on 8500, of all models of this folder
# docker compose up serving-gpu    the same on a GPU
x-serving: &serving
  image: tensorflow/serving:latest
  ports: ["8500:8500", "8501:8501"]
  volumes: ["./:/models:ro"]
  restart: unless-stopped
  command:
    - --model_config_file=/models/models.config
    - --model_config_file_poll_wait_seconds=10
    - --allow_version_labels_for_unavailable_models=true
    - --monitoring_config_file=/models/monitoring.config

services:
  serving:
    <<: *serving
  serving-gpu:
    <<: *serving
    image: tensorflow/serving:latest-gpu
    profiles: [gpu]
    deploy:
      resources:
        reservations:
          devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]
"""

_STATIC = {
    "batching_parameters.txt": _BATCHING,
    "monitoring.config": _MONITORING,
    "compose.yaml": _COMPOSE,
}


def write_model_base(directory, stable=None, base_path="/models"):
    """Writes `models.config` of the models in `directory`, and what else a server needs.

    A model is a folder with numbered version folders that hold a SavedModel. All of them are
    served, side by side: one has the label `stable`; the newest, where it is another, `canary`.
    Requests that name neither a version nor a label get the newest. Each version takes memory, so
    move away those that nobody needs.

    Not only those with labels, for a server moves a label that is in use only to a version that it
    has loaded, and takes nothing of a file that asks for more. So no file is refused for good, and
    a label goes back to an older version at once.

    `batching_parameters.txt`, `monitoring.config` and `compose.yaml` are written where they aren't
    there: those that you changed stay.

    Args:
        directory: the folder of the models, e.g. "saved_models".
        stable: dict: name of a model -> its stable version, an integer. Models left out keep the
            stable version that `models.config` says; where its folder is gone, the newest of those
            below it. Else it is the second newest version, or the only one.
        base_path: the folder's path where the server sees it.

    Returns:
        dict: name of a model -> dict of labels: {"stable": 1, "canary": 2}.

    Raises:
        ValueError: no such folder, or one that can't be written to; a model or a version in
            `stable` that isn't there; a folder of versions whose name can't be a model's.

    Example:
        >>> import tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for version in ("1", "2"):
        ...     (folder / "gan_mnist" / version).mkdir(parents=True)
        ...     (folder / "gan_mnist" / version / "saved_model.pb").touch()
        >>> write_model_base(folder)
        {'gan_mnist': {'stable': 1, 'canary': 2}}
        >>> write_model_base(folder, stable={"gan_mnist": 2})
        {'gan_mnist': {'stable': 2}}
        >>> (folder / "gan_mnist" / "3").mkdir()
        >>> (folder / "gan_mnist" / "3" / "saved_model.pb").touch()
        >>> write_model_base(folder)
        {'gan_mnist': {'stable': 2, 'canary': 3}}
    """
    path = pathlib.Path(directory).expanduser()
    if not path.is_dir():
        raise ValueError(
            "directory must be the folder of the exported models. "
            f"Received: directory={str(directory)!r}"
        )
    path = files.writable_directory("directory", path)
    versions = {
        folder.name: found for folder in sorted(path.glob("*/")) if (found := _versions(folder))
    }
    labels = _labels(versions, stable or {}, _stable_so_far(path / "models.config"))
    entries = "".join(_entry(name, labels[name], base_path) for name in labels)
    with files.replacing(path / "models.config") as temporary:
        temporary.write_text(f"model_config_list {{\n{entries}}}\n")
    for name, text in _STATIC.items():
        if not (path / name).exists():
            with files.replacing(path / name) as temporary:
                temporary.write_text(text)
    return labels


def _versions(folder):
    """Numbers of the versions in a model's folder, ascending."""
    models = [path.parent for path in folder.glob("*/saved_model.pb")]
    return sorted(int(path.name) for path in models if path.name.isdecimal())


def _stable_so_far(config):
    """dict: name of a model -> its stable version, as a `models.config` says."""
    text = config.read_text() if config.exists() else ""
    found = {}
    for entry in text.split("config {")[1:]:
        name, version = _OF_NAME.search(entry), _OF_STABLE.search(entry)
        if name and version:
            found[name[1]] = int(version[1])
    return found


def _labels(versions, stable, before):
    for name in versions:
        if not _NAME.fullmatch(name):
            raise ValueError(
                "A model's folder must be named with letters, digits, '_', '-' and '.' only. "
                f"Received: {name!r}"
            )
    for name, version in stable.items():
        if version not in versions.get(name, []):
            raise ValueError(
                "stable must map models to versions that are there: "
                f"{ {name: versions.get(name, [])} }. Received: stable={stable}"
            )
    labels = {}
    for name, numbers in versions.items():
        kept = before.get(name)
        if kept not in numbers:
            older = [number for number in numbers if kept and number < kept]
            kept = (older[-1:] or numbers[-2:])[0]
        chosen = stable.get(name, kept)
        labels[name] = {"stable": chosen}
        if numbers[-1] > chosen:
            labels[name]["canary"] = numbers[-1]
    return labels


def _entry(name, labels, base_path):
    named = "".join(
        f'    version_labels {{ key: "{label}" value: {version} }}\n'
        for label, version in labels.items()
    )
    return (
        "  config {\n"
        f'    name: "{name}"\n'
        f'    base_path: "{base_path}/{name}"\n'
        '    model_platform: "tensorflow"\n'
        "    model_version_policy { all {} }\n"
        f"{named}"
        "  }\n"
    )
