"""Where figures come from: GPU, AI services, queues, database.

Each source is asked through a `Guarded`, which gives it a time limit and lets it fail alone. What
cannot be measured is `None`, never an invented number.
"""

from shared.sources.guard import Guarded, Reading, SourceError
from shared.sources.settings import SourceSettings

__all__ = ["Guarded", "Reading", "SourceError", "SourceSettings"]
