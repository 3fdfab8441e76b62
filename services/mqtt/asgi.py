"""The mqtt service, for any ASGI server: `services.mqtt.asgi:app`.

Beside `app.py`, because what is optional cannot be made where nothing configures it.
"""

import os

from hsi.settings import load
from services.mqtt.app import create_mqtt_app
from services.mqtt.settings import MqttSettings

app = create_mqtt_app(load(MqttSettings, os.environ))
