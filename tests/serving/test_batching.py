"""Requests of several callers in one run: nobody is harmed by his neighbours."""

import http.client
import json
import threading

import numpy as np
import png
import pytest
from client import Client, ServingError

from tests.serving.running import ROOT, config_with, hosts, server
from tests.synthesis.synthesizers import LAYOUT

pytestmark = pytest.mark.slow

BATCHING = ROOT / "export" / "serving" / "batching.config"


def grey(pixels):
    pixels = pixels.astype("uint8")
    return png.grey_png(pixels.shape[1], [row.tobytes() for row in pixels])


# Three sizes, and what no model can draw.
LAYOUTS = [grey(LAYOUT), grey(LAYOUT[:, :9]), grey(LAYOUT[:5])]
BAD = [grey(LAYOUT + 90), b"no picture", LAYOUTS[0][:40]]


@pytest.fixture(scope="module")
def ready(models, tmp_path_factory):
    """The server with the shipped parameters, but patient: callers of a test meet in a batch."""
    config = BATCHING.read_text(encoding="utf-8")
    assert "batch_timeout_micros { value: 5000 }" in config
    folder = tmp_path_factory.mktemp("config")
    batching, models_config = folder / "batching.config", folder / "models.config"
    batching.write_text(config.replace("value: 5000", "value: 300000"))
    models_config.write_text(config_with("noisy"))
    with server(models, "--batching", batching, "--config", models_config) as ready:
        yield ready


@pytest.fixture(params=["rest", "grpc"])
def client(ready, request):
    client = Client(**hosts(ready)[request.param])
    client.signatures()
    return client


@pytest.fixture(scope="module")
def alone(ready):
    """The photographs of the layouts, with seeds 0, 1 and 2, of requests one after another."""
    client = Client(**hosts(ready)["grpc"])
    return [client.photograph(layout, seed=seed) for seed, layout in enumerate(LAYOUTS)]


@pytest.fixture
def batches(ready):
    def batches():
        """Returns (callers, rows, rows of padding) -> runs so far."""
        connection = http.client.HTTPConnection(f"127.0.0.1:{ready['rest']}", timeout=30)
        connection.request("GET", "/conformance/batches")
        found = json.loads(connection.getresponse().read())
        connection.close()
        return {tuple(key): count for *key, count in found}

    return batches


def at_once(*calls):
    """Makes the calls at the same moment; returns the result or the error of each."""
    answers, start = [None] * len(calls), threading.Barrier(len(calls))

    def work(index):
        start.wait()
        try:
            answers[index] = calls[index]()
        except ServingError as error:
            answers[index] = error

    threads = [threading.Thread(target=work, args=[index]) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_pictures_of_a_batch_are_those_of_requests_alone(client, alone, batches):
    before = batches()
    calls = [
        lambda layout=layout, seed=seed: client.photograph(layout, seed=seed)
        for seed, layout in enumerate(LAYOUTS)
    ]
    assert at_once(*calls) == alone
    # Three callers, one row each, and a fourth that fills the batch up to an allowed size.
    assert batches().get((3, 3, 1), 0) == before.get((3, 3, 1), 0) + 1


@pytest.mark.parametrize("bad", BAD, ids=["ids", "no picture", "truncated"])
def test_a_bad_request_does_not_fail_its_neighbours(client, alone, batches, bad):
    with pytest.raises(ServingError) as caught:
        client.photograph(bad)
    before = batches()
    *good, error = at_once(
        *[lambda i=i: client.photograph(LAYOUTS[i], seed=i) for i in range(3)],
        lambda: client.photograph(bad),
    )
    assert batches().get((4, 4, 0), 0) == before.get((4, 4, 0), 0) + 1
    assert good == alone
    # It gets the sentence that it gets alone.
    assert (error.code, list(error.rows)) == ("INVALID_ARGUMENT", [0])
    assert error.rows[0].rstrip(".") in str(caught.value)


def test_a_request_of_several_rows_gets_its_own_rows_back(client, alone):
    one, three = at_once(
        lambda: client.photograph(LAYOUTS[1], seed=1),
        lambda: client.photographs(LAYOUTS, seeds=[0, 1, 2]),
    )
    assert one == alone[1]
    assert three == alone


def test_a_run_without_any_good_row_is_an_error_for_all_its_callers(client):
    for error in at_once(*[lambda bad=bad: client.photograph(bad) for bad in BAD]):
        assert (error.code, error.rows) == ("INVALID_ARGUMENT", {})


def test_bad_tensors_do_not_fail_their_neighbours(client):
    labels = LAYOUT[None].astype("int32")
    expected = client.synthesize(labels, seed=[1])
    good, error = at_once(
        lambda: client.synthesize(labels, seed=[1]), lambda: client.synthesize(labels + 90)
    )
    np.testing.assert_array_equal(good, expected)
    assert list(error.rows) == [0]
    # Styles that are no numbers.
    ids, styles = np.int32([[0]]), np.zeros((1, 1, 2), "float32")
    good, error = at_once(
        lambda: client.synthesize(labels, None, [1], ids, styles),
        lambda: client.synthesize(labels, None, [1], ids, styles * np.float32("nan")),
    )
    assert good.shape == (1, 8, 12, 3)
    assert list(error.rows) == [0]


def test_noise_and_statistics_are_those_of_each_picture(ready):
    client = Client(**hosts(ready)["grpc"], model="noisy")
    labels = [LAYOUT[None], LAYOUT[None, ::-1], np.zeros_like(LAYOUT[None])]
    calls = [
        lambda labels=labels, seed=seed: client.synthesize(labels, seed=[seed])
        for seed, labels in enumerate(labels)
    ]
    alone = [call() for call in calls]
    # With a copy of the last one in the batch.
    np.testing.assert_array_equal(at_once(*calls), alone)
    assert not np.array_equal(client.synthesize(labels[0], seed=[9]), alone[0])


def test_tensors_of_two_sizes_cannot_share_a_batch(client):
    # The rule of the server's `BatchingSession`; `serving_default` is without it.
    sizes = LAYOUT[None].astype("int32"), LAYOUT[None, :, :9].astype("int32")
    for error in at_once(*[lambda labels=labels: client.synthesize(labels) for labels in sizes]):
        assert error.code in ("FAILED_PRECONDITION", "INVALID_ARGUMENT")
        assert "different shapes and padding is turned off" in str(error)


def test_a_request_of_too_many_rows_is_refused(client):
    with pytest.raises(ServingError, match="Task size 9 is larger than maximum input batch size 8"):
        client.photographs([LAYOUTS[0]] * 9)
