"""Settings of the sources, for the services that have them."""

from typing import Annotated

from msgspec import Meta

from shared.settings import Settings, SettingsError

Name = Annotated[str, Meta(min_length=1)]


class SourceSettings(Settings, frozen=True, kw_only=True):
    """Where the figures come from. What has no address is not asked, and not spoken of."""

    yolo26_url: str = ""
    """The object detector, as http:// or https://."""
    nemotron_url: str = ""
    """The language model (llama.cpp), as http:// or https://."""
    database_url: str = ""
    """PostgreSQL, as postgresql:// (postgres:// and postgresql+asyncpg:// are the same)."""
    detection_queue: Name = "detection_queue"
    """Redis list of images that wait for detection."""
    analysis_queue: Name = "analysis_queue"
    """Redis list of batches that wait for analysis."""
    dead_letter_queues: str = "dlq:detection_queue,dlq:analysis_queue"
    """Redis lists of what failed for good, separated by commas."""

    def __post_init__(self) -> None:
        """Check what a type cannot say. Addresses may hold passwords, and are not quoted."""
        super().__post_init__()
        for name in ("yolo26_url", "nemotron_url"):
            _check(name, getattr(self, name), ("http://", "https://"))
        _check("database_url", self.database_url, _DATABASE_SCHEMES)

    def dead_letters(self) -> list[str]:
        """Return the names in `dead_letter_queues`."""
        return [name for part in self.dead_letter_queues.split(",") if (name := part.strip())]


_DATABASE_SCHEMES = ("postgresql://", "postgres://", "postgresql+asyncpg://")


def _check(name: str, url: str, schemes: tuple[str, ...]) -> None:
    if url and not url.startswith(schemes):
        raise SettingsError(f"{name.upper()}: expected one of {', '.join(schemes)} in front")
