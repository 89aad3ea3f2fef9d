"""Runs in MLflow: written, read back, registered and served."""
