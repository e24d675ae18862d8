"""What a run writes for TensorBoard, without TensorFlow."""

from typing import Any

import keras


class TensorBoardLogs(keras.callbacks.Callback):
    """Writes the losses and rates of each epoch, as `keras.callbacks.TensorBoard` names them.

    That one needs TensorFlow. Training is written into `train/`, validation into `validation/`, as
    `epoch_<name>` at the number of the epoch.

    Args:
        folder: `pathlib.Path` of the logs.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self._writers: dict[str, Any] = {}  # From the first epoch on.

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            kind = "validation" if name.startswith("val_") else "train"
            tag = f"epoch_{name.removeprefix('val_')}"
            self._writer(kind).add_scalar(tag, float(value), epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs=None):
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _writer(self, kind):
        # TensorBoard is slow to import, and only training needs it.
        from tensorboard.summary import Writer

        if kind not in self._writers:
            self._writers[kind] = Writer(str(self.folder / kind))
        return self._writers[kind]


def write_image(folder, tag, png, size, step):
    """Writes a picture for TensorBoard.

    Args:
        folder: `pathlib.Path` of the logs.
        tag: Its name.
        png: The bytes of a PNG file.
        size: (height, width) in pixels.
        step: Number of the step.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    height, width = size
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
    summary = Summary(value=[Summary.Value(tag=tag, image=image)])
    folder.mkdir(parents=True, exist_ok=True)
    writer = EventFileWriter(str(folder))
    writer.add_event(Event(step=step, summary=summary))
    writer.close()
