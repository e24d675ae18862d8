"""Labels that are no class, where a graph cannot refuse them."""

from keras import ops


def with_known_labels(synthesizer, inputs):
    """Returns inputs whose labels are classes.

    A label that is none would make a blank picture: it becomes the first void class; if there is
    none, the nearest of 0..num_classes-1.

    Args:
        synthesizer: A `Synthesizer`.
        inputs: Dict of the tensors that `one_picture` takes; without `labels` nothing changes.
    """
    if "labels" not in inputs:
        return inputs
    label_set, labels = synthesizer.label_set, ops.cast(inputs["labels"], "int32")
    known = ops.clip(labels, 0, label_set.num_classes - 1)
    if label_set.void_ids:
        known = ops.where(known == labels, labels, label_set.void_ids[0])
    return {**inputs, "labels": known}
