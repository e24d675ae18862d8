"""Exported models, run without the networks that they were made from."""
