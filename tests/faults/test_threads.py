"""Eight threads draw from one synthesizer, each with seeds of its own, as one would."""

import threading

import numpy as np
import pytest

from tests.faults import settings
from tests.synthesis import synthesizers

THREADS = 8
LABELS = synthesizers.layout(32, 32)[0]


def by_call(model, seed):
    """Returns the photograph of the model's own call, as the export has it."""
    inputs = {"labels": LABELS[None].astype("int32"), "seed": np.int32(seed)}
    return np.asarray(model(inputs))


def by_method(model, seed):
    """Returns the photograph of `synthesize`."""
    return model.synthesize(LABELS, seed=seed)


def together(draw, model, seeds):
    """Returns seed -> what a thread drew, all threads at once, the seeds dealt among them."""
    drawn, start = {}, threading.Barrier(THREADS)

    def work(own):
        start.wait()
        for seed in own:
            drawn[seed] = draw(model, seed)

    threads = [threading.Thread(target=work, args=(seeds[i::THREADS],)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return drawn


@pytest.mark.parametrize("draw", [by_call, by_method], ids=["call", "synthesize"])
def test_threads_draw_what_one_draws(draw, counted):
    row = counted(f"eight threads draw with seeds of their own ({draw.__name__})")
    model = synthesizers.noisy_synthesizer()
    seeds = list(range(max(THREADS, round(160 * settings.SHARE))))
    alone = {seed: draw(model, seed) for seed in seeds}
    assert any((alone[seed] != alone[0]).any() for seed in seeds), "The seeds make no difference."
    drawn = together(draw, model, seeds)
    for seed in seeds:
        levels = np.abs(drawn[seed].astype(int) - alone[seed]).max() if seed in drawn else "all"
        row.count(f"seed:{seed}", [f"other by {levels} levels"] if levels else [])
