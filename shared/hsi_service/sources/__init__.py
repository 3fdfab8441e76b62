"""Where figures come from: GPU, AI services, queues, database.

Each source is asked through a `TimeLimited`, which gives it a time limit and lets it fail alone.
What cannot be measured is `None`, never an invented number.
"""

from hsi_service.sources.settings import SourceSettings
from hsi_service.sources.time_limited import Reading, SourceError, TimeLimited

__all__ = ["Reading", "SourceError", "SourceSettings", "TimeLimited"]
