"""Litestar, without what it brings for libraries that no service uses."""

from litestar import Litestar
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin


class Application(Litestar):
    """An application whose data are msgspec's Structs."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        # Litestar's own list also imports pydantic and attrs wherever they are installed, which is
        # a sixth of the start.
        return [*plugins, MsgspecDIPlugin()]
