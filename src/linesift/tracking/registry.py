"""Registered models: which version an alias means, its model file, and moving an alias."""

from pathlib import Path
from typing import Any

from linesift.tracking.tracker import connect


class RegistryError(ValueError):
    """There is no such model or version; the message says what to do."""


class Registry:
    """The versions of one registered model.

    Parameters
    ----------
    uri : str
        Tracking server or database that keeps it.
    name : str
        Of the registered model.

    Raises
    ------
    RegistryError
        No model of this name.
    FileNotFoundError
        The database is not there.
    """

    def __init__(self, uri: str, name: str) -> None:
        from mlflow import MlflowException

        self.uri, self.name = uri, name
        self._client: Any = connect(uri)
        try:
            self._client.get_registered_model(name)
        except MlflowException as error:
            raise RegistryError(
                f"{uri} has no registered model {name!r}, or is not running; "
                "'python train.py' registers one"
            ) from error

    def version(self, alias: str) -> str | None:
        """Return the number of the version that an alias means, or None."""
        aliases: dict[str, str] = self._client.get_registered_model(self.name).aliases
        return str(aliases[alias]) if alias in aliases else None

    def model_file(self, version: str, folder: Path) -> Path:
        """Fetch the model file of a version into a folder; return its path.

        Raises
        ------
        RegistryError
            No such version, or one without a model file of this format.
        """
        from mlflow import MlflowException
        from mlflow.artifacts import download_artifacts

        try:
            fetched = download_artifacts(f"models:/{self.name}/{version}", dst_path=str(folder))
        except (MlflowException, OSError) as error:
            raise RegistryError(
                f"version {version} of {self.name!r} cannot be read from {self.uri} "
                "(no such version, or its files were moved or deleted)"
            ) from error
        found = sorted(Path(fetched).rglob("*.safetensors"))
        if not found:
            raise RegistryError(
                f"version {version} of {self.name!r} holds no model file that this version of "
                "linesift reads; train again"
            )
        return found[0]

    def point(self, alias: str, version: str, reason: str) -> None:
        """Let an alias mean a version, and note at the version why."""
        self._client.set_registered_model_alias(self.name, alias, version)
        self._client.set_model_version_tag(self.name, version, alias, reason)
