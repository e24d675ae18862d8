"""What the comparisons on the drawn streets measure in a trained model."""

import numpy as np
from PIL import Image

from tfsynth import experiment, registry
from tfsynth.data.examples import Examples
from tfsynth.files import cache_folder
from tfsynth.metrics import boundary_visibility, spectrum_error
from tfsynth.streets import classes
from tfsynth.streets.cars import CAR_COLOURS
from tfsynth.synthesis.styles import majority_classes

# An object counts from so many pixels on: it is then more than its outline.
LEAST_PIXELS = 60
CARS = 60
SAMPLES = 8


def measure(folder, config):
    """Measures a run's synthesizer on the test streets.

    Args:
        folder: The run folder.
        config: Its `Config`. Pictures of a smaller size than the data's are resized to it.

    Returns:
        `{"steps": n, "measures": {name: number}}`.
    """
    synthesizer = experiment.load_synthesizer(folder)
    dataset = registry.build(config.data.dataset)
    full = (dataset.height, dataset.width)
    test = list(Examples(dataset.split("test"), full))
    small = list(Examples(dataset.split("test"), config.data.size))
    pictures = [
        _resized(synthesizer.synthesize(e["labels"], e["instances"], seed=i), full)
        for i, e in enumerate(small)
    ]
    real = [e["image"] for e in test]
    protocol = registry.build(config.evaluation)
    segmenter = protocol.fit(
        dataset.split("train"), dataset.fingerprint, cache_folder() / "segmenters", True
    )
    score = protocol.score(segmenter, zip((e["labels"] for e in test), pictures, strict=True))
    measures = {
        "mean IoU": score["mean_iou"],
        "pixel accuracy": score["pixel_accuracy"],
        "spectrum error, dB": spectrum_error(pictures, real),
        "visibility of boundaries between cars": _visibility(test, pictures),
        "the same, real photographs": _visibility(test, real),
    }
    if synthesizer.encoder is not None:
        measures |= _styles(synthesizer, dataset, full)
    return {"steps": synthesizer.provenance["steps"], "measures": measures}


def _resized(picture, size):
    if picture.shape[:2] == size:
        return picture
    return np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.BICUBIC))


def _visibility(examples, pictures):
    triples = ((e["labels"], e["instances"], p) for e, p in zip(examples, pictures, strict=True))
    return boundary_visibility(triples, classes.CAR)["visibility"]


def _styles(synthesizer, dataset, size):
    """Measures what styles do to cars: asked for, changed and drawn by lot."""
    train = _cars(dataset, "train", size, limit=300)
    looks = {name: [] for name in CAR_COLOURS}
    colours = {name: [] for name in CAR_COLOURS}
    for car in train:
        style = synthesizer.encode(car["image"], car["instances"])[car["id"]]
        looks[car["colour"]].append(style)
        colours[car["colour"]].append(mean_colour(car["image"], car["mask"]))
    looks = {name: np.mean(styles, axis=0) for name, styles in looks.items() if styles}
    truth = {name: np.mean(colours[name], axis=0) for name in looks}
    errors, chance, hits, outside, inside = [], [], [], [], []
    test = _cars(dataset, "test", size)[:CARS]
    for number, car in enumerate(test):
        given = synthesizer.encode(car["image"], car["instances"])
        before = synthesizer.synthesize(car["labels"], car["instances"], given)
        asked = list(looks)[number % len(looks)]
        after = synthesizer.synthesize(
            car["labels"], car["instances"], {**given, car["id"]: looks[asked]}
        )
        got = mean_colour(after, car["mask"])
        distances = {name: np.abs(got - colour).mean() for name, colour in truth.items()}
        errors.append(distances[asked])
        chance.append(np.mean(list(distances.values())))
        hits.append(min(distances, key=distances.__getitem__) == asked)
        change = np.abs(after.astype(float) - before).mean(axis=-1)
        inside.append(change[car["mask"]].mean())
        outside.append(change[~car["mask"]].mean())
    return {
        "colour error of a car asked for, of 255": float(np.mean(errors)),
        "the same to all colours, of 255": float(np.mean(chance)),
        "the same, real cars of the colour, of 255": float(
            np.mean([np.abs(np.array(colours[n]) - truth[n]).mean() for n in truth])
        ),
        "asked colour is the nearest": float(np.mean(hits)),
        "change inside the car, of 255": float(np.mean(inside)),
        "change elsewhere, of 255": float(np.mean(outside)),
        **_diversity(synthesizer, test, train),
    }


def _diversity(synthesizer, test, train):
    """The spread of cars' mean colours over samples of one layout, and over the data."""
    spreads = []
    for car in test[: CARS // 3]:
        samples = [
            mean_colour(
                synthesizer.synthesize(car["labels"], car["instances"], seed=seed), car["mask"]
            )
            for seed in range(SAMPLES)
        ]
        spreads.append(np.std(samples, axis=0, ddof=1).mean())
    data = np.std([mean_colour(car["image"], car["mask"]) for car in train], axis=0, ddof=1)
    return {
        "spread of a car's colour over samples, of 255": float(np.mean(spreads)),
        "spread of cars' colours in the data, of 255": float(data.mean()),
    }


def _cars(dataset, split, size, limit=None):
    names = {colour: name for name, colour in CAR_COLOURS.items()}
    cars = objects(dataset, split, size, classes.CAR, limit)
    return [{**car, "colour": names[car["colour"]]} for car in cars]


def objects(dataset, split, size, class_id, limit=None):
    """Finds the objects of a class that are large enough to have a colour.

    Args:
        dataset: The `Streets`.
        split: Name of its split.
        size: (rows, columns) of the pictures.
        class_id: The class.
        limit: Number of pictures to look at; `None` for all.

    Returns:
        List of dicts: an example's `labels`, `instances` and `image`, and the object's `id`,
        `mask` and `colour`, as drawn.
    """
    split, found = dataset.split(split), []
    for index, example in enumerate(Examples(split, size, limit=limit)):
        # Instances are numbered anew there; the looks name them as drawn.
        drawn = split.load(index)["instances"]
        numbers = {
            int(d): int(n) for d, n in zip(drawn.flat, example["instances"].flat, strict=True)
        }
        count = int(example["instances"].max()) + 1
        of_class = majority_classes(example["labels"], example["instances"], count)
        for look in split.looks(index):
            number = numbers.get(look.instance_id)
            if look.class_id != class_id or number is None or of_class[number] != class_id:
                continue
            mask = example["instances"] == number
            if mask.sum() >= LEAST_PIXELS:
                found.append({**example, "id": number, "mask": mask, "colour": look.colour})
    return found


def mean_colour(image, mask):
    """Returns the mean colour of an image under a mask, (3,)."""
    return image[mask].mean(axis=0)
