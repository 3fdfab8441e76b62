"""What one service needs is not on another's way."""

import subprocess
import sys


def test_the_events_service_needs_no_gpu_database_or_http_client() -> None:
    program = (
        "import sys, services.events.app\n"
        "print(sorted({'asyncpg', 'pynvml', 'httpx', 'hsi_service.sources'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
