"""One whole file of each kind that the program reads."""

import dataclasses
import shutil
from collections.abc import Callable

import numpy as np
import yaml
from PIL import Image

import tfsynth
from tests import tiny
from tests.faults.program import ROOT
from tfsynth import exporters

GOLDENS = ROOT / "tests" / "goldens"
IDS = np.add.outer(np.arange(48), np.arange(64)).astype("uint8") // 8
PHOTO = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype("uint8")
PHOTO[8:40, 8:56] = PHOTO[8:40, 8:56] // 8 + 90


@dataclasses.dataclass
class Kind:
    """A kind of file.

    Attributes:
        name: Its name in the table.
        reads: What `reader` is to read it as.
        file: Its path, relative to the work folder.
        make: Callable that gets the path and writes the file.
        tries: Number of damaged files in the whole.
        sums: Whether its format has sums over the content: any changed bit can be found.
        length: Whether its format says how long it is: any cut can be found.
        program: Words after `tfsynth` that read the same file; empty: none does alone.
    """

    name: str
    reads: str
    file: str
    make: Callable
    tries: int
    sums: bool = True
    length: bool = True
    program: tuple = ()


def _copy(name):
    return lambda path: shutil.copy(GOLDENS / name, path)


def _picture(array, **options):
    return lambda path: Image.fromarray(array).save(path, **options)


def _config(path):
    path.write_text(yaml.safe_dump(tiny.tree("data"), sort_keys=False), encoding="utf-8")


def _labels(path):
    shutil.copy(ROOT / "configs" / "labels" / "camvid.yaml", path)


def _exported(format):
    def make(path):
        model = tfsynth.load_model(GOLDENS / "synthesizer_format_4.keras")
        exporters.export(model, path, format)

    return make


def _styles(path):
    random = np.random.default_rng(1)
    np.save(path, np.array({c: random.normal(size=(2, 3)) for c in range(4)}, dtype=object))


_TO = ("-o", "imported")
KINDS = [
    Kind(
        *("bundle", "bundle", "a.keras", _copy("synthesizer_format_2.keras"), 60),
        program=("describe", "a.keras"),
    ),
    Kind(
        *("LiteRT", "export", "a.tflite", _exported("tflite"), 30),
        program=("synthesize", "--model", "a.tflite"),
    ),
    Kind("ONNX", "export", "a.onnx", _exported("onnx"), 30),
    Kind("bundle with float16", "bundle", "half.keras", _copy("synthesizer_format_3.keras"), 30),
    Kind(
        *("checkpoint of PyTorch, zip", "pth", "G.pth", _copy("torch_G.pth"), 45),
        program=("import", "pix2pixhd", "G.pth", *_TO),
    ),
    Kind(
        *("checkpoint of PyTorch, legacy", "pth", "D.pth", _copy("torch_D.pth"), 25),
        sums=False,
    ),
    Kind("features of pix2pixHD, .npy", "npy", "features.npy", _styles, 25, sums=False),
    Kind("label map, PNG", "label map", "a.png", _picture(IDS), 60),
    Kind("label map, TIFF", "label map", "a.tif", _picture(IDS), 20, sums=False),
    Kind(
        *("label map, TIFF with LZW", "label map", "lzw.tif"),
        *(_picture(IDS, compression="tiff_lzw"), 15),
        sums=False,
    ),
    Kind("label map, BMP", "label map", "a.bmp", _picture(IDS), 20, sums=False),
    Kind(
        *("instance map, 16-bit PNG", "instance map", "i.png"),
        *(_picture(IDS.astype("uint16") * 1000), 35),
    ),
    Kind("photograph, PNG", "photograph", "p.png", _picture(PHOTO), 35),
    Kind("photograph, JPEG", "photograph", "p.jpg", _picture(PHOTO, quality=90), 30, sums=False),
    Kind("photograph, WebP", "photograph", "p.webp", _picture(PHOTO), 25, sums=False),
    Kind("photograph, TIFF", "photograph", "p.tif", _picture(PHOTO), 20, sums=False),
    Kind("label file", "labels", "camvid.yaml", _labels, 20, sums=False, length=False),
    Kind(
        *("config", "config", "tiny.yaml", _config, 20),
        sums=False,
        length=False,
    ),
]
