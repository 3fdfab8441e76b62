"""The notify service, put together; `asgi.py` makes it of the environment.

One replica of N tells people: the one that holds the lease. The others wait.
"""

from functools import partial

from litestar import Litestar

from hsi.consumer import Consumer
from hsi.schemas import channels
from hsi_service.bus.active import Active
from hsi_service.bus.lease import Lease
from hsi_service.home.home import Home
from hsi_service.origins import Origin
from hsi_service.skeleton.active_status import report_active
from hsi_service.skeleton.service import Service, create_app
from services.notify.alert_history import AlertHistory
from services.notify.deliveries import Deliveries
from services.notify.follower import Counts, Follower, Pace, Source
from services.notify.news import alert_in, event_in, status_in
from services.notify.notifier import Notifier, NotifierMetrics
from services.notify.pictures import Pictures, origin_of
from services.notify.push import ROUTES as PUSH_ROUTES
from services.notify.push import push_of
from services.notify.redis_watch import Heartbeat, RedisWatch
from services.notify.routes import dead_letters, try_targets
from services.notify.rule_targets import RuleTargets
from services.notify.settings import NotifySettings
from services.notify.store import Store, consumer_name
from services.notify.targets import Target, Targets
from services.notify.webhook_replay import replay, replayer_of
from services.notify.webhook_target import webhooks_of


def create_notify_app(settings: NotifySettings) -> Litestar:
    """Build the application.

    Args:
        settings: Usually from the environment.

    Raises:
        SettingsError: A target cannot be used.

    """
    service = Service("notify", settings)
    lease = Lease(settings.redis_url, "notify", duration=settings.lease_seconds)
    active = Active(lease)
    report_active(service, lease)
    home = Home(service, settings)
    store = Store(settings.redis_url, lease, channel=settings.redis_event_channel)
    deliveries = Deliveries(service.supervisor)
    sources = _sources(settings)
    pace = Pace(patience=settings.notify_patience)

    def follower(target: Target, counts: Counts) -> Follower:
        return Follower(
            target,
            sources=sources,
            store=store,
            deliveries=deliveries,
            clock=lease.redis_clock,
            pace=pace,
            counts=counts,
            dashboard=settings.dashboard_url,
            home=lambda: home.verdict.title,
        )

    push, subscriptions = push_of(service, settings)
    webhooks = webhooks_of(service, settings)
    notifier = Notifier(
        [*_targets(settings), webhooks, *([subscriptions] if subscriptions else [])],
        make=follower,
        store=store,
        deliveries=deliveries,
        supervisor=service.supervisor,
        channels=list(sources),
        clock=lease.redis_clock,
    )
    watch = RedisWatch(
        settings.redis_url,
        lease,
        targets=lambda: notifier.targets,
        deliveries=deliveries,
        supervisor=service.supervisor,
        pace=pace,
        patience=settings.redis_patience,
        dashboard=settings.dashboard_url,
    )
    replayer = replayer_of(service, webhooks, sources)
    service.metrics.registry.register(NotifierMetrics(notifier))
    service.reports["notify"] = notifier.report
    service.run_background("lease", lease.run)
    service.run_background("home", home.run)
    service.run_background("targets", notifier.ask)
    service.run_background("notifications", partial(active.run, notifier.lead))
    service.run_background("watch of Redis", watch.run)
    if settings.heartbeat_url:
        beat = Heartbeat(
            settings.heartbeat_url,
            is_well=lambda: watch.is_heard and lease.held and notifier.reaches_somebody(),
        )
        service.run_background("heartbeat", beat.run)
    service.on_drain(notifier.rest)
    service.on_drain(lease.give_up)
    service.on_shutdown(lease.give_up)
    service.on_shutdown(store.aclose)
    service.on_shutdown(watch.aclose)
    return create_app(
        service,
        routes=[dead_letters, try_targets, replay, *PUSH_ROUTES],
        active=active,
        notifier=notifier,
        push=push,
        replayer=replayer,
        store=store,
        settings=settings,
    )


def _targets(settings: NotifySettings) -> list[Targets]:
    """Return where targets come from."""
    origins = [origin for text in settings.media_origins if (origin := Origin.parse(text))]
    if (frigate := origin_of(settings.frigate_url)) is not None:
        origins.append(frigate)
    pictures = Pictures(origins, dashboard=settings.dashboard_url)
    return [RuleTargets(settings.rules_file(), pictures)]


def _sources(settings: NotifySettings) -> dict[str, Source]:
    """Return what is followed, by channel."""
    url, dashboard = settings.redis_url, settings.dashboard_url

    def consumer(channel: str, target: str) -> Consumer:
        return Consumer(url, consumer_name(target, channel), channel)

    def alerts(target: str) -> AlertHistory:
        return AlertHistory(url, consumer_name(target, channels.ALERTS_HISTORY))

    events, statuses = settings.redis_event_channel, channels.SYSTEM_STATUS
    return {
        events: Source("events", partial(consumer, events), partial(event_in, dashboard=dashboard)),
        statuses: Source(
            "statuses", partial(consumer, statuses), partial(status_in, dashboard=dashboard)
        ),
        channels.ALERTS_HISTORY: Source("alerts", alerts, partial(alert_in, dashboard=dashboard)),
    }
