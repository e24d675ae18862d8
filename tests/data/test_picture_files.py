"""Only pictures that are meant are opened, and every damage is one message with the file's name."""

import io
import re
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.data import raw_pictures as raw
from tests.source_tree import SOURCES
from tfsynth.data import images, maps, picture_files, picture_formats
from tfsynth.layouts.labels import DataError

IDS = np.random.default_rng(0).integers(0, 4, (24, 32)).astype(np.uint8)
PHOTO = np.random.default_rng(1).integers(0, 256, (24, 32, 3)).astype(np.uint8)
READERS = (images.read_photo, images.verify_picture, maps.read_label_map, maps.read_instance_map)


def refused(file, readers=READERS):
    """Returns what each reader says, which must begin with the file's name."""
    texts = []
    for read in readers:
        with pytest.raises(DataError) as caught:
            read(file)
        assert str(caught.value).startswith(f"{file}: ")
        texts.append(str(caught.value))
    return texts


def saved(image, kind, **settings):
    """Returns the bytes of a picture in a format."""
    stream = io.BytesIO()
    image.save(stream, kind, **settings)
    return stream.getvalue()


def test_postscript_named_png_starts_nothing(tmp_path, monkeypatch):
    mark = tmp_path / "started"
    (tmp_path / "bin").mkdir()
    gs = tmp_path / "bin" / "gs"
    gs.write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    gs.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    file = tmp_path / "b.png"
    file.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n0 0 8 8 rectfill\n%%EOF\n"
    )
    for text in refused(file):
        assert "it is PostScript, which is a program" in text
    assert not mark.exists()


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid", "pointer of Git LFS.*`git lfs pull`"),
        (b"\x1f\x8b\x08\0", "compressed by gzip.*gunzip"),
        (b"PK\x03\x04", "ZIP archive"),
        (b"GIF89a", "it is a GIF.*Save it as PNG"),
        (b"\0\0\0\x1cftypheic", "HEIC"),
        (b"<!DOCTYPE html>", "HTML.*the server sent a page"),
        (b"\x93NUMPY\x01\0", "an array of NumPy"),
        (b"", "it is empty.*replace it"),
        (b"nothing known", "none of PNG, JPEG, WEBP, BMP, TIFF, PPM.*replace it"),
    ],
)  # fmt: skip
def test_other_files_are_named_by_their_content(tmp_path, start, message):
    file = tmp_path / "a.png"
    file.write_bytes(start)
    for text in refused(file):
        assert re.search(f"cannot be read .*{message}", text)


def test_folders_and_links_to_nothing(tmp_path):
    (tmp_path / "a.png").mkdir()
    (tmp_path / "b.png").symlink_to("gone.png")
    assert "this is a folder" in refused(tmp_path / "a.png")[0]
    assert "a link to gone.png" in refused(tmp_path / "b.png")[0]


def test_pictures_in_memory():
    data = saved(Image.fromarray(PHOTO), "PNG")
    with picture_files.opened_bytes(data, "the store", "picture") as picture:
        np.testing.assert_array_equal(np.asarray(picture.image), PHOTO)
    with (
        pytest.raises(DataError, match="^the store: the picture cannot be read"),
        picture_files.opened_bytes(data[:-20], "the store", "picture"),
    ):
        pass


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_several_frames_are_refused(tmp_path, kind):
    first, second = Image.fromarray(PHOTO), Image.fromarray(PHOTO[::-1].copy())
    file = tmp_path / "a.png"
    first.save(file, kind, save_all=True, append_images=[second])
    for text in refused(file, READERS[:2]):
        assert "frame" in text and "as a file of its own" in text
    Image.fromarray(IDS).save(file, "TIFF", save_all=True, append_images=[Image.fromarray(IDS + 1)])
    for text in refused(file, READERS[2:]):
        assert "several frames or pages" in text


def test_the_first_picture_of_an_mpo_is_the_photo(tmp_path):
    first, second = Image.new("RGB", (32, 24), (200, 0, 0)), Image.new("RGB", (32, 24))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    assert abs(images.read_photo(tmp_path / "a.jpg").astype(int) - (200, 0, 0)).max() <= 2
    with pytest.raises(DataError, match="JPEG changes pixel values"):
        maps.read_label_map(tmp_path / "a.jpg")


def test_a_png_that_lacks_rows_is_refused(tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(raw.png(IDS, rows=20))
    assert "its pixels end after 660 of 792 bytes" in refused(file, READERS[1:])[0]
    file.write_bytes(raw.png(IDS))
    np.testing.assert_array_equal(maps.read_label_map(file), IDS)


def test_interlaced_pngs_are_read(tmp_path):
    # Written by Pillow's Adam7 through zlib: the seven passes of IDS.
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4)]
    passes += [(1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b"".join(
        b"\0" + row.tobytes() for x, y, across, down in passes for row in IDS[y::down, x::across]
    )
    header = struct.pack(">IIBBBBB", 32, 24, 8, 0, 0, 0, 1)
    parts = raw.png_chunk(b"IHDR", header) + raw.png_chunk(b"IDAT", zlib.compress(rows))
    (tmp_path / "a.png").write_bytes(raw.PNG_SIGNATURE + parts + raw.png_chunk(b"IEND"))
    np.testing.assert_array_equal(maps.read_label_map(tmp_path / "a.png"), IDS)


# Bounds -------------------------------------------------------------------------------------------


def test_pictures_of_too_many_pixels_are_refused_before_they_are_decoded(tmp_path):
    file = tmp_path / "a.png"
    tall = raw.png(np.zeros((1, 8), np.uint8))
    header = tall[16:24]
    file.write_bytes(
        tall.replace(
            raw.png_chunk(b"IHDR", header + tall[24:29]),
            raw.png_chunk(b"IHDR", (30000).to_bytes(4, "big") * 2 + tall[24:29]),
        )
    )
    for text in refused(file):
        assert "too large to be safe: 30000 x 30000 pixels, and up to 67,108,864 are read" in text
    file.write_bytes(b"P6 99999 99999 255\n")
    assert "too large to be safe" in refused(file)[0]
    file.write_bytes(b"P6 #" + b"x" * 70000)
    assert "a comment that is too long" in refused(file)[0]
    file.write_bytes(b"P6 8000 8000 254\n" + bytes(1000))
    assert "up to 4,194,304 are read" in refused(file)[0]


def test_what_lies_beside_the_pixels_is_bounded(tmp_path, monkeypatch):
    file = tmp_path / "a.png"
    monkeypatch.setattr(picture_formats, "MOST_EXTRA_BYTES", 1000)
    file.write_bytes(raw.png(IDS, before=raw.png_chunk(b"abCd", bytes(1001))))
    assert "1,001 bytes in its chunk b'abCd'" in refused(file)[0]
    monkeypatch.setattr(picture_formats, "MOST_CHUNKS", 10)
    file.write_bytes(raw.png(IDS, before=raw.png_chunk(b"abCd") * 10))
    assert "more than 10 chunks" in refused(file)[0]
    monkeypatch.setattr(picture_formats, "MOST_TAG_NUMBERS", 10)
    file.write_bytes(raw.tiff(IDS.tobytes(), 32, 24, tags={320: [0] * 11}))
    assert "11 numbers in one TIFF tag" in refused(file)[0]
    monkeypatch.setattr(picture_formats, "MOST_BYTES", 100)
    assert "files of up to 100 are read" in refused(file)[0]


# Damage -------------------------------------------------------------------------------------------


def damaged(data, count, seed):
    """Yields copies with a few bits flipped, bytes replaced, or an end cut off."""
    random = np.random.default_rng(seed)
    for number in range(count):
        copy = bytearray(data)
        if number % 3 == 0:
            copy = copy[: random.integers(0, len(copy))]
        elif number % 3 == 1:
            for place in random.integers(0, len(copy), random.integers(1, 4)):
                copy[place] ^= 1 << random.integers(0, 8)
        else:
            place = random.integers(0, len(copy))
            copy[place : place + 4] = random.bytes(random.integers(0, 8))
        yield bytes(copy), number % 3 == 0


def files_of_maps():
    palette = Image.fromarray(IDS)
    palette.putpalette([250, 10, 10, 10, 250, 10, 10, 10, 250, 10, 10, 10])
    grey, ids16 = Image.fromarray(IDS), Image.fromarray(IDS.astype(np.uint16))
    yield "PNG", [saved(grey, "PNG"), saved(palette, "PNG"), saved(ids16, "PNG")]
    yield "BMP", [saved(grey, "BMP"), saved(palette, "BMP")]
    yield "PPM", [saved(grey, "PPM")]
    packed = [saved(ids16, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate")]
    yield "TIFF", [saved(grey, "TIFF"), saved(palette, "TIFF"), saved(ids16, "TIFF"), *packed]


def files_of_photos():
    photo = Image.fromarray(PHOTO)
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = 1, "maker"
    yield "PNG", [saved(photo, "PNG", exif=tags)]
    yield "JPEG", [saved(photo, "JPEG", exif=tags), saved(photo, "JPEG", progressive=True)]
    yield "WEBP", [saved(photo, "WEBP", exif=tags), saved(photo, "WEBP", lossless=True)]
    yield "BMP", [saved(photo, "BMP")]
    yield "PPM", [saved(photo, "PPM")]
    yield "TIFF", [saved(photo, "TIFF"), saved(photo, "TIFF", compression="tiff_lzw")]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "TIFF"])
def test_500_damaged_label_maps(tmp_path, four, kind):
    sound = dict(files_of_maps())[kind]
    file = tmp_path / "a.png"
    refusals = 0
    for seed, data in enumerate(sound):
        for copy, cut in damaged(data, 500 // len(sound) + 1, seed):
            file.write_bytes(copy)
            try:
                ids = maps.read_label_map(file, four)
            except DataError as error:
                refusals += 1
                assert str(error).startswith(f"{file}: ")
                continue
            assert ids.max() < 4
            # Only PNG has checksums; of other formats a whole file shows the same size.
            assert kind != "PNG" or np.array_equal(ids, IDS)
            assert not cut or np.array_equal(ids, IDS)
    assert refusals > 150


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "PPM", "TIFF"])
def test_500_damaged_photos(tmp_path, kind):
    sound = dict(files_of_photos())[kind]
    file = tmp_path / "a.png"
    refusals = 0
    for seed, data in enumerate(sound):
        for copy, _ in damaged(data, 500 // len(sound) + 1, seed):
            file.write_bytes(copy)
            try:
                with warnings.catch_warnings():
                    # Of damaged EXIF data, without which the picture is read.
                    warnings.simplefilter("ignore")
                    photo = images.read_photo(file)
                    assert images.verify_picture(file) == photo.shape[:2]
            except DataError as error:
                refusals += 1
                assert str(error).startswith(f"{file}: ")
                continue
            assert photo.dtype == np.uint8 and photo.shape[-1] == 3
            assert kind != "PNG" or np.array_equal(photo, PHOTO)
    assert refusals > 150


def test_no_other_file_opens_pictures():
    openers = [path.name for path in SOURCES if "Image.open(" in path.read_text(encoding="utf-8")]
    # In two of them it is part of messages.
    assert sorted(openers) == ["map_checks.py", "palettes.py", "picture_files.py"]


def test_damaged_exif_data_are_named_as_such(tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(raw.png(IDS, before=raw.png_chunk(b"eXIf", b"no such data")))
    for text in refused(file):
        assert "damaged EXIF data" in text and "exiftool -exif:all=" in text


def test_a_jpeg_of_12_bits_is_named_as_such(tmp_path):
    data = bytearray(saved(Image.fromarray(PHOTO), "JPEG"))
    data[data.index(b"\xff\xc0\0") + 4] = 12
    (tmp_path / "a.jpg").write_bytes(data)
    for text in refused(tmp_path / "a.jpg"):
        assert "(it is a JPEG of 12 bits per channel). Save it with 8" in text
