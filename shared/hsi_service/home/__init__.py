"""What is known of the home, followed in Redis: what notifications and bridges speak of."""

from hsi_service.home.cameras import CameraAt
from hsi_service.home.home import Home

__all__ = ["CameraAt", "Home"]
