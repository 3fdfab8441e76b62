"""The notify service, for any ASGI server: `services.notify.asgi:app`.

Beside `app.py`, because what is optional cannot be made where nothing configures it.
"""

import os

from hsi.settings import load
from services.notify.app import create_notify_app
from services.notify.settings import NotifySettings

app = create_notify_app(load(NotifySettings, os.environ))
