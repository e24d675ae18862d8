"""What a run writes for TensorBoard, without TensorFlow."""

from typing import Any

import keras


class ScalarWriters:
    """Writes numbers for TensorBoard, those of each kind into a folder of its own.

    Numbers of one tag and several kinds are lines of one chart.

    Args:
        folder: `pathlib.Path` of the logs.
    """

    def __init__(self, folder):
        self.folder = folder
        self._writers: dict[str, Any] = {}  # From the first number of a kind on.

    def add(self, kind, tag, value, step):
        """Writes a number; `kind` is the name of a folder."""
        # TensorBoard is slow to import, and only training needs it.
        from tensorboard.summary import Writer

        if kind not in self._writers:
            self._writers[kind] = Writer(str(self.folder / kind))
        self._writers[kind].add_scalar(tag, float(value), step)

    def flush(self):
        """Makes readers see what was written so far."""
        for writer in self._writers.values():
            writer.flush()

    def close(self):
        """Ends the files; what is written later goes into new ones."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


class TensorBoardLogs(keras.callbacks.Callback):
    """Writes the losses and rates of each epoch, as `keras.callbacks.TensorBoard` names them.

    That one needs TensorFlow. Training is written into `train/`, validation into `validation/`, as
    `epoch_<name>` at the number of the epoch.

    Args:
        folder: `pathlib.Path` of the logs.
    """

    def __init__(self, folder):
        super().__init__()
        self._scalars = ScalarWriters(folder)

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            kind = "validation" if name.startswith("val_") else "train"
            tag = f"epoch_{name.removeprefix('val_')}"
            self._scalars.add(kind, tag, value, epoch)
        self._scalars.flush()

    def on_train_end(self, logs=None):
        self._scalars.close()


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
