"""What Litestar brings for other libraries stays away."""

from litestar import Litestar

from hsi_service.skeleton.application import Application


def brought(app: Litestar) -> set[str]:
    return {type(plugin).__module__ for plugin in app.plugins}


def test_no_plugin_is_for_a_library_that_no_service_uses() -> None:
    ours, usual = brought(Application()), brought(Litestar())
    assert {module for module in usual - ours if "pydantic" not in module} <= {
        "litestar.plugins.attrs"
    }
    assert ours < usual
