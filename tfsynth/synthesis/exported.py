"""An exported model in the place of the synthesizer that it was made from."""

import numpy as np

from tfsynth.layers import Conditioning, PictureConditioning
from tfsynth.layouts.labels import LabelSet
from tfsynth.synthesis import checks, wrapping


class ExportedSynthesizer:
    """Makes photographs with an exported model, by the methods of `Synthesizer`.

    Without the model's encoder: styles are drawn, and neither given nor taken of a photograph.

    Args:
        runtime: Of `exporters.runtimes.open_runtime`.

    Raises:
        ValueError: If its description lacks something.
    """

    encoder = styles = None

    def __init__(self, runtime):
        self.runtime = runtime
        description = runtime.description
        try:
            labels = description["label_set"]
            self.label_set = None if labels is None else LabelSet.from_dict(labels)
            self.provenance = dict(description["provenance"])
            self.output_channels = int(description["output_channels"])
            self.num_outputs = int(description["num_outputs"])
            self.has_noise = bool(description["noise"])
            self.has_styles = bool(description["styles"] and description["styles"]["classes"])
            self.input_names = list(description["inputs"])
            edges = bool(description["edges"])
            if self.label_set is None:
                channels = description["inputs"]["condition"]["shape"][-1]
                self.conditioning = PictureConditioning(channels, edges)
            else:
                self.conditioning = Conditioning(self.label_set.num_classes, edges)
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"The exported model describes itself otherwise than this tfsynth: {error!r}. "
                "Export it again."
            ) from None

    def synthesize(self, condition, instances=None, styles=None, seed=0, wrap=False):
        """Synthesises photographs; see `Synthesizer.synthesize`.

        Raises:
            ValueError: If the arrays do not fit, or styles are given.
        """
        if styles is not None:
            raise ValueError(
                "An exported model draws its styles: give none, or use the .keras file."
            )
        if wrap:
            condition, instances, margin = wrapping.wrapped(self, condition, instances)
            return wrapping.unwrapped(self.synthesize(condition, instances, None, seed), margin)
        condition, single = checks.checked_condition(condition, self.conditioning, self.label_set)
        batch = condition[None] if single else condition
        seeds = checks.checked_seeds(seed, len(batch))
        inputs = {
            self.conditioning.condition_name: batch.astype(self.conditioning.condition_dtype),
            **checks.batch_of_instances(self, instances, batch, single),
        }
        if "seed" in self.input_names:
            inputs["seed"] = np.array(seeds, "int32")
        pictures = self.runtime.run(inputs)
        return pictures[0] if single else pictures

    def synthesize_all(self, condition, instances=None, styles=None, seed=0, wrap=False):
        """Synthesises all pictures of each layout; see `Synthesizer.synthesize_all`."""
        seeds = range(self.num_outputs) if self.num_outputs > 1 else [seed]
        found = [self.synthesize(condition, instances, styles, number, wrap) for number in seeds]
        return np.stack(found, axis=-4)

    def check(self, condition, instances=None, styles=None):
        """Raises unless `synthesize` takes these arrays; nothing is synthesised."""
        condition, single = checks.checked_condition(condition, self.conditioning, self.label_set)
        checks.batch_of_instances(self, instances, condition[None] if single else condition, single)
        sizes = self.runtime.description["inputs"][self.conditioning.condition_name]["shape"][1:3]
        size = condition.shape[:2] if single else condition.shape[1:3]
        if any(fixed not in (None, own) for fixed, own in zip(sizes, size, strict=True)):
            raise ValueError(
                f"This exported model takes pictures of {sizes[0]} x {sizes[1]} pixels only. "
                f"Received: {size[0]} x {size[1]}."
            )
