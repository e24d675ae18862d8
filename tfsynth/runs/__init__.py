"""The parts of a run: its folder, its phases, what is checked before and what is left behind."""
