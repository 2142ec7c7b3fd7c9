"""What lies in saved_models/, by the C++ loader that TF Serving uses: each signature of each
version gives what its preset gives, and 16 threads at once lose nothing.
"""

import pytest

from kerasgan import presets
from kerasgan.tables import Table
from tests import serving_latencies, serving_loader
from tests.serving_loader import OK, Request
from tests.serving_requests import assert_equal, good_requests

pytestmark = pytest.mark.slow

VERSIONS = serving_latencies.versions()


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.parent.name)
def test_a_stored_version_gives_what_its_preset_gives(version):
    serving_loader.compiled()  # or skip
    signatures, inputs, wanted = zip(*good_requests(presets.load(version.parent)))
    assert set(signatures) == serving_loader.signatures(version)
    requests = [Request(str(version), *request) for request in zip(signatures, inputs)]
    responses, _ = serving_loader.run(requests)
    for signature, response, outputs in zip(signatures, responses, wanted, strict=True):
        assert response.code == OK, response.message
        assert_equal(response.outputs, outputs, f"{version} {signature}")


def test_requests_to_every_stored_version_from_sixteen_threads():
    """The short form of `python -m tests.serving_latencies`, all models at once."""
    serving_loader.compiled()  # or skip
    requests = [
        request
        for version in VERSIONS
        for request in serving_latencies.requests_of(version, 1, kinds=2)
    ]
    total = 6 * len(requests)
    _, figures = serving_loader.run(requests, serving_latencies.THREADS, total)
    assert figures["answered"] == total and figures["wrong"] == 0
    assert [len(times) for times in figures["crowded"]] == [6] * len(requests)


def test_the_latencies_are_of_what_is_stored():
    table = Table(serving_latencies.ROOT / "recipes" / "tables" / "latencies.jsonl")
    measured = [(row["model"], row["version"], row["fingerprint_sha256"]) for row in table.rows]
    stored = {(v.parent.name, int(v.name), serving_latencies.fingerprint(v)) for v in VERSIONS}
    assert set(measured) == stored and len(measured) == 2 * len(stored)


def test_a_row_of_latencies():
    """64 samples take longer than one, and the shares of a row belong to it."""
    serving_loader.compiled()  # or skip
    (version,) = serving_latencies.versions(["cgan_mnist"])
    one, many = (serving_latencies.row(version, n, total=64, repetitions=16) for n in (1, 64))
    assert 0 < one["alone_p50"] < many["alone_p50"] <= many["alone_p99"]
    for found in (one, many):
        assert (found["signature"], found["alone"], found["requests"]) == ("sample", 16, 64)
        assert (found["answered"], found["wrong"]) == (64, 0)
        assert found["crowded_p50"] <= found["crowded_p99"] and found["per_second"] > 0
