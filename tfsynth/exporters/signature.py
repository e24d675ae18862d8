"""The tensors that an exported model takes, whatever the format."""


def tensors(synthesizer, batch=None, size=(None, None)):
    """Returns what `Synthesizer.one_picture` takes.

    Args:
        synthesizer: A `Synthesizer`.
        batch: Number of pictures; `None` if it is free.
        size: (height, width) in pixels; `None` where it is free.

    Returns:
        Dict of name -> (shape, dtype), in the order of `picture_input_names`: integer `labels`
        (batch, height, width) or uint8 `condition` (batch, height, width, channels), int32
        `instances` (batch, height, width), int32 `seed` (batch,).
    """
    conditioning, shape = synthesizer.conditioning, (batch, *size)
    channels = () if synthesizer.label_set else (conditioning.condition_channels,)
    found = {
        conditioning.condition_name: ((*shape, *channels), conditioning.condition_dtype),
        "instances": (shape, "int32"),
        "seed": ((batch,), "int32"),
    }
    return {name: found[name] for name in synthesizer.picture_input_names}
