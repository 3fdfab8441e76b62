"""The joblogs service, for any ASGI server: `services.joblogs.app:app`."""

import os

from litestar import Litestar

from hsi.settings import load
from hsi_service.skeleton.service import Service, create_app
from services.joblogs.budget import JobLogBudget
from services.joblogs.jobs import Jobs
from services.joblogs.publish import ROUTES as PUBLISH_ROUTES
from services.joblogs.publish import JobPublishing
from services.joblogs.routes import find_job, job_logs, list_jobs
from services.joblogs.settings import JobLogSettings
from services.joblogs.streamer import JobLogStreamer


def create_joblogs_app(settings: JobLogSettings) -> Litestar:
    """Build the application.

    Args:
        settings: Usually from the environment.

    """
    service = Service("joblogs", settings)
    jobs = Jobs(settings.redis_url, name="joblogs")
    streamer = JobLogStreamer(service, jobs, idle_timeout=settings.idle_timeout)
    budget = JobLogBudget(
        settings.redis_url, settings.job_logs_bytes, service.metrics, name="joblogs"
    )
    service.run_background("sweep of jobs", streamer.sweep)
    service.run_background("budget of job logs", budget.run)
    service.on_shutdown(jobs.aclose)
    service.on_shutdown(budget.aclose)
    return create_app(
        service,
        routes=[job_logs, list_jobs, find_job, *PUBLISH_ROUTES],
        streamer=streamer,
        jobs=jobs,
        publishing=JobPublishing(service, per_minute=settings.publish_rate_limit),
    )


app = create_joblogs_app(load(JobLogSettings, os.environ))
