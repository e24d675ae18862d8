"""Noise fields: their spread, their waves, and edges that join."""

import numpy as np

from tfsynth.layouts.noise import NoiseFields


def test_fields_have_mean_0_and_spread_1_over_many_seeds():
    fields = [NoiseFields((48, 64), seed).field(40, 6) for seed in range(60)]
    assert fields[0].shape == (48, 64)
    assert abs(np.mean(fields)) < 0.1
    assert abs(np.std(fields) - 1) < 0.06


def test_a_seed_gives_the_same_fields_and_each_field_is_another():
    one, two = NoiseFields((40, 40), 3), NoiseFields((40, 40), 3)
    first, second = one.field(30, 5), one.field(30, 5)
    np.testing.assert_array_equal(two.field(30, 5), first)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.7
    assert np.abs(NoiseFields((40, 40), 4).field(30, 5) - first).mean() > 0.3


def test_left_and_right_edges_join_only_where_asked():
    def across(periodic):
        fields = [NoiseFields((64, 128), seed, periodic).field(50, 10) for seed in range(8)]
        steps = [np.abs(np.diff(field, axis=1)).mean() for field in fields]
        seams = [np.abs(field[:, 0] - field[:, -1]).mean() for field in fields]
        return np.mean(seams) / np.mean(steps)

    assert 0.7 < across(True) < 1.3
    assert across(False) > 3


def test_the_shortest_wave_sets_how_smooth_a_field_is():
    fields = [NoiseFields((128, 128), 1).field(60, shortest) for shortest in (4, 16)]
    rough, smooth = (np.abs(np.diff(field, axis=1)).mean() for field in fields)
    assert rough > 1.5 * smooth
