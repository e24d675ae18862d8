"""Runs TensorFlow's `saved_model_cli` several times, with one import of TensorFlow.

Reads a JSON list of argument lists, prints a JSON list of [exit code, output]. Neither Keras nor
tfsynth can be imported.
"""

import json
import os
import sys
import tempfile

for _name in ("keras", "tf_keras", "tfsynth"):
    sys.modules[_name] = None

from tensorflow.python.tools import saved_model_cli


def run(arguments):
    """Runs the program in a copy of this process; returns exit code and output."""
    with tempfile.TemporaryFile("w+") as output:
        child = os.fork()
        if child == 0:
            os.dup2(output.fileno(), 1)
            sys.argv = ["saved_model_cli", *arguments]
            # It raises SystemExit, which ends the copy.
            saved_model_cli.main()
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read()


if __name__ == "__main__":
    print(json.dumps([run(arguments) for arguments in json.load(sys.stdin)]))
