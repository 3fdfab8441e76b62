"""What a process has one of, for code that nobody hands it to."""

from typing import Generic, TypeVar

T = TypeVar("T")


class OnePerProcess(Generic[T]):
    """Holds the instance that the application factory made last."""

    def __init__(self, name: str) -> None:
        """Hold nothing yet.

        Args:
            name: Of the thing, for the error.

        """
        self._name = name
        self._instance: T | None = None

    def set(self, instance: T) -> T:
        """Hold an instance, and return it."""
        self._instance = instance
        return instance

    def get(self) -> T:
        """Return the instance.

        Raises:
            RuntimeError: No application was made in this process, or it was stopped.

        """
        if self._instance is None:
            raise RuntimeError(f"there is no {self._name} in this process: make its application")
        return self._instance

    def clear(self) -> None:
        """Hold nothing."""
        self._instance = None
