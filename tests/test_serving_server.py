"""A real TF Serving, where there is one: `tensorflow_model_server` on PATH, or TF_SERVING_ADDRESS,
the address of one (or several, by commas; http:// or grpc://) that serves saved_models/.
"""

import os
import pathlib
import shutil
import subprocess

import pytest

from kerasgan import serving
from kerasgan.serving import Client
from tests import serving_checks
from tests.latent.test_space import tiny_cgan, tiny_gan
from tests.models.test_cyclegan import TestCycleGAN as CycleGANContract
from tests.recipes.serving import free_port

STORED = pathlib.Path(__file__).parents[1] / "saved_models"
POLL = 1  # seconds between a server's looks at its configuration


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """(folder of models, addresses) of a TF Serving of our own."""
    program = shutil.which("tensorflow_model_server")
    if program is None:
        pytest.skip("there is no tensorflow_model_server on PATH")
    base = tmp_path_factory.mktemp("base")
    for name, build in (("gan", tiny_gan), ("cgan", tiny_cgan), ("cyclegan", None)):
        serving.export(build() if build else CycleGANContract().make_model(), base / name)
    serving.write_model_base(base, base_path=str(base))
    rest, grpc = free_port(), free_port()
    command = [program, f"--rest_api_port={rest}", f"--port={grpc}"]
    command += [f"--model_config_file={base / 'models.config'}"]
    command += [f"--model_config_file_poll_wait_seconds={POLL}"]
    command += ["--allow_version_labels_for_unavailable_models=true"]
    command += [f"--monitoring_config_file={base / 'monitoring.config'}"]
    process = subprocess.Popen(command)
    addresses = [f"http://127.0.0.1:{rest}", f"grpc://127.0.0.1:{grpc}"]
    try:
        cyclegan = Client(addresses[0], "cyclegan")
        serving_checks.wait_for(lambda: cyclegan.versions() == {1: "AVAILABLE"})
        yield base, addresses
    finally:
        process.terminate()
        process.wait()


def clients(addresses, model, version=None):
    for address in addresses:
        if address.startswith("grpc"):
            pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is needed")
        yield Client(address, model, version)


@pytest.mark.slow
def test_a_server_of_our_own(server):
    base, addresses = server
    for name in ("gan", "cgan", "cyclegan"):
        for client in clients(addresses, name):
            serving_checks.compare(client, base / name / "1")
            if name != "cyclegan":
                serving_checks.refuse(client)


@pytest.mark.slow
def test_swap_and_rollback(server):
    base, addresses = server
    model, answers = tiny_gan(), {}
    serving_checks.export_next(model, base / "swapped", answers)
    serving.write_model_base(base, base_path=str(base))
    serving_checks.wait_for(lambda: len(Client(addresses[0], "swapped").sample(1)) == 1)
    serving_checks.promote_and_roll_back(addresses[0], base, "swapped", model, answers)
    for client in clients(addresses, "swapped"):
        serving_checks.compare(client, base / "swapped" / "1")


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(STORED.glob("*/[0-9]*/saved_model.pb")), ids=str)
def test_a_server_of_saved_models(path):
    addresses = os.environ.get("TF_SERVING_ADDRESS")
    if not addresses:
        pytest.skip("TF_SERVING_ADDRESS is not set")
    version = path.parent
    for client in clients(addresses.split(","), version.parent.name, int(version.name)):
        serving_checks.compare(client, version)
