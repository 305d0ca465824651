"""The base of generated handler classes."""

from abc import ABC
from typing import ClassVar

from perdure.service import Service


class Handlers(ABC):
    """The handlers of one service, which a subclass implements as ``async def`` methods."""

    service: ClassVar[Service]
