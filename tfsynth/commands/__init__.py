"""The verbs of `tfsynth`, one file each: parse, call the experiment, print.

A verb is a module with `SUMMARY` (a line for the list of commands), `EXAMPLES` (lines for its
help), `add_arguments(parser)` and `run(arguments)`. It imports what needs Keras inside `run`,
after all that can be refused without it: help and typing errors answer in under a second.
"""

from tfsynth.commands import (
    benchmark,
    describe,
    evaluate,
    export,
    importing,
    reproduce,
    styles,
    synthesize,
    train,
)

VERBS = {
    "train": train,
    "evaluate": evaluate,
    "synthesize": synthesize,
    "styles": styles,
    "export": export,
    "import": importing,
    "describe": describe,
    "reproduce": reproduce,
    "benchmark": benchmark,
}
