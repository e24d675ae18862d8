"""Exported models, run by the programs that they were exported for; each imported on use."""
