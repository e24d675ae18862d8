"""The parts of a run: its folder, its phases, the checks before training, and its results."""
