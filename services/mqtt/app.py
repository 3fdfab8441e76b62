"""The mqtt service, put together; `asgi.py` makes it of the environment.

One replica of N is connected with the broker: the one that holds the lease. The others wait.
"""

from functools import partial

from litestar import Litestar

from hsi.publisher import Publisher
from hsi_service.bus.active import Active
from hsi_service.bus.lease import Lease
from hsi_service.home import Home
from hsi_service.skeleton.active_status import report_active
from hsi_service.skeleton.service import Service, create_app
from services.mqtt.broker import Broker
from services.mqtt.incoming import FrigateIn
from services.mqtt.outgoing import HomeAssistantOut
from services.mqtt.settings import MqttSettings
from services.mqtt.told import Told


def create_mqtt_app(settings: MqttSettings) -> Litestar:
    """Build the application.

    Args:
        settings: Usually from the environment.

    """
    service = Service("mqtt", settings)
    lease = Lease(settings.redis_url, "mqtt", duration=settings.lease_seconds)
    active = Active(lease)
    report_active(service, lease)
    service.run_background("lease", lease.run)
    service.on_drain(lease.give_up)
    service.on_shutdown(lease.give_up)
    broker = Broker(
        settings.address(), service.metrics, status_topic=f"{settings.mqtt_topic}/status"
    )
    service.reports["broker"] = broker.report
    service.run_background("broker", partial(active.run, broker.run))
    if settings.follows_frigate:
        _follow_frigate(service, settings, broker)
    if settings.tells_home_assistant:
        home = Home(service, settings)
        service.run_background("home", home.run)
        out = HomeAssistantOut(service, settings, home, broker)
        service.run_background("home assistant", partial(active.run, out.run))
    return create_app(service, routes=[], active=active)


def _follow_frigate(service: Service, settings: MqttSettings, broker: Broker) -> None:
    publisher = Publisher(
        settings.redis_url,
        history_length=settings.history_length,
        replicas=settings.wait_for_replicas,
    )
    frigate = FrigateIn(
        broker,
        Told(settings.risks(), settings.zone, settings.frigate_url),
        publisher,
        service.history,
        service.metrics,
        channel=settings.redis_event_channel,
        topic=settings.frigate_topic,
        follow=settings.frigate_follow,
    )
    broker.on_begin(frigate.forget)
    service.reports["frigate"] = frigate.report
    service.on_shutdown(publisher.aclose)
