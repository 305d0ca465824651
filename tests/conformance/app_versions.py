"""An endpoint whose code comes in versions: the environment says which one this process has."""

import os

import perdure
from conformance.v1 import Nothing, Text, Texts, VersionedHandlers

from tests.conformance.speak import ask

VERSION = "CONFORMANCE_VERSION"


class Versioned(VersionedHandlers):
    """Tells its version."""

    def __init__(self, version: str) -> None:
        self.version = version

    async def which(self, ctx: perdure.Context, request: Nothing) -> Text:
        return Text(text=self.version)

    async def span(self, ctx: perdure.Context, request: Text) -> Texts:
        began = await ctx.run("begin", self.name_version)
        await ctx.run("wait", ask, request.text, "span")
        return Texts(texts=[began, self.version])

    async def repair(self, ctx: perdure.Context, request: Text) -> Text:
        began = await ctx.run("begin", self.name_version)
        if self.version == "1":
            raise RuntimeError("version 1 is broken")
        return Text(text=f"{began} {self.version}")

    def name_version(self) -> str:
        """The version, as a step."""
        return self.version


app = perdure.Endpoint(Versioned(os.environ.get(VERSION, "none")))
