"""Exported models, run by what users run them with; the module of a format is imported on use."""
