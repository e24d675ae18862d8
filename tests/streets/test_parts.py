"""The parts of the drawing, on numbers that can be worked out by hand."""

import numpy as np
import pytest

from tfsynth.streets import classes, ground, noise
from tfsynth.streets.camera import Camera
from tfsynth.streets.canvas import OBJECT_KIND, Canvas
from tfsynth.streets.chance import pick
from tfsynth.streets.facade import trace
from tfsynth.streets.lighting import TIME_SHARES, TIMES_OF_DAY, draw_light
from tfsynth.streets.scene import Lot, plan_scene
from tfsynth.streets.shadows import SunVisibility

CAMERA = Camera(focal=100.0, horizon_x=96.0, horizon_y=40.0, height=2.0)


def test_camera_projects_by_similar_triangles():
    # 1 m right and on the ground, 10 m ahead: 100 / 10 pixels a metre.
    assert CAMERA.project(1, 0, 10) == (96 + 10, 40 + 20)
    assert CAMERA.polygon([(1, 0, 10), (0, 2, 5)]) == [(106, 60), (96, 40)]


def test_camera_cuts_polygons_at_the_near_plane():
    triangle = [(0.0, 0.0, -1.0), (0.0, 0.0, 2.4), (1.0, 0.0, 2.4)]
    cut = CAMERA.polygon(triangle)
    assert len(cut) == 4
    # Both new corners are 0.7 m away, half-way along edges of 3.4 m: x is 0 and 0.5.
    assert sorted(x for x, _ in cut)[-1] == pytest.approx(96 + 0.5 * 100 / 0.7)
    assert max(y for _, y in cut) == pytest.approx(40 + 2 * 100 / 0.7)
    assert CAMERA.polygon([(0, 0, -1), (1, 0, -1), (0, 1, -2)]) == []


def test_trace_undoes_project():
    start, direction = (5.0, 4.0), (0.6, 0.8)
    column, row = CAMERA.project(5.0 + 0.6 * 3, 1.5, 4.0 + 0.8 * 3)
    u, y, depth = trace(CAMERA, *start, *direction, np.array([column]), np.array([row]))
    np.testing.assert_allclose([u[0], y[0], depth[0]], [3.0, 1.5, 6.4], rtol=1e-6)


def test_ground_map_undoes_project():
    scene = plan_scene(np.random.default_rng(0))
    found = ground.map_ground(scene, CAMERA, 100, 192)
    row, column = 25, 130
    x = found.lateral[row, column] + scene.middle(found.z[row, column])
    place = CAMERA.project(float(x), 0, float(found.z[row, column]))
    assert place == pytest.approx((column + 0.5, found.first_row + row + 0.5), abs=1e-3)


def test_ground_is_road_in_the_middle_then_kerb_then_more():
    scene = plan_scene(np.random.default_rng(3))
    scene.zebra = -1.0
    lateral = np.array([[1.0, scene.road - 0.1, scene.road + 0.1, 60.0]], np.float32)
    z = np.full_like(lateral, 9.0)
    labels = ground.classify(scene, ground.GroundMap(0, lateral, z))
    expected = [classes.ROAD, classes.ROAD, classes.PAVEMENT, classes.GRASS]
    assert labels.tolist() == [expected]


def test_canvas_marks_and_paints_the_same_pixels():
    canvas = Canvas(20, 30)
    canvas.surface(classes.SKY, OBJECT_KIND, 1.0)
    instance = canvas.instance(classes.CAR, (200, 0, 0), "saloon")
    surface = canvas.surface(instance, OBJECT_KIND, 5.0)
    canvas.polygon([(3.2, 4.7), (22.1, 6.3), (14.8, 17.9)], surface, (200, 0, 0))
    canvas.ellipse((18, 2, 27, 11), surface, (200, 0, 0))
    painted = np.asarray(canvas.paint)[..., 0] == 200
    assert painted.sum() > 100
    np.testing.assert_array_equal(np.asarray(canvas.ids) == surface, painted)
    assert instance == 8000
    assert canvas.instance(classes.CAR, (0, 0, 0), "estate") == 8001


def test_lots_follow_each_other_without_gaps():
    for seed in range(20):
        scene = plan_scene(np.random.default_rng(seed))
        for side in (-1, 1):
            lots = [lot for lot in scene.lots if lot.side == side]
            assert all(a.end == b.start for a, b in zip(lots, lots[1:], strict=False))
            assert lots[0].start < 0 and lots[-1].end > scene.end - 4


def test_vehicles_in_a_row_do_not_overlap():
    length = {"car": 4.1, "bus": 10.5}
    for seed in range(30):
        scene = plan_scene(np.random.default_rng(seed))
        vehicles = [placed for placed in scene.objects if placed.kind in length]
        for a in vehicles:
            for b in vehicles:
                if a is not b and abs(a.lateral - b.lateral) < 1.0:
                    assert abs(a.z - b.z) >= (length[a.kind] + length[b.kind]) / 2


def test_sun_reaches_what_the_roofs_let_through():
    scene = plan_scene(np.random.default_rng(1))
    half = float(np.sqrt(0.5))
    object.__setattr__(scene.light, "sun", (half, half, 0.0))
    scene.lots = [Lot(1, "building", -30.0, 150.0, 0.0, 10.0, 0)]
    sees = SunVisibility(scene)
    # At 45 degrees a roof 10 m high, d metres aside, hides all below 10 - d.
    lateral = scene.frontage(1) - 4.0
    heights = np.array([0.0, 5.5, 6.0, 6.5])
    np.testing.assert_allclose(sees(lateral, heights, 20.0), [0, 0, 0.5, 1], atol=1e-6)


def test_light_has_a_unit_sun_and_the_shares_stated():
    rng = np.random.default_rng(0)
    lights = [draw_light(rng) for _ in range(2000)]
    np.testing.assert_allclose([np.hypot.reduce(light.sun) for light in lights], 1, rtol=1e-6)
    names = [light.name for light in lights]
    shares = [names.count(name) / len(names) for name in TIMES_OF_DAY]
    np.testing.assert_allclose(shares, TIME_SHARES, atol=0.03)


def test_pick_follows_the_shares():
    rng = np.random.default_rng(0)
    drawn = [pick(rng, "abc", (0.2, 0.0, 0.8)) for _ in range(2000)]
    assert drawn.count("b") == 0
    assert drawn.count("a") / 2000 == pytest.approx(0.2, abs=0.03)


def test_noise_tiles_are_periodic_and_in_range():
    tile = noise.smooth(1.5, 3)
    assert tile.min() >= 0 and tile.max() <= 1
    assert tile.mean() == pytest.approx(0.5, abs=0.01)
    # Across the seam it is as smooth as elsewhere.
    steps = np.abs(np.diff(tile, axis=1)).mean()
    assert np.abs(tile[:, 0] - tile[:, -1]).mean() < 1.5 * steps
    u = np.array([0.0, 256.0, -256.0, 512.5])
    np.testing.assert_array_equal(noise.sample(tile, u, u * 0), tile[0, 0])
