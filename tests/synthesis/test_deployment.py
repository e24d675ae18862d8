import shutil

import numpy as np
import pytest
from PIL import Image

from tests.synthesis.synthesizers import (
    LABELS,
    decoder_synthesizer,
    layout,
    noisy_synthesizer,
    styled_synthesizer,
    synthesizer,
)
from tfsynth.__main__ import main
from tfsynth.data import write_instance_map, write_label_map
from tfsynth.layouts.regions import components
from tfsynth.synthesis import deployment


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    synthesizer().save(path)
    return path


@pytest.fixture
def maps(tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    for name, size in (("b", (17, 23)), ("a", (16, 24))):
        write_label_map(folder / f"{name}.png", layout(*size)[0], LABELS)
    return folder


def test_a_folder_becomes_photographs_under_the_same_stems(model, maps, tmp_path):
    written = deployment.synthesize(model, [maps], tmp_path / "out")
    assert [path.name for path in written] == ["a.png", "b.png"]
    for path, size in zip(written, [(16, 24), (17, 23)], strict=True):
        labels, _ = layout(*size)
        expected = synthesizer().synthesize(labels, labels)
        with Image.open(path) as photograph:
            np.testing.assert_array_equal(np.asarray(photograph), expected)


def test_instance_maps_are_found_by_stem(model, maps, tmp_path):
    instances = tmp_path / "instances"
    instances.mkdir()
    ids = np.arange(16 * 24, dtype="int32").reshape(16, 24)
    write_instance_map(instances / "a.png", ids)
    written = deployment.synthesize(model, [maps / "a.png"], tmp_path / "out", instances=instances)
    with Image.open(written[0]) as photograph:
        expected = synthesizer().synthesize(layout(16, 24)[0], ids)
        np.testing.assert_array_equal(np.asarray(photograph), expected)
    with pytest.raises(ValueError, match="b.png needs one instance map b.*; there are 0"):
        deployment.synthesize(model, [maps / "b.png"], tmp_path / "more", instances=instances)


def test_files_of_the_folder_itself_come_before_those_of_its_folders(model, maps, tmp_path):
    ids = np.arange(16 * 24, dtype="int32").reshape(16, 24)
    (tmp_path / "ids" / "more").mkdir(parents=True)
    write_instance_map(tmp_path / "ids" / "a.png", ids)
    write_instance_map(tmp_path / "ids" / "more" / "a.png", np.zeros((16, 24), "int32"))
    (written,) = deployment.synthesize(
        model, [maps / "a.png"], tmp_path / "out", instances=tmp_path / "ids"
    )
    with Image.open(written) as photograph:
        expected = synthesizer().synthesize(layout(16, 24)[0], ids)
        np.testing.assert_array_equal(np.asarray(photograph), expected)


def test_components_stand_in_for_instance_maps(model, tmp_path):
    labels = np.zeros((16, 24), "uint8")
    labels[3:9, 2:9] = labels[3:9, 12:20] = 2
    write_label_map(tmp_path / "a.png", labels, LABELS)
    (written,) = deployment.synthesize(
        model, [tmp_path / "a.png"], tmp_path / "out", instances_from="components"
    )
    with Image.open(written) as photograph:
        expected = synthesizer().synthesize(labels, components(labels))
        np.testing.assert_array_equal(np.asarray(photograph), expected)
    for instances, source, message in (
        (tmp_path, "components", "ask for one of the two"),
        (None, "parts", "`instances_from` is 'components'. Received: 'parts'"),
    ):
        with pytest.raises(ValueError, match=message):
            deployment.synthesize(
                *(model, [tmp_path / "a.png"], tmp_path / "more"),
                instances=instances,
                instances_from=source,
            )


def test_an_instance_map_of_another_size_is_named(model, maps, tmp_path):
    write_instance_map(tmp_path / "ids.png", np.zeros((8, 8), "int32"))
    with pytest.raises(ValueError, match="ids.png is 8x8 pixels, its label map .*a.png 24x16"):
        deployment.synthesize(
            model, [maps / "a.png"], tmp_path / "out", instances=tmp_path / "ids.png"
        )
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_if_one_of_the_maps_is_bad(model, maps, tmp_path):
    Image.fromarray(np.full((8, 8), 9, "uint8")).save(maps / "z.png")
    with pytest.raises(ValueError, match="z.png.* 9 "):
        deployment.synthesize(model, [maps], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("inputs", "output"), [([""], "out"), (["labels"], "")])
def test_empty_names_are_refused(model, maps, tmp_path, monkeypatch, inputs, output):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="empty name ''"):
        deployment.synthesize(model, inputs, output)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels"]


def test_nothing_is_overwritten_unless_asked(model, maps, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.png").write_text("mine")
    with pytest.raises(FileExistsError, match="b.png exists already. Use --overwrite"):
        deployment.synthesize(model, [maps], out)
    assert [path.name for path in out.iterdir()] == ["b.png"]
    assert len(deployment.synthesize(model, [maps], out, overwrite=True)) == 2


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_input_is_never_overwritten(model, maps, tmp_path, overwrite):
    before = {path: path.read_bytes() for path in maps.iterdir()}
    with pytest.raises(FileExistsError, match="a.png would replace .*a.png, which it is made from"):
        deployment.synthesize(model, [maps], maps, overwrite=overwrite)
    # The same folder under another name, and the folder of the instance maps.
    (tmp_path / "link").symlink_to(maps)
    with pytest.raises(FileExistsError, match="would replace"):
        deployment.synthesize(model, [maps / "b.png"], tmp_path / "link", overwrite=overwrite)
    ids = tmp_path / "ids"
    ids.mkdir()
    for path in maps.iterdir():
        write_instance_map(ids / path.name, np.asarray(Image.open(path), "int32"))
    before |= {path: path.read_bytes() for path in ids.iterdir()}
    with pytest.raises(FileExistsError, match="would replace .*ids"):
        deployment.synthesize(model, [maps], ids, instances=ids, overwrite=overwrite)
    assert {path: path.read_bytes() for path in before} == before


def test_a_photograph_is_there_whole_or_not_at_all(model, maps, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_text("mine")

    def disk_full(path, photograph):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(deployment.images, "write_photo", disk_full)
    with pytest.raises(OSError, match="No space left"):
        deployment.synthesize(model, [maps], out, overwrite=True)
    assert [(path.name, path.read_text()) for path in out.iterdir()] == [("a.png", "mine")]


@pytest.mark.parametrize("noisy_synthesizer", [noisy_synthesizer, decoder_synthesizer])
def test_samples_of_a_model_with_noise(maps, tmp_path, noisy_synthesizer):
    model = noisy_synthesizer()
    labels, _ = layout(16, 24)
    # Without instance maps the classes are the instances.
    instances = labels if model.conditioning.edges else None
    model.save(tmp_path / "noisy.keras")
    command = ["synthesize", "--model", str(tmp_path / "noisy.keras"), str(maps / "a.png")]
    out = tmp_path / "out"
    assert main([*command, "-o", str(out), "--samples", "2", "--seed", "7"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a-1.png", "a-2.png"]
    drawn = []
    for i, path in enumerate(sorted(out.iterdir())):
        drawn.append(np.asarray(Image.open(path)))
        expected = model.synthesize(labels, instances, seed=7 + i)
        np.testing.assert_array_equal(drawn[-1], expected)
    assert (drawn[0] != drawn[1]).any()
    with pytest.raises(ValueError, match="it has no styles that `like` could give"):
        deployment.synthesize(tmp_path / "noisy.keras", [maps], out, like=maps)


def test_samples_of_a_model_without_noise_are_refused(model, maps, tmp_path):
    with pytest.raises(ValueError, match="makes 1 different photograph of a layout: ask"):
        deployment.synthesize(model, [maps], tmp_path / "out", samples=2)


def test_two_maps_with_one_name_are_refused(model, maps, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_label_map(other / "a.png", layout(8, 8)[0], LABELS)
    with pytest.raises(ValueError, match="share the name 'a'"):
        deployment.synthesize(model, [maps, other], tmp_path / "out")


def test_an_id_out_of_range_names_file_id_and_range(model, tmp_path):
    path = tmp_path / "bad.png"
    Image.fromarray(np.full((8, 8), 9, "uint8")).save(path)
    with pytest.raises(ValueError, match="bad.png.* 9 .*0.*2"):
        deployment.synthesize(model, [path], tmp_path / "out")


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_no_label_maps_is_an_error(model, tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=f"{name}"):
        deployment.synthesize(model, [tmp_path / name], tmp_path / "out")


def test_signs_in_names_stand_for_themselves(model, tmp_path):
    labels, ids = layout(8, 8)
    for folder in ("labels", "ids"):
        (tmp_path / folder).mkdir()
    for name in ("a[1]", "b*", "bc"):
        write_label_map(tmp_path / "labels" / f"{name}.png", labels, LABELS)
        write_instance_map(tmp_path / "ids" / f"{name}.png", ids)
    written = deployment.synthesize(
        model, [tmp_path / "labels"], tmp_path / "out", instances=tmp_path / "ids"
    )
    assert [path.name for path in written] == ["a[1].png", "b*.png", "bc.png"]


def test_files_of_cityscapes_pair_as_in_training(model, tmp_path):
    labels, ids = layout(8, 8)
    city = tmp_path / "gtFine" / "aachen"
    city.mkdir(parents=True)
    scene = "aachen_000000_000019"
    write_label_map(city / f"{scene}_gtFine_labelIds.png", labels, LABELS)
    write_instance_map(city / f"{scene}_gtFine_instanceIds.png", ids)
    Image.fromarray(LABELS.paint(labels)).save(city / f"{scene}_gtFine_color.png")
    (city / f"{scene}_gtFine_polygons.json").write_text("{}")
    expected = synthesizer().synthesize(labels, ids)
    for coding in ("ids", "colour"):
        written = deployment.synthesize(
            model,
            [city],
            tmp_path / coding,
            instances=tmp_path / "gtFine",
            label_coding=coding,
        )
        assert [path.name for path in written] == [f"{scene}.png"]
        with Image.open(written[0]) as photograph:
            np.testing.assert_array_equal(np.asarray(photograph), expected)


def test_hidden_files_are_no_maps(model, maps, tmp_path):
    ids = tmp_path / "ids"
    ids.mkdir()
    for path in maps.iterdir():
        write_instance_map(ids / path.name, np.asarray(Image.open(path), "int32"))
    for folder in (maps, ids):
        (folder / "._a.png").write_bytes(b"what a Mac leaves")
        (folder / ".hidden.png").write_bytes(b"")
    written = deployment.synthesize(model, [maps], tmp_path / "out", instances=ids)
    assert [path.name for path in written] == ["a.png", "b.png"]


def test_one_instance_map_for_many_label_maps_is_refused(model, maps, tmp_path):
    write_instance_map(tmp_path / "ids.png", np.zeros((16, 24), "int32"))
    with pytest.raises(ValueError, match="is one instance map, and there are 2 label maps"):
        deployment.synthesize(model, [maps], tmp_path / "out", instances=tmp_path / "ids.png")


def test_label_maps_coded_by_colour_are_decoded(model, tmp_path):
    labels, _ = layout(9, 11)
    path = tmp_path / "a.png"
    Image.fromarray(LABELS.paint(labels)).save(path)
    with pytest.raises(ValueError, match="coded by colour.*--label-coding colour"):
        deployment.synthesize(model, [path], tmp_path / "out")
    (written,) = deployment.synthesize(model, [path], tmp_path / "out", label_coding="colour")
    with Image.open(written) as photograph:
        expected = synthesizer().synthesize(labels, labels)
        np.testing.assert_array_equal(np.asarray(photograph), expected)
    with pytest.raises(ValueError, match="`label_coding` is one of .* Received: 'color'"):
        deployment.synthesize(model, [path], tmp_path / "out", label_coding="color")


def test_files_that_are_no_synthesizer(tmp_path):
    with pytest.raises(FileNotFoundError, match="No model at .*none.keras"):
        deployment.load_synthesizer(tmp_path / "none.keras")
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"no zip")
    with pytest.raises(ValueError, match="broken.keras cannot be loaded"):
        deployment.load_synthesizer(broken)
    other = tmp_path / "other.keras"
    synthesizer().generator.save(other)
    with pytest.raises(ValueError, match="holds a GlobalGenerator, not a Synthesizer"):
        deployment.load_synthesizer(other)


def test_a_file_in_the_place_of_the_folder_is_refused_first(maps, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(NotADirectoryError, match="out is a file. Name a folder"):
        deployment.synthesize(tmp_path / "no model is read", [maps], tmp_path / "out")


def test_what_is_no_keras_file_is_no_model(tmp_path):
    (tmp_path / "my.yaml").write_text("name: my")
    with pytest.raises(ValueError, match="my.yaml cannot be loaded: it is no .keras file"):
        deployment.load_synthesizer(tmp_path / "my.yaml")


# Folders in folders, and what files store ---------------------------------------------------------


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def test_folders_are_searched_as_in_training(model, maps, tmp_path):
    for name in ("lindau", "ulm"):
        (maps / name).mkdir()
        write_label_map(maps / name / "a.png", layout(8, 12)[0], LABELS)
    written = deployment.synthesize(model, [maps], tmp_path / "out")
    names = ["a.png", "b.png", "lindau/a.png", "ulm/a.png"]
    assert files_below(tmp_path / "out") == names
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == names
    for path in (maps / "a.png", maps / "b.png"):
        path.unlink()
    deployment.synthesize(model, [maps], tmp_path / "nested")
    assert files_below(tmp_path / "nested") == ["lindau/a.png", "ulm/a.png"]
    for name in ("lindau", "ulm"):
        with Image.open(tmp_path / "nested" / name / "a.png") as photograph:
            expected = synthesizer().synthesize(*[layout(8, 12)[0]] * 2)
            np.testing.assert_array_equal(np.asarray(photograph), expected)


def test_instance_maps_of_names_that_repeat_are_those_of_their_folder(model, tmp_path):
    labels, ids = layout(8, 12)
    for name, instances in (("x", ids), ("y", ids * 0)):
        for kind in ("labels", "ids"):
            (tmp_path / kind / name).mkdir(parents=True)
        write_label_map(tmp_path / "labels" / name / "a.png", labels, LABELS)
        write_instance_map(tmp_path / "ids" / name / "a.png", instances)
    inputs, source = [tmp_path / "labels"], tmp_path / "ids"
    deployment.synthesize(model, inputs, tmp_path / "out", instances=source)
    for name, instances in (("x", ids), ("y", ids * 0)):
        with Image.open(tmp_path / "out" / name / "a.png") as photograph:
            expected = synthesizer().synthesize(labels, instances)
            np.testing.assert_array_equal(np.asarray(photograph), expected)
    (source / "y" / "a.png").unlink()
    with pytest.raises(ValueError, match="y/a.png needs one instance map y/a.*; there are 0"):
        deployment.synthesize(model, inputs, tmp_path / "more", instances=source)


def test_photographs_of_the_last_time_are_no_label_maps(model, maps, tmp_path):
    for _ in range(2):
        written = deployment.synthesize(model, [maps], maps / "out", overwrite=True)
        assert [path.name for path in written] == ["a.png", "b.png"]
    (maps / "ids").mkdir()
    for path in maps.glob("*.png"):
        write_instance_map(maps / "ids" / path.name, np.asarray(Image.open(path), "int32"))
    shutil.rmtree(maps / "out")
    written = deployment.synthesize(model, [maps], tmp_path / "out", instances=maps / "ids")
    assert len(written) == 2


def test_nothing_is_written_out_of_the_folder(model, maps, tmp_path):
    (maps / "in").mkdir()
    (maps / "a.png").rename(maps / "in" / "a.png")
    for folder in ("out", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "out" / "in").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError, match="in is a link out of .*out, the folder of the ph"):
        deployment.synthesize(model, [maps], tmp_path / "out", overwrite=True)
    assert files_below(tmp_path) == ["labels/b.png", "labels/in/a.png"]


def test_maps_of_other_formats_are_counted(model, maps, tmp_path):
    (maps / "c.gif").write_bytes(b"GIF89a")
    (maps / "d.gif").write_bytes(b"GIF89a")
    with pytest.warns(UserWarning, match="2 files ending in .gif are not read, such as c.gif"):
        assert len(deployment.synthesize(model, [maps], tmp_path / "out")) == 2


def test_layouts_that_a_paint_program_saved_again_give_the_same_photographs(model, maps, tmp_path):
    deployment.synthesize(model, [maps], tmp_path / "before")
    for order, path in zip(([2, 0, 1], [1, 2, 0]), sorted(maps.iterdir()), strict=True):
        with Image.open(path) as image:
            labels = np.asarray(image)
        painted = Image.fromarray(np.argsort(order).astype("uint8")[labels])
        painted.putpalette(LABELS.palette[order].tobytes())
        painted.save(path)
    deployment.synthesize(model, [maps], tmp_path / "after")
    for name in ("a.png", "b.png"):
        assert (tmp_path / "before" / name).read_bytes() == (tmp_path / "after" / name).read_bytes()


def save_turned(path, array, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(array).save(path, exif=exif)


def test_layouts_and_instance_maps_are_turned_together_or_refused(model, maps, tmp_path):
    labels, ids = layout(16, 24)
    save_turned(maps / "a.png", labels, 3)
    write_instance_map(tmp_path / "ids.png", ids)
    arguments = (model, [maps / "a.png"])
    with pytest.raises(ValueError, match="ids.png: the instance map has the EXIF orientation 1"):
        deployment.synthesize(*arguments, tmp_path / "out", instances=tmp_path / "ids.png")
    assert not (tmp_path / "out").exists()
    save_turned(tmp_path / "ids.png", ids.astype("uint16"), 3)
    (written,) = deployment.synthesize(*arguments, tmp_path / "out", instances=tmp_path / "ids.png")
    with Image.open(written) as photograph:
        expected = synthesizer().synthesize(labels[::-1, ::-1], ids[::-1, ::-1])
        np.testing.assert_array_equal(np.asarray(photograph), expected)


def test_a_photograph_to_take_styles_from_must_lie_over_its_layout(tmp_path):
    styled_synthesizer().save(tmp_path / "styled.keras")
    labels, ids = layout(16, 24)
    write_label_map(tmp_path / "a.png", labels, LABELS)
    write_instance_map(tmp_path / "ids.png", labels)
    save_turned(tmp_path / "like.png", np.zeros((16, 24, 3), "uint8"), 3)
    with pytest.raises(ValueError, match="like.png: the photograph has the EXIF orientation 3"):
        deployment.synthesize(
            *(tmp_path / "styled.keras", [tmp_path / "a.png"], tmp_path / "out"),
            instances=tmp_path / "ids.png",
            like=tmp_path / "like.png",
        )


@pytest.mark.parametrize("damage", ["cut", "flipped", "jpeg", "alpha"])
def test_the_program_writes_nothing_where_one_layout_is_bad(model, maps, tmp_path, capsys, damage):
    path = maps / "z.png"
    labels = layout(16, 24)[0]
    Image.fromarray(labels).save(path, "JPEG" if damage == "jpeg" else "PNG")
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[:-9])
    elif damage == "flipped":
        data[50] ^= 4
        path.write_bytes(data)
    elif damage == "alpha":
        image = Image.new("RGB", (24, 16)).convert("RGBA")
        image.putalpha(Image.fromarray(labels))
        image.save(path)
    command = ["synthesize", "--model", str(model), str(maps), "-o", str(tmp_path / "out")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert f"{path}: " in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_strange_palettes_in_different_orders_are_refused(model, maps, tmp_path):
    for name, colours in (("a", [1, 2, 3, 40, 50, 60]), ("b", [40, 50, 60, 1, 2, 3])):
        image = Image.fromarray(np.eye(16, dtype=np.uint8))
        image.putpalette(colours)
        image.save(tmp_path / f"{name}.png")
    with pytest.raises(ValueError, match="b.png: .* list their colours in different orders"):
        deployment.synthesize(model, [tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_lies_in_the_way_is_found_before_anything_is_written(model, maps, tmp_path):
    (maps / "sub").mkdir()
    shutil.copy(maps / "a.png", maps / "sub" / "c.png")
    for name, make in (
        ("a.png", lambda path: path.mkdir(parents=True)),
        ("sub", lambda path: (path.parent.mkdir(), path.touch())),
        ("sub", lambda path: (path.parent.mkdir(), path.symlink_to("gone"))),
    ):
        out = tmp_path / "out"
        make(out / name)
        with pytest.raises(FileExistsError, match=f"{name} is (a|no) folder.*Move it away"):
            deployment.synthesize(model, [maps], out, overwrite=True)
        assert [path.name for path in out.iterdir()] == [name]
        shutil.rmtree(out)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to("gone")
    with pytest.raises(FileExistsError, match="a.png exists already"):
        deployment.synthesize(model, [maps], tmp_path / "out")
